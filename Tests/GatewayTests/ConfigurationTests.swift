import Gateway
import JobQueue
import JobWire
import Logging
import Testing

/// Settings that must stop the start.
@Suite struct ConfigurationTests {
  @Test("The defaults are valid")
  func defaults() throws {
    try GatewayConfiguration().validate()
  }

  @Test(
    "Without a key only loopback addresses are served",
    arguments: [
      ("127.0.0.1", true), ("127.1.2.3", true), ("localhost", true), ("::1", true), ("0.0.0.0", false),
      ("::", false), ("192.168.1.2", false), ("127.0.0.1.example.org", false), ("127.0.0", false),
      ("example.org", false), ("", false),
    ])
  func exposure(host: String, isAllowed: Bool) throws {
    var configuration = GatewayConfiguration()
    configuration.host = host
    var error: GatewayError?
    do { try configuration.validate() } catch let found { error = found }
    #expect(error?.setting == (isAllowed ? nil : "HOST"))
  }

  @Test("With a key, or with INSECURE, any address is served")
  func exposed() throws {
    var configuration = GatewayConfiguration()
    configuration.host = "0.0.0.0"
    configuration.insecure = true
    try configuration.validate()
    configuration.insecure = false
    configuration.keys = try APIKeys(key: "k")
    try configuration.validate()
  }

  static let outOfRange: [(setting: String, change: @Sendable (inout GatewayConfiguration) -> Void)] = [
    ("PORT", { $0.port = -1 }), ("PORT", { $0.port = 65_536 }),
    ("MAX_BODY_BYTES", { $0.limits.maxBodyBytes = 0 }),
    ("MAX_PROMPT_BYTES", { $0.limits.maxPromptBytes = 0 }),
    ("MAX_PROMPT_BYTES", { $0.limits.maxPromptBytes = 262_145 }),
    ("MAX_NEW_TOKENS", { $0.limits.maxNewTokens = 0 }),
    ("MAX_CONNECTIONS", { $0.maxConnections = 0 }),
    ("REQUEST_TIMEOUT_SECONDS", { $0.requestTimeout = .zero }),
    ("REQUEST_TIMEOUT_SECONDS", { $0.requestTimeout = .seconds(3_601) }),
    ("HEADER_TIMEOUT_SECONDS", { $0.headerTimeout = .seconds(-1) }),
    ("BODY_TIMEOUT_SECONDS", { $0.bodyTimeout = .zero }),
    ("IDLE_TIMEOUT_SECONDS", { $0.idleTimeout = .zero }),
  ]

  @Test("A value out of range names its setting", arguments: outOfRange.indices)
  func ranges(index: Int) {
    let (setting, change) = Self.outOfRange[index]
    var configuration = GatewayConfiguration()
    change(&configuration)
    let error = #expect(throws: GatewayError.self) { try configuration.validate() }
    #expect(error?.setting == setting)
  }

  @Test("An application isn't built from settings that are wrong")
  func application() {
    var configuration = GatewayConfiguration()
    configuration.host = "0.0.0.0"
    let queue = InMemoryJobQueue { _ in nil }
    #expect(throws: GatewayError.self) {
      try GatewayApplication.buildApplication(
        configuration: configuration, queue: queue, logger: Logger(label: "test"))
    }
  }
}
