import Gateway
import HTTPTypes
import HummingbirdTesting
import JobQueue
import JobWire
import Testing

/// `POST /generate` with `stream`, and `POST /generate_stream`: what is in the events.
@Suite(.timeLimit(.minutes(1))) struct StreamTests {
  /// What a client gets when a worker does this.
  static func reply(
    _ body: String = #"{"prompt":"a","id":"x1","stream":true}"#, path: String = "/generate",
    fixture: GatewayFixture = GatewayFixture(), _ work: @escaping @Sendable (HandWorker) async throws -> Void
  ) async throws -> StreamedReply {
    try await fixture.run { client in
      async let reply = client.send(.post, path, body: body)
      try await work(try await HandWorker.take(from: fixture.memory))
      let done = try await reply
      #expect(done.status == 200)
      #expect(done.header("content-type") == "text/event-stream")
      #expect(done.header("cache-control") == "no-cache")
      #expect(done.header("x-job-id") == "x1")
      return try StreamedReply(done.text)
    }
  }

  @Test(
    "Each token is an event, then comes the result and the end",
    arguments: [
      ("/generate", #"{"prompt":"a","id":"x1","stream":true}"#),
      ("/generate_stream", #"{"prompt":"a","id":"x1"}"#),
      ("/generate_stream", #"{"prompt":"a","id":"x1","stream":false}"#),
    ])
  func events(path: String, body: String) async throws {
    let reply = try await Self.reply(body, path: path) { worker in
      #expect(worker.request.stream)
      try await worker.emit(0, [" The"])
      try await worker.emit(1, ["", " é\n"])
      try await worker.post(" The é\n")
    }
    #expect(reply.texts == [" The", "", " é\n"])
    #expect(reply.tokens == [100, 101, 102])
    #expect(reply.pieces.allSatisfy { $0["id"]?.stringValue == "x1" && $0["index"]?.integerValue == 0 })
    #expect(reply.result?["completion"]?.stringValue == " The é\n")
    #expect(reply.isDone)
  }

  @Test("Pieces of a second worker that overlap what the client has give each token once")
  func overlap() async throws {
    let reply = try await Self.reply { worker in
      try await worker.emit(0, ["a", "b", "c"])
      try await worker.emit(0, ["a", "b", "c", "d"])
      try await worker.emit(2, ["c", "d", "e"])
      try await worker.post("abcde")
    }
    #expect(reply.texts == ["a", "b", "c", "d", "e"])
    #expect(reply.tokens == [100, 101, 102, 103, 104])
  }

  @Test("What is missing comes from the result, as one event without a token")
  func gap() async throws {
    let reply = try await Self.reply { worker in
      try await worker.emit(0, ["a"])
      try await worker.emit(2, ["c"])
      try await worker.post("abcd")
    }
    #expect(reply.texts == ["a", "bcd"])
    #expect(reply.tokens == [100, nil])
  }

  @Test("A piece that closes a gap is given out")
  func closedGap() async throws {
    let reply = try await Self.reply { worker in
      try await worker.emit(1, ["b"])
      try await worker.emit(0, ["a", "b", "c"])
      try await worker.post("abc")
    }
    #expect(reply.tokens == [100, 101, 102])
  }

  @Test("A piece that can't be read does no harm")
  func junk() async throws {
    let reply = try await Self.reply { worker in
      let junk = Array("{".utf8)
      _ = try await worker.memory.emit(
        JobProgress(job: worker.job, id: worker.id, sequence: 1, body: junk, replyTo: nil))
      try await worker.emit(0, ["a", "b"])
      try await worker.post("ab")
    }
    #expect(reply.texts == ["a", "b"])
  }

  @Test(
    "However a text is cut, repeated and lost on its way, the events together are the text",
    arguments: 0..<25)
  func anyPieces(seed: UInt64) async throws {
    var random = Random(state: seed)
    let texts = (0..<40).map { $0 % 7 == 3 ? "" : ["é", "e\u{301}", " ", "👩‍👩‍👧", "\r\n"][$0 % 5] }
    var pieces: [(Int, [String])] = []
    var end = 0
    while end < texts.count {
      let first = max(0, end - Int.random(in: 0...5, using: &random))
      end = min(texts.count, end + Int.random(in: 1...6, using: &random))
      if Int.random(in: 0..<10, using: &random) > 0 { pieces.append((first, Array(texts[first..<end]))) }
    }
    let sent = pieces
    let complete = texts.joined() + "!"
    let reply = try await Self.reply { worker in
      for (first, texts) in sent { try await worker.emit(first, texts) }
      try await worker.post(complete)
    }
    #expect(Array(reply.text.utf8) == Array(complete.utf8))
    let tokens = reply.tokens.compactMap(\.self)
    #expect(tokens == (0..<Int64(tokens.count)).map { 100 + $0 })
  }

  @Test("A classification has no tokens: its result is all there is")
  func classification() async throws {
    let reply = try await Self.reply(#"{"prompt":"a","id":"x1","task_name":"spam","stream":true}"#) {
      try await $0.post(
        JobResult(
          id: "x1", status: .completed, completion: "spam", label: "spam",
          scores: [.init(label: "spam", probability: 1)]))
    }
    #expect(reply.pieces.isEmpty)
    #expect(reply.result?["label"]?.stringValue == "spam")
    #expect(reply.isDone)
  }

  @Test("A job that fails after it was accepted ends with an error event")
  func failure() async throws {
    let reply = try await Self.reply { worker in
      try await worker.emit(0, ["a"])
      try await worker.post(.failed(id: "x1", JobFailure(code: .internalError, message: "broken")))
    }
    #expect(reply.texts == ["a"])
    #expect(reply.error == "internal_error")
    #expect(reply.isDone)
  }

  @Test("A text that goes on from none that was given out is an error, not a mixture")
  func differs() async throws {
    let reply = try await Self.reply { worker in
      try await worker.emit(0, ["a"])
      try await worker.post("b")
    }
    #expect(reply.error == "text_differs")
    #expect(reply.isDone)
  }

  @Test("A stream that takes too long ends with an error event")
  func deadline() async throws {
    var fixture = GatewayFixture()
    fixture.configuration.requestTimeout = .milliseconds(50)
    let reply = try await Self.reply(fixture: fixture) { _ in }
    #expect(reply.error == "deadline_exceeded")
    #expect(reply.isDone)
  }

  /// SplitMix64.
  private struct Random: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
      state &+= 0x9E37_79B9_7F4A_7C15
      var mixed = (state ^ (state >> 30)) &* 0xBF58_476D_1CE4_E5B9
      mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
      return mixed ^ (mixed >> 31)
    }
  }
}
