import HummingbirdTesting
import NIOCore
import NIOPosix
import Synchronization

/// A connection of a client that reads only as far as a test says.
final class Connection: Sendable {
  private let channel: any Channel
  private let inbox: Inbox

  struct NotLive: Error {}

  init(_ client: GatewayClient) async throws {
    guard let port = client.client.port else { throw NotLive() }
    let inbox = Inbox()
    self.inbox = inbox
    channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .channelOption(.autoRead, value: false)
      .channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandler(Reader(inbox))
        }
      }
      .connect(host: "127.0.0.1", port: port).get()
  }

  deinit { channel.close(promise: nil) }

  var received: String { inbox.text }

  func send(_ text: String) async throws { try await channel.writeAndFlush(ByteBuffer(string: text)).get() }

  /// Reads until this text came; false if the connection ended before.
  func reads(until text: String) async throws -> Bool {
    while !inbox.text.contains(text) {
      if inbox.hasEnded { return false }
      await inbox.more { channel.read() }
    }
    return true
  }

  func leave() { channel.close(promise: nil) }

  private final class Inbox: Sendable {
    private struct State {
      var bytes: [UInt8] = []
      var hasEnded = false
      var waiter: CheckedContinuation<Void, Never>?
    }

    private let state = Mutex(State())

    var text: String { state.withLock { String(decoding: $0.bytes, as: UTF8.self) } }
    var hasEnded: Bool { state.withLock { $0.hasEnded } }

    func more(_ read: () -> Void) async {
      await withCheckedContinuation { continuation in
        let hasEnded = state.withLock { state in
          if !state.hasEnded { state.waiter = continuation }
          return state.hasEnded
        }
        if hasEnded { continuation.resume() } else { read() }
      }
    }

    func take(_ bytes: [UInt8], isLast: Bool) {
      let waiter = state.withLock { state in
        state.bytes += bytes
        state.hasEnded = state.hasEnded || isLast
        defer { state.waiter = nil }
        return state.waiter
      }
      waiter?.resume()
    }
  }

  private final class Reader: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let inbox: Inbox

    init(_ inbox: Inbox) { self.inbox = inbox }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
      inbox.take(Array(unwrapInboundIn(data).readableBytesView), isLast: false)
    }

    func channelInactive(context: ChannelHandlerContext) { inbox.take([], isLast: true) }
  }
}
