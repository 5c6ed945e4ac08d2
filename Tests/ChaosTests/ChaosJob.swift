import JobWire

/// One job of a run: what is asked and how it is sent, a function of the seed and its number.
struct ChaosJob: Sendable {
  let id: String
  let prompt: String
  let taskName: String?
  let maxNewTokens: Int
  let isGreedy: Bool
  /// Pushed onto the list, without a gateway.
  let isDirect: Bool

  /// - Parameter isDirect: decides how it is sent, whatever the seed says.
  init(number: Int, seed: UInt64, isDirect: Bool? = nil) {
    var random = SeededRandom(seed: seed &+ UInt64(number) &* 0x1_0000_0001)
    let words = ["king", "winter", "dragon", "night", "sword", "prize", "call", "river", "crown", "win"]
    id = "c\(number)-\(String(seed, radix: 36))"
    prompt = (0..<6).map { _ in words[Int.random(in: 0..<words.count, using: &random)] }.joined(
      separator: " ")
    let kind = Int.random(in: 0..<8, using: &random)
    taskName = kind == 0 ? "spam" : kind < 3 ? "got" : nil
    maxNewTokens = Int.random(in: 3...60, using: &random)
    isGreedy = Bool.random(using: &random)
    let isDirectBySeed = Int.random(in: 0..<5, using: &random) < 2
    self.isDirect = isDirect ?? isDirectBySeed
  }

  /// The body for `POST /generate`, and the payload on the list.
  var body: String {
    let task = taskName.map { #","task_name":"\#($0)""# } ?? ""
    let temperature = isGreedy ? 0 : 0.9
    return ##"{"id":"\##(id)","prompt":"\##(prompt)","max_new_tokens":\##(maxNewTokens),"##
      + ##""temperature":\##(temperature)\##(task)}"##
  }
}
