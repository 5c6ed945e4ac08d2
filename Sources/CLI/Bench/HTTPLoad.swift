import GPT2
import Glibc
import JobWire
import Synchronization

/// Clients that each send a request, wait for its answer and send the next one, on connections that stay open.
///
/// One thread a client: they wait nearly all of the time, and none of it is for another client.
struct HTTPLoad: Sendable {
  let target: HTTPProbe
  /// Lines of header that go with every request.
  let headers: String
  let concurrency: Int
  let seconds: Double
  let prompt: String?
  let maxNewTokens: Int
  let seed: UInt64
  /// How long a client waits for an answer, in seconds.
  let timeout: Double

  /// What became of one request.
  struct Outcome: Sendable, Equatable {
    /// Seconds since the start of the load.
    var begin: Double
    var end: Double
    /// Nil for a request that failed.
    var generatedTokens: Int?
  }

  struct Failure: Error, CustomStringConvertible {
    let description: String
  }

  private static let warmUpRequests = 3
  /// So that clients that are refused do not take the CPU from the server.
  private static let pauseAfterError: UInt32 = 20_000

  func run() throws -> [Outcome] {
    try warmUp()
    let begin = ContinuousClock.now
    let outcomes = Collected()
    try ThreadTeam.run(concurrency) { client in
      let own = self.serve(client, since: begin)
      outcomes.all.withLock { $0 += own }
    }
    return outcomes.all.withLock { $0 }
  }

  private final class Collected: Sendable {
    let all = Mutex<[Outcome]>([])
  }

  /// Shows what is wrong, if everything is, before any time passes.
  private func warmUp() throws {
    var connection = try HTTPConnection(to: target, headers: headers, timeout: timeout)
    var prompts = prompts(of: concurrency)
    for _ in 0..<Self.warmUpRequests where connection.isOpen {
      let answer = try connection.post(prompts.nextBody())
      guard answer.status == 200 else {
        throw Failure(
          description:
            "http://\(target.host.urlHost):\(target.port)\(target.path) answers with \(answer.status): "
            + String(decoding: answer.body, as: UTF8.self))
      }
    }
  }

  private func prompts(of client: Int) -> LoadPrompts {
    var seeds = SplitMix64(seed: seed &+ UInt64(client))
    return LoadPrompts(text: prompt, maxNewTokens: maxNewTokens, seed: seeds.next())
  }

  private func serve(_ client: Int, since begin: ContinuousClock.Instant) -> [Outcome] {
    func now() -> Double { (ContinuousClock.now - begin) / .seconds(1) }
    var prompts = prompts(of: client)
    var outcomes: [Outcome] = []
    while now() < seconds {
      guard var connection = try? HTTPConnection(to: target, headers: headers, timeout: timeout) else {
        outcomes.append(Outcome(begin: now(), end: now(), generatedTokens: nil))
        usleep(Self.pauseAfterError)
        continue
      }
      while connection.isOpen, now() < seconds {
        let body = prompts.nextBody()
        let sent = now()
        let answer = try? connection.post(body)
        outcomes.append(
          Outcome(begin: sent, end: now(), generatedTokens: answer.flatMap(Self.generatedTokens)))
        if answer?.status != 200 { usleep(Self.pauseAfterError) }
      }
    }
    return outcomes
  }

  /// Nil for an error.
  private static func generatedTokens(_ answer: HTTPConnection.Answer) -> Int? {
    guard answer.status == 200, let json = try? JSONValue(parsing: answer.body) else { return nil }
    return json["usage"]?["completion_tokens"]?.integerValue.flatMap { Int(exactly: $0) } ?? 0
  }
}
