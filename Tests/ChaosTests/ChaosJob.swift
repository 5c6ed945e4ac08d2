import JobWire

/// One job of a run: what is asked and how it is sent, a function of the seed and its number.
struct ChaosJob: Sendable {
  /// How a producer gets its result.
  enum Way: Sendable {
    /// `POST /generate`, answered with the result.
    case waiting
    /// The same, answered token by token.
    case streaming
    /// Pushed onto the list, without a gateway.
    case direct
  }

  let id: String
  let prompt: String
  let taskName: String?
  let maxNewTokens: Int
  let isGreedy: Bool
  let priority: String
  let way: Way
  /// When somebody cancels it, after it is first sent.
  let cancellationMilliseconds: Int?

  /// - Parameter way: decides how it is sent, whatever the seed says, and that nobody cancels it.
  init(number: Int, seed: UInt64, way: Way? = nil) {
    var random = SeededRandom(seed: seed &+ UInt64(number) &* 0x1_0000_0001)
    let words = ["king", "winter", "dragon", "night", "sword", "prize", "call", "river", "crown", "win"]
    id = "c\(number)-\(String(seed, radix: 36))"
    prompt = (0..<6).map { _ in words[Int.random(in: 0..<words.count, using: &random)] }.joined(
      separator: " ")
    let kind = Int.random(in: 0..<8, using: &random)
    taskName = kind == 0 ? "spam" : kind < 3 ? "got" : nil
    maxNewTokens = Int.random(in: 3...60, using: &random)
    isGreedy = Bool.random(using: &random)
    let ways: [Way] = [.waiting, .waiting, .streaming, .streaming, .direct, .direct]
    let wayBySeed = ways[Int.random(in: 0..<ways.count, using: &random)]
    self.way = way ?? wayBySeed
    let priorities = ["default", "default", "high", "low"]
    priority = priorities[Int.random(in: 0..<priorities.count, using: &random)]
    let isCancelled = Int.random(in: 0..<8, using: &random) == 0
    let delay = Int.random(in: 0..<400, using: &random)
    cancellationMilliseconds = isCancelled && way == nil ? delay : nil
  }

  /// Where a producer without a gateway pushes it.
  var list: String { "{gpt2}:q:\(priority)" }

  /// Where the result of a pushed job is announced.
  var replyList: String { "{gpt2}:reply:\(id)" }

  /// The body for `POST /generate` that asks for the result alone.
  var body: String { "{\(fields)}" }

  /// What this job's way sends.
  var message: String {
    switch way {
    case .waiting: #"{\#(fields),"priority":"\#(priority)"}"#
    case .streaming: #"{\#(fields),"priority":"\#(priority)","stream":true}"#
    case .direct: #"{\#(fields),"reply_to":"\#(replyList)"}"#
    }
  }

  private var fields: String {
    let task = taskName.map { #","task_name":"\#($0)""# } ?? ""
    let temperature = isGreedy ? 0 : 0.9
    return ##""id":"\##(id)","prompt":"\##(prompt)","max_new_tokens":\##(maxNewTokens),"##
      + ##""temperature":\##(temperature)\##(task)"##
  }
}
