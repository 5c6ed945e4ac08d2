import Gateway
import HTTPTypes
import JobQueue
import JobWire
import Synchronization
import Testing

/// The routes that tell of the service and its queue, and those that are jobs in other words.
@Suite(.timeLimit(.minutes(1))) struct ServiceRoutesTests {
  @Test("A text is tokenized by a job that computes nothing, and tokens are made a text by another")
  func tokenizing() async throws {
    let fixture = GatewayFixture { job in
      let tokens = if case .tokens(let tokens) = job.prompts[0] { tokens } else { [5, 6] }
      return JobResult(
        id: job.id ?? "", status: job.isTokenization && job.echo ? .completed : .failed, completion: "hi",
        choices: [.init(text: "hi", finishReason: .length, tokens: tokens)])
    }
    try await fixture.run { client in
      let tokens = try await client.send(.post, "/tokenize", body: #"{"text":"hi","task_name":"got"}"#)
      #expect(tokens.text == #"{"tokens":[5,6],"count":2}"#)
      let text = try await client.send(.post, "/detokenize", body: #"{"tokens":[5,6]}"#)
      #expect(text.text == #"{"text":"hi"}"#)
      let long = String(repeating: "a", count: 65_537)
      for (path, body, param, words) in [
        ("/tokenize", "{}", "text", "1 to 65536 bytes"), ("/tokenize", #"{"text":5}"#, "text", "found 5"),
        ("/tokenize", #"{"text":"\#(long)"}"#, "text", "65537 bytes"),
        ("/tokenize", #"{"text":"a","task_name":"spam"}"#, "task_name", #"like "got""#),
        ("/detokenize", "{}", "tokens", "required"),
        ("/detokenize", #"{"tokens":[]}"#, "tokens", "found an empty array"),
        ("/detokenize", #"{"tokens":["a"]}"#, "tokens", "something else than token ids"),
        ("/detokenize", #"{"tokens":[-1]}"#, "tokens", "something else than token ids"),
        ("/detokenize", #"{"tokens":[1],"text":"a"}"#, "text", "unknown field"),
      ] {
        let reply = try await client.send(.post, path, body: body)
        #expect(reply.status == 422)
        #expect(reply.error("param") == param)
        #expect(reply.error("message")?.contains(words) == true, "\(reply.text)")
      }
    }
  }

  @Test("A classification is a job of its task, and of no other kind of task")
  func classifying() async throws {
    let fixture = GatewayFixture { job in
      JobResult(
        id: job.id ?? "", status: .completed, taskName: job.taskName, completion: "spam", label: "spam",
        scores: [.init(label: "spam", probability: 1)])
    }
    try await fixture.run { client in
      let reply = try await client.send(.post, "/classify", body: #"{"input":"Win!"}"#)
      #expect(reply.json?["label"]?.stringValue == "spam")
      #expect(reply.json?["task_name"]?.stringValue == "spam")
      for (body, param) in [
        (#"{"input":"a","task_name":"got"}"#, "task_name"), (#"{"input":["a","b"]}"#, "input"),
        (#"{"prompt":"a"}"#, "prompt"), ("{}", "input"), (#"{"input":1}"#, "input"),
      ] {
        let refused = try await client.send(.post, "/classify", body: body)
        #expect(refused.status == 422)
        #expect(refused.error("param") == param)
        #expect(refused.error("message")?.contains("of either") == false)
      }
    }
  }

  @Test("The service tells its version, model, tasks and limits")
  func info() async throws {
    var fixture = GatewayFixture()
    fixture.configuration.version = "1.2.3"
    fixture.configuration.limits.maxNewTokens = 77
    try await fixture.run { client in
      let info = try await client.send(.get, "/info").json
      #expect(info?["version"]?.stringValue == "1.2.3")
      #expect(info?["model"]?.stringValue == "gpt2")
      #expect(info?["limits"]?["max_new_tokens"]?.integerValue == 77)
      #expect(
        info?["tasks"]?.arrayValue?.map { $0["name"]?.stringValue } == ["default", "spam", "got"])
      #expect(info?["authentication"] == .bool(false))
    }
  }

  @Test("While the queue can't be asked, the service tells what it knows itself, and asks it once")
  func infoWithoutQueue() async throws {
    var fixture = GatewayFixture()
    let queue = ScriptedQueue(fixture.memory)
    fixture.queue = queue
    queue.fail(.status, with: JobQueueError(.unavailable, "gone"))
    try await fixture.run { client in
      for path in ["/info", "/openapi.json"] {
        #expect(try await client.send(.get, path).status == 200)
      }
      #expect(try await client.send(.get, "/info").json?["model"]?.stringValue == "gpt2")
      let refused = try await client.send(.post, "/v1/completions", body: #"{"model":"gpt2","prompt":"a"}"#)
      #expect(refused.status == 503)
      _ = try await client.send(.get, "/ready")
      // Four requests asked for the models, within the time that an answer is good for.
      var calls = queue.calls.makeAsyncIterator()
      #expect(await calls.next() == .status)
      #expect(await calls.next() == .ready)
    }
  }

  @Test("The queue tells what waits and what was answered lately")
  func queue() async throws {
    let fixture = GatewayFixture()
    try await fixture.run { client in
      async let answered = client.generate(#"{"prompt":"secret","id":"x1"}"#)
      try await HandWorker.take(from: fixture.memory).post("A")
      _ = try await answered
      _ = try await client.send(.post, "/jobs", body: #"{"prompt":"secret","priority":"low"}"#)
      let reply = try await client.send(.get, "/queue")
      #expect(reply.json?["depth"]?["low"]?.integerValue == 1)
      #expect(reply.json?["waiting"]?.integerValue == 1)
      #expect(reply.json?["workers"]?.arrayValue?.count == 1)
      #expect(reply.json?["jobs"]?.arrayValue?.first?["id"]?.stringValue == "x1")
      let point = reply.json?["recent"]?["points"]?.arrayValue?.last
      #expect(point?["completed"]?.integerValue == 1)
      #expect(point?["p50_ms"]?.doubleValue != nil)
      #expect(!reply.text.contains("secret"))
    }
  }

  @Test("Jobs that were given up are listed with their reason, and put back")
  func deadJobs() async throws {
    let fixture = GatewayFixture()
    let id = try #require(JobID("x1"))
    try await fixture.run { client in
      _ = try await fixture.memory.submit(
        JobSubmission(id: id, payload: Array(#"{"id":"x1","prompt":"a"}"#.utf8)))
      let job = try #require(try await fixture.memory.claim(upTo: 1, waiting: .seconds(5)).first)
      try await fixture.memory.bury(job, id: id, reason: "it broke", result: nil, replyTo: nil)
      let dead = try await client.send(.get, "/queue/dead").json?["dead"]?.arrayValue?.first
      #expect(dead?["id"]?.stringValue == "x1")
      #expect(dead?["reason"]?.stringValue == "it broke")
      let retried = try await client.send(.post, "/queue/dead/retry")
      #expect(retried.json?["retried"]?.integerValue == 1)
      #expect(try await client.send(.get, "/queue").json?["dead"]?.integerValue == 0)
    }
  }

  @Test("The times of the last minutes are gathered by intervals, those without an answer included")
  func intervals() {
    let clock = Ticks()
    let recent = RecentJobs { clock.now }
    func add(_ milliseconds: Int, status: String = "completed") {
      recent.add(
        .init(
          id: "x", taskName: nil, status: status, priority: "default", took: .milliseconds(milliseconds),
          completionTokens: 2, time: clock.now))
    }
    clock.now = 1000
    for time in 1...100 { add(time) }
    add(7, status: "failed")
    clock.now = 1012
    add(5)
    let intervals = recent.intervals()
    #expect(intervals.map(\.begin) == [1000, 1005, 1010])
    #expect(intervals.map(\.completed) == [100, 0, 1])
    #expect(intervals.map(\.failed) == [1, 0, 0])
    #expect(intervals.map(\.tokens) == [202, 0, 2])
    #expect(intervals[0].percentile(0.5) == .milliseconds(50))
    #expect(intervals[1].percentile(0.5) == nil)
    clock.now = 1000 + 305
    #expect(recent.intervals().first?.begin == 1010)
  }
}

/// A clock that a test sets.
private final class Ticks: Sendable {
  private let value = Mutex(0)
  var now: Int {
    get { value.withLock { $0 } }
    set { value.withLock { $0 = newValue } }
  }
}
