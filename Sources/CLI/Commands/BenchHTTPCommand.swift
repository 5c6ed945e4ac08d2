import ArgumentParser
import JobWire

/// `gpt2 bench http`: what a running service does under load.
struct BenchHTTPCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "http", abstract: "Measure a running service: requests a second and how long each takes.",
    discussion: """
      Every client sends its next request when the last one is answered. Each request has another prompt: seven \
      random words, or a random number and the text of --prompt. The rates count what was answered in the time; \
      the latencies are those of all requests that were begun in it.
      """)

  @Option(help: "The service, as http://host:port; /generate is added where no path is given.") var url:
    String
  @Option(parsing: .unconditional, help: "Clients at the same time.") var concurrency = 8
  @Option(parsing: .unconditional, help: "How long.") var seconds = 10.0
  @Option(parsing: .unconditional, help: "How many tokens each request adds.") var maxNewTokens = 12
  @Option(help: "The text of all prompts, after a number that differs.") var prompt: String?
  @Option(help: "Sent as x-api-key.") var apiKey: String?
  @Option(parsing: .unconditional, help: "How many seconds a client waits for an answer.") var timeout = 120.0
  @Flag(help: "Print JSON.") var json = false

  func validate() throws {
    guard (1...4096).contains(concurrency) else {
      throw ValidationError("--concurrency is \(concurrency); allowed are 1 to 4096")
    }
    guard (0.1...86400).contains(seconds) else {
      throw ValidationError("--seconds is \(seconds); allowed are 0.1 to 86400")
    }
    guard (1...1 << 20).contains(maxNewTokens) else {
      throw ValidationError("--max-new-tokens is \(maxNewTokens); allowed are 1 to \(1 << 20)")
    }
    guard (0.1...3600).contains(timeout) else {
      throw ValidationError("--timeout is \(timeout); allowed are 0.1 to 3600 seconds")
    }
    guard apiKey?.utf8.allSatisfy({ (0x20...0x7E).contains($0) }) ?? true else {
      throw ValidationError("--api-key has characters that no header can hold")
    }
  }

  func run() async throws {
    guard let base = HTTPProbe(url),
      let target = HTTPProbe(base.path == "/" ? Self.generateRoute(of: url) : url)
    else { throw ValidationError("--url is \"\(url)\"; allowed is http://host:port, or that with a path") }
    // The seed is another one in each run: the service may remember the last one's prompts.
    let load = HTTPLoad(
      target: target, headers: apiKey.map { "x-api-key: \($0)\r\n" } ?? "", concurrency: concurrency,
      seconds: seconds, prompt: prompt, maxNewTokens: maxNewTokens, seed: .random(in: .min ... .max),
      timeout: timeout)
    let figures = LoadFigures(try load.run(), seconds: seconds)
    StandardOutput.write(
      json ? String(decoding: figures.json.encoded, as: UTF8.self) + "\n" : figures.table)
  }

  private static func generateRoute(of url: String) -> String {
    (url.hasSuffix("/") ? String(url.dropLast()) : url) + "/generate"
  }
}
