package import JobQueue
package import JobWire

/// The settings of a gateway.
///
/// ## Configuration keys
/// - `HOST` (`127.0.0.1`), `PORT` (8080; 0 is any free port): where to listen.
/// - `API_KEY` (none), `API_KEYS` (none), `API_KEYS_FILE` (none): who may call; see `APIKeys`.
/// - `REQUESTS_PER_MINUTE` (0: no limit), `TOKENS_PER_MINUTE` (0: no limit): of each caller whose key doesn't say
///   anything else, and of all together if there are no keys.
/// - `INSECURE` (`false`): listen on other addresses than loopback without any key.
/// - `MAX_BODY_BYTES`, `MAX_PROMPT_BYTES`, `MAX_NEW_TOKENS`, `MAX_PROMPTS`, `MAX_COMPLETIONS`,
///   `MAX_LOGPROBS`, `MAX_STOP_STRINGS`, `MAX_STOP_LENGTH`, `MAX_LOGIT_BIASES`, `MAX_JSON_DEPTH`,
///   `QUEUE_NAMESPACE`: see `RequestLimits`.
/// - `REQUEST_TIMEOUT_SECONDS` (120): how long a client waits for its result at most.
/// - `HEADER_TIMEOUT_SECONDS` (10): from the opening of a connection to its first complete header.
/// - `BODY_TIMEOUT_SECONDS` (30): from a header to the end of its body.
/// - `IDLE_TIMEOUT_SECONDS` (60): between two requests on a connection.
/// - `WRITE_TIMEOUT_SECONDS` (30): how long a client may leave unread what was sent to it.
/// - `PING_SECONDS` (15): how often a streamed response says that it is alive.
/// - `MAX_HEADER_BYTES` (16384): the header of a request, all fields together.
/// - `MAX_CONNECTIONS` (1024): more wait to be accepted.
/// - `MAX_CONNECTIONS_PER_ADDRESS` (512): more are closed at once; 0 is no limit.
/// - `CORS_ORIGINS` (none): the origins whose pages may call, as browsers send them, with commas between.
/// - `MODEL_NAME` (`gpt2`): by which the model can be asked for.
/// - `FOLLOW_TIMEOUT_SECONDS` (3600): how long a job that nobody waits for is followed at most.
/// - `FOLLOW_MB` (64): memory for the events of such jobs; what finds no place comes with the result.
/// - `DRAIN_SECONDS` (20): what requests under way have after SIGTERM.
package struct GatewayConfiguration: Sendable {
  package var host = "127.0.0.1"
  package var port = 8080
  package var keys = APIKeys.none
  package var insecure = false
  package var requestsPerMinute = 0
  package var tokensPerMinute = 0
  /// Counts what callers use; where there are several gateways, one that they share.
  package var rateLimiter: any RateLimiter = InMemoryRateLimiter()
  package var limits = RequestLimits()
  package var requestTimeout = Duration.seconds(120)
  package var headerTimeout = Duration.seconds(10)
  package var bodyTimeout = Duration.seconds(30)
  package var idleTimeout = Duration.seconds(60)
  package var maxConnections = 1024
  package var maxConnectionsPerAddress = 512
  package var corsOrigins: [String] = []
  package var writeTimeout = Duration.seconds(30)
  package var pingInterval = Duration.seconds(15)
  package var modelName = "gpt2"
  /// Of the service, for those who ask.
  package var version = ""
  package var followTimeout = Duration.seconds(3600)
  package var maxTrailBytes = 64 << 20
  package var drain = Duration.seconds(20)
  /// How often a waiting request asks whether its job still exists: the safety net for a store that came back
  /// without it.
  package var recheckInterval = Duration.seconds(5)
  /// Of all header fields of one request together.
  package var maxHeaderBytes = 16_384

  package init() {}

  package var rateLimits: RateLimits {
    RateLimits(
      limiter: rateLimiter, requestsPerMinute: requestsPerMinute, tokensPerMinute: tokensPerMinute)
  }

  package func validate() throws(GatewayError) {
    try require("PORT", port, in: 0...65_535)
    try require("MAX_BODY_BYTES", limits.maxBodyBytes, in: 1_024...67_108_864)
    try require("MAX_PROMPT_BYTES", limits.maxPromptBytes, in: 1...limits.maxBodyBytes)
    try require("MAX_NEW_TOKENS", limits.maxNewTokens, in: 1...1_048_576)
    try require("REQUESTS_PER_MINUTE", requestsPerMinute, in: CallerLimits.allowed)
    try require("TOKENS_PER_MINUTE", tokensPerMinute, in: CallerLimits.allowed)
    try require("MAX_HEADER_BYTES", maxHeaderBytes, in: 1_024...1_048_576)
    try require("MAX_CONNECTIONS", maxConnections, in: 1...1_000_000)
    try require("MAX_CONNECTIONS_PER_ADDRESS", maxConnectionsPerAddress, in: 0...1_000_000)
    for origin in corsOrigins where !Self.isOrigin(origin) {
      throw GatewayError(
        "CORS_ORIGINS",
        "\(origin) is no origin; allowed are scheme://host or scheme://host:port, each exactly")
    }
    try require("REQUEST_TIMEOUT_SECONDS", requestTimeout, upTo: 3_600)
    try require("HEADER_TIMEOUT_SECONDS", headerTimeout, upTo: 3_600)
    try require("BODY_TIMEOUT_SECONDS", bodyTimeout, upTo: 3_600)
    try require("IDLE_TIMEOUT_SECONDS", idleTimeout, upTo: 3_600)
    try require("WRITE_TIMEOUT_SECONDS", writeTimeout, upTo: 3_600)
    try require("PING_SECONDS", pingInterval, upTo: 3_600)
    try require("FOLLOW_TIMEOUT_SECONDS", followTimeout, upTo: 86_400)
    try require("FOLLOW_MB", maxTrailBytes >> 20, in: 0...65_536)
    if host.isEmpty { throw GatewayError("HOST", "must not be empty") }
    if keys.isEmpty, !insecure, !isLoopback {
      throw GatewayError(
        "HOST",
        "\(host) can be reached from other machines, and no key is set; set API_KEY or API_KEYS_FILE, or "
          + "INSECURE=true (--insecure) if everybody who reaches it may use it")
    }
  }

  /// As browsers write it: without a path, a wildcard, or a capital letter.
  private static func isOrigin(_ text: String) -> Bool {
    let rest = ["https://", "http://"].first { text.hasPrefix($0) }.map { text.dropFirst($0.count) } ?? ""
    return !rest.isEmpty
      && rest.utf8.allSatisfy { byte in
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
          || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || "-.:[]".utf8.contains(byte)
      }
  }

  private var isLoopback: Bool {
    if ["localhost", "::1"].contains(host) { return true }
    let parts = host.split(separator: ".", omittingEmptySubsequences: false).map { UInt8($0) }
    return parts.count == 4 && parts.first == 127 && !parts.contains(nil)
  }

  private func require(
    _ setting: String, _ value: Int, in range: ClosedRange<Int>
  ) throws(GatewayError) {
    guard range.contains(value) else {
      throw GatewayError(setting, "\(value) must be from \(range.lowerBound) to \(range.upperBound)")
    }
  }

  private func require(_ setting: String, _ value: Duration, upTo seconds: Int) throws(GatewayError) {
    guard value > .zero, value <= .seconds(seconds) else {
      throw GatewayError(setting, "\(value) must be more than 0 and at most \(seconds) seconds")
    }
  }
}
