import Foundation
import Glibc
import JobWire
import RedisTestServer
import ServiceUnderTest
import Testing

/// Streamed answers as `curl -N` sees them, in both wirings and while workers die.
@Suite(.serialized, .timeLimit(.minutes(3))) struct StreamingTests {
  /// A streamed answer, taken apart.
  struct Stream {
    var texts: [String] = []
    var tokens: [Int] = []
    var textsOfChoices: [Int: String] = [:]
    var result: JobResult?
    var error: JSONValue?
    var isDone = false

    var text: String { texts.joined() }

    init(_ body: String) throws {
      for line in body.components(separatedBy: "\n") where line.hasPrefix("data: ") {
        let data = line.dropFirst(6)
        if data == "[DONE]" {
          isDone = true
          continue
        }
        let json = try JSONValue(parsing: Array(data.utf8))
        if json["status"] != nil {
          result = try JobResult.decode(Array(data.utf8))
        } else if json["error"] != nil {
          error = json["error"]
        } else {
          let text = json["text"]?.stringValue ?? ""
          texts.append(text)
          textsOfChoices[Int(json["index"]?.integerValue ?? 0), default: ""] += text
          if let token = json["token"]?.integerValue { tokens.append(Int(token)) }
        }
      }
    }
  }

  private func stream(_ service: Service, _ body: String) async throws -> Stream {
    let (status, text) = try await service.request(
      "/generate_stream", ["-N", "--data-binary", "@-"], input: body)
    #expect(status == 200, "\(text)")
    return try Stream(text)
  }

  @Test(arguments: Service.Wiring.allCases)
  func theTextsOfTheEventsAreTheCompletion(wiring: Service.Wiring) async throws {
    let service = try await Service(wiring)
    try await service.waitUntilReady()
    try await withThrowingTaskGroup(of: Void.self) { group in
      for index in 0..<12 {
        group.addTask {
          let stop = index % 3 == 0 ? #","stop":["the","\\n"]"# : ""
          let fields = #""prompt":"Chapter \#(index): the","max_new_tokens":\#(20 + index * 9)\#(stop)"#
          let streamed = try await stream(service, #"{\#(fields),"id":"s\#(index)"}"#)
          #expect(streamed.isDone)
          let result = try #require(streamed.result, "\(streamed)")
          #expect(streamed.text == result.completion)
          let all = result.choices?.first?.tokens ?? []
          #expect(streamed.tokens == Array(all.prefix(streamed.tokens.count)))
          let plain = try await service.result(#"{\#(fields),"id":"s\#(index)"}"#)
          #expect(plain == result)
        }
      }
      try await group.waitForAll()
    }
  }

  @Test(arguments: Service.Wiring.allCases)
  func aClassificationIsAnsweredWithItsResultAlone(wiring: Service.Wiring) async throws {
    let service = try await Service(wiring)
    let streamed = try await stream(service, #"{"prompt":"see you at lunch?","task_name":"spam"}"#)
    #expect(streamed.texts.isEmpty)
    #expect(streamed.result?.label == "not spam")
    #expect(streamed.isDone)
  }

  @Test func aRequestThatIsRefusedIsNoStream() async throws {
    let service = try await Service(.embedded)
    let answer = try await service.generate(#"{"prompt":"x","stream":true,"top_p":2}"#)
    #expect(answer.status == 422)
    #expect(answer.body.contains("top_p"))
  }

  private func longJob(_ index: Int) -> String {
    #"{"id":"k\#(index)","prompt":"Chapter \#(index)","max_new_tokens":400,"temperature":0.7}"#
  }

  @Test func everyGatewayTellsTheEventsOfAJobFromItsBeginning() async throws {
    let service = try await Service(.redis, workers: 0)
    let redis = try #require(service.redis)
    let worker = try Service.worker(redis)
    let other = try Program(["gateway", "--port", "0"], environment: ["REDIS_URL": redis.url])
    let otherURL = try await Service.address(of: other)
    let probe = try redis.probe()
    // The worker is stopped in the middle of a job, and goes on when the other gateway wants to know of it.
    var id = "k0"
    for attempt in 1... {
      id = "k\(attempt)"
      let body = #"{"id":"\#(id)","prompt":"Chapter","max_new_tokens":240,"ignore_eos":true,"n":8}"#
      #expect(try await service.request("/jobs", ["--data-binary", "@-"], input: body).status == 202)
      while try probe.send("HGET", "{gpt2}:job:\(id)", "s").string == "queued" { await Task.yield() }
      try await Task.sleep(for: .milliseconds(20))
      worker.send(SIGSTOP)
      // It was done already; the next one may not be.
      if try probe.send("GET", "{gpt2}:res:\(id)") == .null { break }
      worker.send(SIGCONT)
    }
    async let output = ChildProcess.run(["/usr/bin/curl", "--silent", "-N", "\(otherURL)/jobs/\(id)/events"])
    while try probe.send("HGET", "{gpt2}:job:\(id)", "n").string != "1" { await Task.yield() }
    worker.send(SIGCONT)
    let streamed = try Stream(try await output.1)
    #expect(streamed.tokens.count == 8 * 240)
    for choice in try #require(streamed.result?.choices) {
      #expect(streamed.textsOfChoices[choice.index] == choice.text)
    }
  }

  @Test func streamsOfAKilledWorkerGoOnFromAnotherWithoutARepeatedOrMissingToken() async throws {
    let environment = ["LEASE_SECONDS": "1"]
    let service = try await Service(.redis, workers: 0, environment: environment)
    let redis = try #require(service.redis)
    let first = try Service.worker(redis, environment)
    let streams = try await withThrowingTaskGroup(of: (Int, Stream).self) { group in
      for index in 0..<24 { group.addTask { (index, try await stream(service, longJob(index))) } }
      // Some tokens are on their way to clients.
      let probe = try redis.probe()
      while try !inboxHasProgress(probe) { await Task.yield() }
      await first.crash()
      let second = try Service.worker(redis, environment)
      defer { second.send(SIGKILL) }
      return try await group.reduce(into: [Int: Stream]()) { $0[$1.0] = $1.1 }
    }
    #expect(streams.count == 24)
    for (index, streamed) in streams {
      let result = try #require(streamed.result, "\(index): \(streamed)")
      #expect(streamed.text == result.completion)
      #expect(streamed.tokens == result.choices?.first?.tokens)
    }
    #expect(streams.values.contains { ($0.result?.attempts ?? 0) > 1 })
  }

  @Test func streamsGoOnWhenRedisCrashesAndComesBack() async throws {
    let service = try await Service(.redis, workers: 2)
    let redis = try #require(service.redis)
    let streams = try await withThrowingTaskGroup(of: Stream.self) { group in
      for index in 0..<32 { group.addTask { try await stream(service, longJob(index)) } }
      let probe = try redis.probe()
      while try !inboxHasProgress(probe) { await Task.yield() }
      redis.crash()
      try redis.start()
      return try await group.reduce(into: []) { $0.append($1) }
    }
    #expect(streams.count == 32)
    for streamed in streams {
      let result = try #require(streamed.result, "\(streamed)")
      #expect(streamed.text == result.completion)
      #expect(result.choices?.first?.tokens.starts(with: streamed.tokens) == true)
      #expect(streamed.isDone)
    }
  }

  private func inboxHasProgress(_ probe: RedisProbe) throws -> Bool {
    for key in try probe.send("KEYS", "{gpt2}:inbox:*").array?.compactMap(\.string) ?? [] {
      if try probe.send("XLEN", key).integer ?? 0 > 40 { return true }
    }
    return false
  }

  @Test func aClientThatLeavesItsStreamCancelsTheJob() async throws {
    let service = try await Service(.redis, workers: 1)
    let probe = try #require(service.redis).probe()
    // Others in the batch, so that the job takes its time.
    for index in 0..<24 {
      _ = try probe.send(
        "LPUSH", "{gpt2}:q:default", #"{"id":"other\#(index)","prompt":"The king","max_new_tokens":250}"#)
    }
    let (_, output, _) = try await ChildProcess.run(
      [
        "/bin/sh", "-c",
        #"/usr/bin/curl -sN "$0" --data-binary @- | head -n 3"#, service.url + "/generate_stream",
      ],
      input: #"{"id":"gone","prompt":"The king","max_new_tokens":250,"priority":"high"}"#)
    #expect(output.hasPrefix(#"data: {"id":"gone","index":0,"text":""#))
    while true {
      if let bytes = try probe.send("GET", "{gpt2}:res:gone").bytes {
        let result = try JobResult.decode(bytes)
        #expect(result.status == .cancelled)
        #expect((1..<250).contains(try #require(result.usage?.completionTokens)))
        return
      }
      await Task.yield()
    }
  }

  /// A producer without a gateway reads the pieces itself.
  @Test func theInboxOfADirectProducerHasThePiecesAndTheResult() async throws {
    let service = try await Service(.redis, workers: 1)
    let probe = try #require(service.redis).probe()
    let job =
      #"{"id":"d1","prompt":"The king","max_new_tokens":40,"stream":true,"reply_to":"{gpt2}:inbox:mine"}"#
    _ = try probe.send("LPUSH", "{gpt2}:q:default", job)
    while try probe.send("GET", "{gpt2}:res:d1").bytes == nil { await Task.yield() }
    let entries = try probe.send("XRANGE", "{gpt2}:inbox:mine", "-", "+").array ?? []
    var texts: [String] = []
    for (index, entry) in entries.enumerated() {
      let words = entry.array?.last?.array ?? []
      var fields: [String: [UInt8]] = [:]
      for at in stride(from: 0, to: words.count - 1, by: 2) {
        fields[words[at].string ?? ""] = words[at + 1].bytes ?? []
      }
      let body = try #require(fields["d"])
      if index < entries.count - 1 {
        let piece = try JobPiece.decode(body)
        #expect(piece.first == texts.count)
        texts += piece.tokens.map(\.text)
        #expect(fields["seq"] == Array("\(texts.count)".utf8))
      } else {
        #expect(fields["done"] != nil)
        let result = try JobResult.decode(body)
        #expect(result.completion?.hasPrefix(texts.joined()) == true)
        #expect(result.choices?.first?.tokens.count == texts.count)
      }
    }
    #expect(texts.count > 1)
  }
}
