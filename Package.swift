// swift-tools-version: 6.1
import PackageDescription

let swiftSettings: [SwiftSetting] = [
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("MemberImportVisibility"),
  .enableUpcomingFeature("InternalImportsByDefault"),
]

/// The kernels are compiled with optimization in debug builds too: unoptimized inner loops would make the tests crawl.
let kernelSettings: [CSetting] = [.unsafeFlags(["-O3", "-ffp-contract=off"])]

extension Target.Dependency {
  static let argumentParser = product(name: "ArgumentParser", package: "swift-argument-parser")
  static let collections = product(name: "DequeModule", package: "swift-collections")
  static let configuration = product(name: "Configuration", package: "swift-configuration")
  static let crypto = product(name: "Crypto", package: "swift-crypto")
  static let httpTypes = product(name: "HTTPTypes", package: "swift-http-types")
  static let hummingbird = product(name: "Hummingbird", package: "hummingbird")
  static let hummingbirdTesting = product(name: "HummingbirdTesting", package: "hummingbird")
  static let logging = product(name: "Logging", package: "swift-log")
  static let nioCore = product(name: "NIOCore", package: "swift-nio")
  static let nioHTTP1 = product(name: "NIOHTTP1", package: "swift-nio")
  static let nioHTTPTypesHTTP1 = product(name: "NIOHTTPTypesHTTP1", package: "swift-nio-extras")
  static let nioHTTPTypes = product(name: "NIOHTTPTypes", package: "swift-nio-extras")
  static let nioPosix = product(name: "NIOPosix", package: "swift-nio")
  static let serviceLifecycle = product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
  static let subprocess = product(name: "Subprocess", package: "swift-subprocess")
  static let unixSignals = product(name: "UnixSignals", package: "swift-service-lifecycle")
}

func swiftTarget(_ name: String, dependencies: [Target.Dependency] = []) -> Target {
  .target(name: name, dependencies: dependencies, swiftSettings: swiftSettings)
}

func testTarget(
  _ name: String, dependencies: [Target.Dependency], exclude: [String] = []
) -> Target {
  .testTarget(name: name, dependencies: dependencies, exclude: exclude, swiftSettings: swiftSettings)
}

/// What several test targets share.
func testSupport(_ name: String, dependencies: [Target.Dependency] = []) -> Target {
  .target(
    name: name, dependencies: dependencies, path: "Tests/TestSupport/\(name)", swiftSettings: swiftSettings)
}

let package = Package(
  name: "gpt2-service",
  products: [.executable(name: "gpt2", targets: ["CLI"])],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
    .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
    .package(url: "https://github.com/apple/swift-configuration", from: "1.4.0", traits: []),
    .package(url: "https://github.com/apple/swift-crypto", from: "4.5.0"),
    .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0"),
    .package(url: "https://github.com/apple/swift-log", from: "1.16.0"),
    .package(url: "https://github.com/apple/swift-nio", from: "2.101.0"),
    .package(url: "https://github.com/apple/swift-nio-extras", from: "1.35.0"),
    .package(
      url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.0",
      traits: ["ConfigurationSupport"]),
    .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
    .package(url: "https://github.com/swiftlang/swift-subprocess", from: "1.0.2", traits: []),
  ],
  targets: [
    .systemLibrary(name: "CHiredis"),
    .target(name: "CKernels", cSettings: kernelSettings),
    .target(
      name: "CTokenizerData", exclude: ["gpt2.merges", "README.md"],
      cSettings: [.unsafeFlags(["-Wno-c23-extensions"])]),
    .target(name: "CWebPage", exclude: ["files"], cSettings: [.unsafeFlags(["-Wno-c23-extensions"])]),
    swiftTarget("ThreadExecutor"),
    swiftTarget("GPT2", dependencies: ["CKernels", "CTokenizerData", "ThreadExecutor"]),
    swiftTarget("JobWire"),
    swiftTarget("JobQueue", dependencies: [.collections, .serviceLifecycle]),
    swiftTarget(
      "JobQueueRedis",
      dependencies: ["JobQueue", "CHiredis", "ThreadExecutor", .logging, .serviceLifecycle]),
    swiftTarget(
      "QueueWorker", dependencies: ["JobQueue", "JobWire", "GPT2", .logging, .serviceLifecycle]),
    swiftTarget(
      "Gateway",
      dependencies: [
        "CWebPage", "JobQueue", "JobWire", "Observability", .hummingbird, .httpTypes, .nioCore, .nioHTTP1,
        .nioHTTPTypes, .nioHTTPTypesHTTP1,
        .collections,
        .crypto,
        .logging, .serviceLifecycle,
      ]),
    swiftTarget("Observability", dependencies: [.hummingbird, .logging, .nioCore, .serviceLifecycle]),
    .executableTarget(
      name: "CLI",
      dependencies: [
        "GPT2", "JobWire", "JobQueue", "JobQueueRedis", "QueueWorker", "Gateway", "Observability",
        .argumentParser, .configuration, .crypto, .logging, .serviceLifecycle, .subprocess,
        .unixSignals,
      ],
      swiftSettings: swiftSettings),

    testSupport("JobQueueConformance", dependencies: ["JobQueue", .serviceLifecycle]),
    testSupport("RedisTestServer"),
    testSupport("ServiceUnderTest"),
    testTarget("GPT2Tests", dependencies: ["GPT2", "CKernels"], exclude: ["Fixtures"]),
    testTarget("JobWireTests", dependencies: ["JobWire"]),
    testTarget("JobQueueTests", dependencies: ["JobQueue", "JobQueueConformance", .serviceLifecycle]),
    testTarget(
      "JobQueueRedisTests",
      dependencies: [
        "JobQueue", "JobQueueRedis", "JobQueueConformance", "RedisTestServer", "ThreadExecutor", .logging,
      ]),
    testTarget(
      "QueueWorkerTests",
      dependencies: ["JobQueue", "JobWire", "QueueWorker", .logging, .serviceLifecycle]),
    testTarget(
      "GatewayTests",
      dependencies: [
        "Gateway", "CWebPage", "JobQueue", "JobWire", "Observability", .hummingbird, .hummingbirdTesting,
        .httpTypes, .logging,
        .nioCore,
        .nioPosix,
      ]),
    testTarget(
      "ObservabilityTests",
      dependencies: ["Observability", .hummingbirdTesting, .httpTypes, .logging, .nioCore, .serviceLifecycle]),
    testTarget(
      "CLITests", dependencies: ["CLI", "GPT2", "JobQueue", "JobWire", "Observability", .argumentParser]),
    testTarget("EndToEndTests", dependencies: ["CLI", "JobWire", "RedisTestServer", "ServiceUnderTest"]),
    testTarget("ChaosTests", dependencies: ["CLI", "JobWire", "RedisTestServer", "ServiceUnderTest"]),
  ],
  swiftLanguageModes: [.v6]
)
