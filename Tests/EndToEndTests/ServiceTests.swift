import JobWire
import Testing

/// What clients of the service see, in both wirings.
@Suite(.serialized) struct ServiceTests {
  @Test(arguments: Service.Wiring.allCases)
  func requestsOfAllTasksAreAnswered(wiring: Service.Wiring) async throws {
    let service = try await Service(wiring)
    try await service.waitUntilReady()

    let plain = try await service.result(
      #"{"prompt": "The king", "max_new_tokens": 12, "temperature": 0, "id": "plain-1"}"#)
    #expect(plain.status == .completed)
    #expect(plain.id == "plain-1")
    #expect(plain.choices?.first?.tokens.count == 12)
    #expect(plain.completion == plain.choices?.first?.text)
    #expect(plain.usage?.completionTokens == 12)

    let themed = try await service.result(
      #"{"prompt": "The king", "task_name": "got", "max_new_tokens": 12, "temperature": 0}"#)
    #expect(themed.taskName == "got")
    // Both are the bundled model here, and greedy.
    #expect(themed.completion == plain.completion)

    let spam = try await service.result(
      #"{"prompt": "WINNER!! Claim your free prize now, call 09061701461", "task_name": "spam"}"#)
    #expect(spam.completion == "spam")
    #expect(spam.label == "spam")
    #expect(spam.scores?.map(\.label) == ["not spam", "spam"])
    #expect(abs((spam.scores ?? []).reduce(0) { $0 + $1.probability } - 1) < 1e-9)
    let ham = try await service.result(#"{"prompt": "see you at lunch?", "task_name": "spam"}"#)
    #expect(ham.label == "not spam")
  }

  @Test(arguments: Service.Wiring.allCases)
  func theSameIDGivesTheSameResultAgain(wiring: Service.Wiring) async throws {
    let service = try await Service(wiring)
    let body = #"{"prompt": "Once upon a time", "id": "same-1", "max_new_tokens": 8}"#
    let first = try await service.generate(body)
    let second = try await service.generate(body)
    #expect(first.status == 200)
    #expect(first.body == second.body)
    let other = try await service.generate(#"{"prompt": "Another", "id": "same-1", "max_new_tokens": 8}"#)
    #expect(other.status == 409)
  }

  @Test(arguments: Service.Wiring.allCases)
  func manyClientsAtOnceAllGetTheirOwnAnswer(wiring: Service.Wiring) async throws {
    let service = try await Service(wiring)
    try await withThrowingTaskGroup(of: Void.self) { group in
      for index in 0..<40 {
        group.addTask {
          let result = try await service.result(
            #"{"prompt": "Knight number \#(index)", "id": "many-\#(index)", "max_new_tokens": \#(1 + index % 9)}"#
          )
          #expect(result.id == "many-\(index)")
          #expect((result.choices?.first?.tokens.count ?? 0) <= 1 + index % 9)
        }
      }
      try await group.waitForAll()
    }
  }

  @Test(arguments: Service.Wiring.allCases)
  func everyRouteButTheProbesWantsTheKey(wiring: Service.Wiring) async throws {
    let service = try await Service(
      wiring, environment: ["API_KEY": "correct horse".replacing(" ", with: "-")])
    let body = #"{"prompt": "x", "max_new_tokens": 1}"#
    for headers in [[], ["x-api-key: wrong"], ["authorization: Bearer wrong"]] {
      let answer = try await service.generate(body, headers: headers)
      #expect(answer.status == 401)
    }
    for headers in [["x-api-key: correct-horse"], ["Authorization: Bearer correct-horse"]] {
      let answer = try await service.generate(body, headers: headers)
      #expect(answer.status == 200, "\(answer.body)")
    }
    let health = try await service.request("/health")
    #expect(health.status == 200)
    let other = try await service.request("/anything")
    #expect(other.status == 401)
  }

  @Test(arguments: [
    ("{", 400, "malformed_json"), ("[1]", 400, "malformed_json"),
    (#"{"prompt": ""}"#, 422, "prompt"), (#"{}"#, 422, "prompt"), (#"{"prompt": 5}"#, 422, "prompt"),
    (#"{"prompt": "x", "temperature": -1}"#, 422, "temperature"),
    (#"{"prompt": "x", "max_new_tokens": 100000}"#, 422, "max_new_tokens"),
    (#"{"prompt": "x", "whatever": 1}"#, 422, "whatever"),
  ])
  func whatIsWrongIsNamed(body: String, status: Int, named: String) async throws {
    let service = try await Service(.embedded)
    let answer = try await service.generate(body)
    #expect(answer.status == status)
    #expect(answer.body.contains(named), "\(answer.body)")
    let after = try await service.generate(#"{"prompt": "x", "max_new_tokens": 1}"#)
    #expect(after.status == 200)
  }

  @Test func aLongPromptKeepsItsEndAndALongTextEndsWithTheContext() async throws {
    let service = try await Service(.embedded, environment: ["MAX_CTX": "64"])
    let short = try await service.result(#"{"prompt": "The king", "max_new_tokens": 512, "temperature": 0}"#)
    #expect(short.usage?.promptTokens == 2)
    #expect((short.usage?.completionTokens ?? 0) <= 62)
    let words = String(repeating: "castle ", count: 300)
    let long = try await service.result(#"{"prompt": "\#(words)", "max_new_tokens": 10, "temperature": 0}"#)
    #expect(long.usage?.promptTokens == 54)
    let both = try await service.result(#"{"prompt": "\#(words)", "max_new_tokens": 500, "temperature": 0}"#)
    #expect(both.usage?.promptTokens == 32)
  }

  @Test func aLongPromptThatIsNotToBeCutIsRefused() async throws {
    let service = try await Service(.embedded, environment: ["MAX_CTX": "64"])
    let words = String(repeating: "castle ", count: 300)
    for task in ["", #", "task_name": "spam""#] {
      let refused = try await service.generate(#"{"prompt": "\#(words)", "truncate": false\#(task)}"#)
      #expect(refused.status == 422)
      #expect(refused.body.contains("context_length_exceeded"), "\(refused.body)")
      #expect(refused.body.contains("64 tokens"), "\(refused.body)")
    }
    // To the last token that fits.
    for (newTokens, status) in [(62, 200), (63, 422)] {
      let answer = try await service.generate(
        #"{"prompt": "The king", "max_new_tokens": \#(newTokens), "truncate": false}"#)
      #expect(answer.status == status, "\(answer.body)")
    }
    try await service.waitUntilReady()
    #expect(try await service.request("/info").body.contains(#""context_length":64"#))
  }

  @Test func aPromptIsScoredOnceForAllItsChoices() async throws {
    let service = try await Service(.embedded)
    let scoring = #"{"prompt": "The king", "max_new_tokens": 0, "echo": true, "logprobs": 0"#
    let one = try await service.result(scoring + "}")
    for fields in [#", "n": 2"#, #", "n": 2, "best_of": 3"#] {
      let choices = try await service.result(scoring + fields + "}").choices ?? []
      #expect(choices.map(\.index) == [0, 1])
      for choice in choices {
        #expect(choice.text == "The king")
        #expect(choice.logprobs == one.choices?.first?.logprobs)
      }
    }
    let tokenized = try await service.result(
      #"{"prompt": "The king", "max_new_tokens": 0, "best_of": 2, "echo": true}"#)
    #expect(tokenized.choices?.map(\.text) == ["The king"])
  }

  @Test func aJobThatNoWorkerBeginsInItsTimeExpires() async throws {
    let service = try await Service(.redis, workers: 0)
    let answer = try await service.generate(#"{"prompt": "x", "ttl_ms": 200}"#)
    #expect(answer.status == 504)
    #expect(answer.body.contains("expired"))
  }

  @Test func aBodyThatIsTooLongIsRefused() async throws {
    let service = try await Service(.embedded)
    let answer = try await service.generate(
      #"{"prompt": ""# + String(repeating: "a", count: 300_000) + #""}"#)
    #expect(answer.status == 413)
  }
}
