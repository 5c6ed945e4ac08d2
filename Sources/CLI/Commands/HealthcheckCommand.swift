import ArgumentParser

/// `gpt2 healthcheck`: the probe of containers, whose images have no curl.
struct HealthcheckCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "healthcheck",
    abstract: "Ask a gateway or a worker whether it is ready; exit 0 if it is, 1 if not.")

  @Option(
    help: "What to ask, as http://host:port/path. Default: /ready of the gateway on this host (HOST, PORT).")
  var url: String?
  @Flag(help: "Ask the worker on this host (ADMIN_HOST, ADMIN_PORT) instead of the gateway.")
  var worker = false
  @Option(parsing: .unconditional, help: "How many seconds to wait for the answer.")
  var timeout: Double = 3
  @OptionGroup(visibility: .hidden) var http: HTTPOptions
  @OptionGroup(visibility: .hidden) var admin: AdminOptions

  func validate() throws {
    guard (0.1...300).contains(timeout) else {
      throw ValidationError("--timeout is \(timeout); allowed are 0.1 to 300 seconds")
    }
    guard url == nil || !worker else { throw ValidationError("give --url or --worker, not both") }
  }

  func run() async throws {
    let settings = try Settings(http, admin)
    let port = try settings.int(worker ? .adminPort : .port, in: 1...65535)
    let host = settings.string(worker ? .adminHost : .host)
    let target = url ?? "http://\(Self.reachable(host).urlHost):\(port)/ready"
    guard let probe = HTTPProbe(target) else {
      throw ValidationError("--url is \"\(target)\"; allowed is http://host:port/path")
    }
    let answer = try probe.get(timeout: timeout)
    StandardOutput.write(answer.body + "\n")
    guard answer.status == 200 else { throw ExitCode.failure }
  }

  /// Where a server that listens on `host` can be reached from this machine.
  static func reachable(_ host: String) -> String {
    switch host {
    case "0.0.0.0": "127.0.0.1"
    case "::": "::1"
    default: host
    }
  }
}
