import Gateway
import HTTPTypes
import HummingbirdTesting
import JobQueue
import JobWire
import NIOCore
import Testing

/// What becomes of the job of a stream: when it is refused, lost, shared, or left alone.
@Suite(.timeLimit(.minutes(1))) struct StreamedJobTests {
  private static let body = #"{"prompt":"a","id":"x1","stream":true}"#

  private static let completed: GatewayFixture.Answer = { job in
    var result = GatewayFixture.completed(job)
    result.choices = [.init(text: result.completion ?? "", finishReason: .length, tokens: [])]
    return result
  }

  @Test("What is refused before the job is accepted is an error as anywhere")
  func refused() async throws {
    var fixture = GatewayFixture()
    let queue = ScriptedQueue(fixture.memory)
    fixture.queue = queue
    queue.fail(.submit, with: JobQueueError(.queueFull, "full", retryAfter: .milliseconds(2100)))
    try await fixture.run { client in
      let full = try await client.generate(Self.body)
      #expect(full.status == 429)
      #expect(full.header("retry-after") == "3")
      #expect(full.error("code") == "queue_full")
      queue.fail(.submit, with: JobQueueError(.unavailable, "gone", retryAfter: .seconds(7)))
      let gone = try await client.generate(Self.body)
      #expect(gone.status == 503)
      #expect(gone.header("retry-after") == "7")
      let wrong = try await client.send(.post, "/generate_stream", body: #"{"prompt":""}"#)
      #expect(wrong.status == 422)
    }
  }

  @Test("A job that was done before is streamed from its result; one that failed is a plain error")
  func doneBefore() async throws {
    let fixture = GatewayFixture { job in
      job.id == "x1"
        ? await Self.completed(job) : .failed(id: "x2", JobFailure(code: .internalError, message: "m"))
    }
    try await fixture.run { client in
      let plain = try await client.generate(#"{"prompt":"a","id":"x1"}"#)
      let streamed = try StreamedReply(try await client.generate(Self.body).text)
      #expect(streamed.texts == ["A"])
      #expect(streamed.result == plain.json)
      for _ in 0..<2 {
        _ = try await client.generate(#"{"prompt":"a","id":"x2"}"#)
        let failed = try await client.generate(#"{"prompt":"a","id":"x2","stream":true}"#)
        #expect(failed.status == 500)
      }
    }
  }

  @Test("A job that the store forgot is submitted again, and its notice looked for")
  func lostStore() async throws {
    for isDeaf in [false, true] {
      var fixture = GatewayFixture(answer: Self.completed)
      let queue = ScriptedQueue(fixture.memory)
      fixture.queue = queue
      fixture.configuration.recheckInterval = .milliseconds(1)
      queue.lose(2)
      if isDeaf { queue.goDeaf() }
      try await fixture.run { client in
        let reply = try StreamedReply(try await client.generate(Self.body).text)
        #expect(reply.texts == ["A"])
        #expect(reply.isDone)
      }
    }
  }

  @Test("A token is with the client before the next one exists, and whoever comes later gets the whole text")
  func attached() async throws {
    let fixture = GatewayFixture()
    try await fixture.run(.live) { client in
      let first = try await Connection(client)
      try await first.send(ConnectionTests.post(Self.body, headers: "connection: close\r\n"))
      let worker = try await HandWorker.take(from: fixture.memory)
      for index in 0..<5 {
        try await worker.emit(index, [" w\(index)"])
        #expect(try await first.reads(until: #"" w\#(index)""#))
      }
      let second = try await Connection(client)
      try await second.send(ConnectionTests.post(Self.body, headers: "connection: close\r\n"))
      #expect(try await second.reads(until: "\r\n\r\n"))
      try await worker.emit(5, [" w5"])
      try await worker.post(" w0 w1 w2 w3 w4 w5")
      #expect(try await first.reads(until: "[DONE]"))
      #expect(try await second.reads(until: "[DONE]"))
      #expect(second.received.contains(#""text":" w0 w1 w2 w3 w4 w5"}"#))
      #expect(!first.received.contains(#""text":" w0 w1"#) || first.received.contains(#""status""#))
    }
  }

  @Test("A stream in which nothing happens says that it is alive")
  func ping() async throws {
    var fixture = GatewayFixture()
    fixture.configuration.pingInterval = .milliseconds(1)
    let memory = fixture.memory
    try await fixture.run(.live) { client in
      let connection = try await Connection(client)
      try await connection.send(ConnectionTests.post(Self.body))
      #expect(try await connection.reads(until: ": ping\n\n"))
      let worker = try await HandWorker.take(from: memory)
      try await worker.emit(0, ["a"])
      try await worker.post("a")
      #expect(try await connection.reads(until: "data: [DONE]\n\n"))
    }
  }

  @Test("A client that leaves a stream cancels its job, whether it waits or runs", arguments: [false, true])
  func clientLeaves(isRunning: Bool) async throws {
    let fixture = GatewayFixture()
    let memory = fixture.memory
    try await fixture.run(.live) { client in
      let id = try #require(JobID("x1"))
      let connection = try await Connection(client)
      try await connection.send(ConnectionTests.post(Self.body))
      #expect(try await connection.reads(until: "\r\n\r\n"))
      if isRunning {
        let worker = try await HandWorker.take(from: memory)
        try await worker.emit(0, ["a"])
        #expect(try await connection.reads(until: #""a""#))
        connection.leave()
        let interruption = await memory.interruptions.first { _ in true }
        #expect(interruption == .cancelled(id))
      } else {
        connection.leave()
        let result = try JobResult.decode(try await memory.waitForResult(of: id))
        #expect(result.status == .cancelled)
      }
    }
  }

  @Test("A client that stops reading is cut off, and its job with it")
  func stuck() async throws {
    var fixture = GatewayFixture()
    fixture.configuration.writeTimeout = .milliseconds(50)
    let memory = fixture.memory
    try await fixture.run(.live) { client in
      let connection = try await Connection(client)
      try await connection.send(ConnectionTests.post(Self.body))
      let worker = try await HandWorker.take(from: memory)
      let text = String(repeating: "a", count: 65_536)
      var number = 0
      while try await worker.emit(number, [text]) != .cancelled {
        number += 1
        await Task.yield()
      }
      connection.leave()
    }
  }
}
