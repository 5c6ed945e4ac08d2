import Gateway
import HTTPTypes
import JobQueue
import JobWire
import Testing

/// Jobs that are submitted, asked for, cancelled and followed in requests of their own.
@Suite(.timeLimit(.minutes(1))) struct JobRoutesTests {
  @Test("A job is accepted, can be asked for while it waits and runs, and its result afterwards")
  func life() async throws {
    let fixture = GatewayFixture()
    try await fixture.run { client in
      let accepted = try await client.send(.post, "/jobs", body: #"{"prompt":"a","id":"x1"}"#)
      #expect(accepted.status == 202)
      #expect(accepted.header("location") == "/jobs/x1")
      #expect(accepted.json?["status"]?.stringValue == "queued")
      #expect(accepted.json?["position"]?.integerValue == 1)
      #expect(try await client.send(.get, "/jobs/x1").json?["status"]?.stringValue == "queued")
      let worker = try await HandWorker.take(from: fixture.memory)
      #expect(worker.request.stream)
      #expect(try await client.send(.get, "/jobs/x1").json?["status"]?.stringValue == "running")
      try await worker.post("A")
      let done = try await client.send(.get, "/jobs/x1")
      #expect(done.status == 200)
      #expect(done.json?["completion"]?.stringValue == "A")
      let again = try await client.send(.post, "/jobs", body: #"{"prompt":"a","id":"x1"}"#)
      #expect(again.status == 202)
      #expect(again.json?["status"]?.stringValue == "completed")
    }
  }

  @Test("A job that waits is taken out, one that runs is told to stop, and one that is done stays done")
  func cancelling() async throws {
    let fixture = GatewayFixture()
    try await fixture.run { client in
      _ = try await client.send(.post, "/jobs", body: #"{"prompt":"a","id":"waits"}"#)
      for _ in 0..<2 {
        let cancelled = try await client.send(.delete, "/jobs/waits")
        #expect(cancelled.status == 200)
        #expect(cancelled.json?["status"]?.stringValue == "cancelled")
      }
      for path in ["/jobs/waits", "/jobs/waits/events"] {
        let gone = try await client.send(.get, path)
        #expect(gone.status == 404)
        #expect(gone.error("code") == "job_cancelled")
      }

      _ = try await client.send(.post, "/jobs", body: #"{"prompt":"a","id":"runs"}"#)
      let worker = try await HandWorker.take(from: fixture.memory)
      async let cancelling = client.send(.delete, "/jobs/runs")
      var told = fixture.memory.interruptions.makeAsyncIterator()
      #expect(await told.next() == .cancelled(worker.id))
      try await worker.post(.cancelled(id: "runs"))
      #expect(try await cancelling.status == 200)

      _ = try await client.send(.post, "/jobs", body: #"{"prompt":"a","id":"done"}"#)
      try await HandWorker.take(from: fixture.memory).post("A")
      let late = try await client.send(.delete, "/jobs/done")
      #expect(late.status == 409)
      #expect(late.error("code") == "job_finished")
    }
  }

  @Test("A job that was cancelled is not submitted again, and may be cancelled again")
  func cancelledBefore() async throws {
    try await GatewayFixture().run { client in
      let body = #"{"prompt":"a","id":"x1"}"#
      #expect(try await client.send(.post, "/jobs", body: body).status == 202)
      for _ in 0..<2 { #expect(try await client.send(.delete, "/jobs/x1").status == 200) }
      let again = try await client.send(.post, "/jobs", body: body)
      #expect(again.status == 409)
      #expect(again.error("code") == "cancelled")
      #expect(try await client.send(.get, "/jobs/x1").error("code") == "job_cancelled")
    }
  }

  @Test("A job that nobody knows is not found, and an id that is none is refused")
  func unknown() async throws {
    try await GatewayFixture().run { client in
      for (method, path) in [
        (HTTPRequest.Method.get, "/jobs/none"), (.delete, "/jobs/none"), (.get, "/jobs/none/events"),
      ] {
        let reply = try await client.send(method, path)
        #expect(reply.status == 404)
        #expect(reply.error("code") == "job_not_found")
      }
      #expect(try await client.send(.get, "/jobs/a%20b").status == 422)
    }
  }

  @Test("The events of a job are told from the first on, to each reader from where it left off")
  func events() async throws {
    let fixture = GatewayFixture()
    try await fixture.run { client in
      _ = try await client.send(.post, "/jobs", body: #"{"prompt":"a","id":"x1"}"#)
      let worker = try await HandWorker.take(from: fixture.memory)
      try await worker.emit(0, ["A", "B"])
      async let early = client.send(.get, "/jobs/x1/events")
      try await worker.emit(2, ["C"])
      try await worker.post("ABCD")
      #expect(Self.numbers(try await early.text) == [1, 2, 3, 4, 5])
      let whole = try await client.send(.get, "/jobs/x1/events")
      #expect(whole.header("content-type") == "text/event-stream")
      #expect(Self.numbers(whole.text) == [1, 2, 3, 4, 5])
      #expect(Self.texts(whole.text) == ["A", "B", "C", "D"])
      #expect(whole.text.hasSuffix("data: [DONE]\n\n"))
      let rest = try await client.send(.get, "/jobs/x1/events", headers: [("last-event-id", "3")])
      #expect(Self.numbers(rest.text) == [4, 5])
      #expect(Self.texts(rest.text) == ["D"])
      let all = try await client.send(.get, "/jobs/x1/events", headers: [("last-event-id", "5")])
      #expect(all.text == "data: [DONE]\n\n")
      // Counted by another gateway, which had more of them.
      let more = try await client.send(.get, "/jobs/x1/events", headers: [("last-event-id", "9")])
      #expect(more.text.contains(#""status":"completed""#))
      let wrong = try await client.send(.get, "/jobs/x1/events", headers: [("last-event-id", "x")])
      #expect(wrong.status == 400)
      #expect(wrong.error("param") == "Last-Event-ID")
    }
  }

  @Test("The events of a job that failed end with its error")
  func failedEvents() async throws {
    let fixture = GatewayFixture { .failed(id: $0.id ?? "", JobFailure(code: .internalError, message: "m")) }
    try await fixture.run { client in
      _ = try await client.send(.post, "/jobs", body: #"{"prompt":"a","id":"x1"}"#)
      let reply = try await client.send(.get, "/jobs/x1/events")
      #expect(reply.text.contains(#""code":"internal_error""#))
      #expect(reply.text.hasSuffix("data: [DONE]\n\n"))
    }
  }

  @Test("Of a job that somebody else submitted, the events are told from the first on")
  func foreignJob() async throws {
    let fixture = GatewayFixture()
    let id = try #require(JobID("pushed"))
    try await fixture.run { client in
      _ = try await fixture.memory.submit(
        JobSubmission(id: id, payload: Array(#"{"id":"pushed","prompt":"a"}"#.utf8)))
      let worker = try await HandWorker.take(from: fixture.memory)
      async let events = client.send(.get, "/jobs/pushed/events")
      while try await worker.emit(0, ["A"]) == .delivered(attachments: 0) { await Task.yield() }
      try await worker.emit(0, ["A", "B"])
      try await worker.emit(2, ["C"])
      try await worker.post("ABCD")
      #expect(Self.texts(try await events.text) == ["A", "B", "C", "D"])
    }
  }

  @Test("A job of somebody else that is lost ends its events with an error")
  func lostForeignJob() async throws {
    var fixture = GatewayFixture()
    fixture.configuration.recheckInterval = .milliseconds(1)
    let memory = fixture.memory
    let id = try #require(JobID("pushed"))
    try await fixture.run { client in
      _ = try await memory.submit(
        JobSubmission(id: id, payload: Array(#"{"id":"pushed","prompt":"a"}"#.utf8)))
      let worker = try await HandWorker.take(from: memory)
      async let events = client.send(.get, "/jobs/pushed/events")
      while try await worker.emit(0, ["A"]) == .delivered(attachments: 0) { await Task.yield() }
      try await memory.bury(worker.job, id: nil, reason: "lost", result: nil, replyTo: nil)
      let text = try await events.text
      #expect(text.contains(#""code":"job_not_found""#))
      #expect(text.hasSuffix("data: [DONE]\n\n"))
    }
  }

  @Test("Where keys are set, nobody reaches the job of another")
  func scopes() async throws {
    var fixture = GatewayFixture()
    fixture.configuration.keys = try APIKeys(key: nil, file: "a:key-a\nb:key-b")
    try await fixture.run { client in
      let (mine, other) = ([("x-api-key", "key-a")], [("x-api-key", "key-b")])
      _ = try await client.send(.post, "/jobs", headers: mine, body: #"{"prompt":"a","id":"x1"}"#)
      #expect(try await client.send(.get, "/jobs/x1", headers: mine).status == 200)
      for (method, path) in [
        (HTTPRequest.Method.get, "/jobs/x1"), (.delete, "/jobs/x1"), (.get, "/jobs/x1/events"),
      ] {
        #expect(try await client.send(method, path, headers: other).status == 404)
      }
    }
  }

  @Test("When the memory for events is used up, the text comes with the result")
  func noMemory() async throws {
    var fixture = GatewayFixture()
    fixture.configuration.maxTrailBytes = 0
    let memory = fixture.memory
    try await fixture.run { client in
      _ = try await client.send(.post, "/jobs", body: #"{"prompt":"a","id":"x1"}"#)
      let worker = try await HandWorker.take(from: memory)
      try await worker.emit(0, ["A", "B"])
      try await worker.post("AB")
      #expect(Self.texts(try await client.send(.get, "/jobs/x1/events").text) == ["AB"])
    }
  }

  private static func numbers(_ text: String) -> [Int] {
    text.split(separator: "\n").compactMap { $0.hasPrefix("id: ") ? Int($0.dropFirst(4)) : nil }
  }

  private static func texts(_ text: String) -> [String] {
    text.split(separator: "\n").compactMap { line in
      guard line.hasPrefix("data: {"), let json = try? JSONValue(parsing: Array(line.dropFirst(6).utf8)),
        json["status"] == nil
      else { return nil }
      return json["text"]?.stringValue
    }
  }
}
