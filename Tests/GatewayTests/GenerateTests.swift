import Gateway
import HummingbirdTesting
import JobQueue
import JobWire
import NIOCore
import Testing

/// `POST /generate`, the waiting form.
@Suite struct GenerateTests {
  @Test("The response is the result as it is stored")
  func completed() async throws {
    let fixture = GatewayFixture(answer: GatewayFixture.completed)
    try await fixture.run { client in
      let reply = try await client.generate(#"{"prompt":"hello","task_name":"spam","id":"x1"}"#)
      #expect(reply.status == 200)
      #expect(reply.header("content-type") == "application/json")
      #expect(reply.header("x-job-id") == "x1")
      #expect(reply.json?["completion"]?.stringValue == "HELLO")
      let stored = try await fixture.memory.result(of: try #require(JobID("x1")))
      #expect(stored == Array(reply.text.utf8))
    }
  }

  @Test(
    "The old curl lines work over a socket, whatever content type they send",
    arguments: [
      "application/json", "application/x-www-form-urlencoded", nil,
    ])
  func curl(contentType: String?) async throws {
    try await GatewayFixture(answer: GatewayFixture.completed).run(.live) { client in
      let reply = try await client.generate(
        #"{"prompt":"You won a prize","task_name":"spam","max_new_tokens":5,"temperature":0.7,"top_p":0.9,"top_k":50}"#,
        headers: contentType.map { [("content-type", $0)] } ?? [])
      #expect(reply.status == 200)
      #expect(reply.json?["completion"]?.stringValue == "YOU WON A PRIZE")
    }
  }

  @Test("The job on the queue carries what was asked, an id and the trace of the header")
  func payload() async throws {
    let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    let fixture = GatewayFixture { job in
      var result = GatewayFixture.completed(job)
      result.completion = String(decoding: job.encode(), as: UTF8.self)
      return result
    }
    try await fixture.run { client in
      let reply = try await client.generate(
        #"{"prompt":"p","top_k":5,"seed":9007199254740993,"priority":"high"}"#,
        headers: [("traceparent", trace)])
      let sent = try #require(reply.json?["completion"]?.stringValue)
      let job = try JobRequest.decode(Array(sent.utf8), mode: .queue)
      #expect(job.topK == 5)
      #expect(job.seed == 9_007_199_254_740_993)
      #expect(job.priority == .high)
      // The gateway is a part of the trace, and the parent of what the worker does.
      #expect(job.traceID == "4bf92f3577b34da6a3ce929d0e0e4736")
      #expect(job.traceparent?.hasSuffix("-01") == true)
      #expect(job.traceparent != trace)
      #expect(job.id == reply.json?["id"]?.stringValue)
    }
  }

  @Test("Two requests without an id are two jobs")
  func madeIDs() async throws {
    try await GatewayFixture(answer: GatewayFixture.completed).run { client in
      let first = try await client.generate(#"{"prompt":"p"}"#)
      let second = try await client.generate(#"{"prompt":"p"}"#)
      #expect(first.json?["id"] != nil)
      #expect(first.json?["id"] != second.json?["id"])
    }
  }

  @Test("An id that was used before gives the same result again, without another run")
  func idempotency() async throws {
    let fixture = GatewayFixture { job in
      var result = GatewayFixture.completed(job)
      result.worker = "run-\(UInt64.random(in: .min ... .max))"
      return result
    }
    try await fixture.run { client in
      let key = [("idempotency-key", "k-1")]
      let first = try await client.generate(#"{"prompt":"p"}"#, headers: key)
      let second = try await client.generate(#"{ "prompt": "p", "temperature": 1 }"#, headers: key)
      let third = try await client.generate(#"{"prompt":"p","id":"k-1"}"#)
      #expect(first.json?["id"]?.stringValue == "k-1")
      #expect(first.text == second.text)
      #expect(first.text == third.text)
    }
  }

  @Test("An id that is used again for another request is a conflict")
  func conflict() async throws {
    try await GatewayFixture(answer: GatewayFixture.completed).run { client in
      _ = try await client.generate(#"{"prompt":"p","id":"x"}"#)
      let reply = try await client.generate(#"{"prompt":"q","id":"x"}"#)
      #expect(reply.status == 409)
      #expect(reply.error("code") == "id_conflict")
      #expect(reply.json?["id"]?.stringValue == "x")
    }
  }

  @Test(
    "An id that is none, or two ids that differ, are refused",
    arguments: [
      (#"{"prompt":"p"}"#, "a b"), (#"{"prompt":"p","id":"a"}"#, "b"), (#"{"prompt":"p","id":"ü"}"#, nil),
      (#"{"prompt":"p"}"#, ""),
    ])
  func badIDs(body: String, header: String?) async throws {
    try await GatewayFixture(answer: GatewayFixture.completed).run { client in
      let reply = try await client.generate(body, headers: header.map { [("idempotency-key", $0)] } ?? [])
      #expect(reply.status == 422)
      #expect(reply.error("param") == "id")
    }
  }

  @Test("A wait longer than the deadline ends with 504 and the id, and the job can still be asked for")
  func deadline() async throws {
    var fixture = GatewayFixture()
    fixture.configuration.requestTimeout = .milliseconds(20)
    let memory = fixture.memory
    try await fixture.run { client in
      let reply = try await client.generate(#"{"prompt":"p"}"#)
      #expect(reply.status == 504)
      #expect(reply.error("code") == "deadline_exceeded")
      let id = try #require(reply.json?["id"]?.stringValue)
      #expect(reply.header("x-job-id") == id)
      #expect(try await memory.state(of: try #require(JobID(id))) == .queued)
    }
  }

  @Test("A full queue is 429 with Retry-After")
  func full() async throws {
    var limits = QueueLimits()
    limits.capacity = 1
    var fixture = GatewayFixture(limits: limits)
    fixture.configuration.requestTimeout = .milliseconds(20)
    try await fixture.run { client in
      _ = try await client.generate(#"{"prompt":"p"}"#)
      let reply = try await client.generate(#"{"prompt":"p"}"#)
      #expect(reply.status == 429)
      #expect(reply.error("code") == "queue_full")
      #expect(reply.header("retry-after").flatMap { Int($0) } ?? 0 >= 1)
    }
  }
}
