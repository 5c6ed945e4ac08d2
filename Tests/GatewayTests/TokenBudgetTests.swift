import Gateway
import HTTPTypes
import JobQueue
import Logging
import Testing

/// The limit of generated tokens.
@Suite struct TokenBudgetTests {
  private let limiter = ScriptedLimiter()
  private let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

  private func budget(_ tokensPerMinute: Int) -> TokenBudget {
    TokenBudget(limits: RateLimits(limiter: limiter, requestsPerMinute: 0, tokensPerMinute: tokensPerMinute))
  }

  private func caller(_ line: String) throws -> APIKeys.Caller {
    try #require(try APIKeys(key: nil, file: "alice:key \(line)").caller(presenting: "key"))
  }

  private func refusal(
    _ budget: TokenBudget, _ tokens: Int, _ caller: APIKeys.Caller? = nil
  ) async -> APIError? {
    do throws(APIError) {
      _ = try await budget.reserve(tokens: tokens, for: caller, logger: logger)
      return nil
    } catch {
      return error
    }
  }

  @Test("A request reserves the most it may generate, and pays for what it did")
  func settling() async throws {
    let budget = budget(100)
    let reservation = try await budget.reserve(tokens: 80, for: nil, logger: logger)
    #expect(await refusal(budget, 30)?.status == .tooManyRequests)
    await reservation.settle(used: 10)
    let second = try await budget.reserve(tokens: 90, for: nil, logger: logger)
    #expect(await refusal(budget, 1)?.status == .tooManyRequests)
    await second.settle(used: 90)
    #expect(await refusal(budget, 1)?.status == .tooManyRequests)
  }

  @Test("A reservation is settled once, and given back whole if nothing came of it")
  func once() async throws {
    let budget = budget(100)
    let reservation = try await budget.reserve(tokens: 100, for: nil, logger: logger)
    await withTaskGroup { group in
      for _ in 0..<20 { group.addTask { await reservation.settle(used: 0) } }
    }
    #expect(limiter.calls.map(\.cost) == [100, -100])
    _ = try await budget.reserve(tokens: 100, for: nil, logger: logger)
  }

  @Test("What was generated beyond the reservation is owed, and a count below 0 gives nothing")
  func beyond() async throws {
    let budget = budget(100)
    let reservation = try await budget.reserve(tokens: 50, for: nil, logger: logger)
    await reservation.settle(used: 130)
    #expect(await refusal(budget, 1)?.headers[.retryAfter] == "19")
    let other = try await budget.reserve(
      tokens: 10, for: caller("tokens_per_minute=10"), logger: logger)
    await other.settle(used: -1_000)
    #expect(limiter.calls.last == .init(bucket: "tokens:alice", cost: -10))
  }

  @Test("A request of more than the whole limit is a mistake, and takes nothing")
  func tooLarge() async throws {
    let error = try #require(await refusal(budget(100), 101))
    #expect(error.status == .unprocessableContent)
    #expect(error.code == "invalid_value")
    #expect(error.param == "max_new_tokens")
    #expect(error.message.contains("101 tokens") && error.message.contains("100 a minute"))
    #expect(limiter.calls.isEmpty)
    #expect(await refusal(budget(100), 100) == nil)
  }

  @Test("A refusal says when there will be enough")
  func refused() async throws {
    let budget = budget(60)
    _ = try await budget.reserve(tokens: 50, for: nil, logger: logger)
    let error = try #require(await refusal(budget, 30))
    #expect(error.status == .tooManyRequests)
    #expect(error.code == "rate_limit_exceeded")
    #expect(error.headers[.retryAfter] == "20")
    #expect(error.message.contains("60 tokens a minute and 10 are left"))
    #expect(await refusal(budget, 10) == nil)
  }

  @Test("The key's own limit wins over that of all")
  func callers() async throws {
    let budget = budget(10)
    #expect(await refusal(budget, 1_000, try caller("tokens_per_minute=1000")) == nil)
    #expect(await refusal(budget, 1_000, try caller("tokens_per_minute=0")) == nil)
    #expect(await refusal(budget, 11, try caller("requests_per_minute=1"))?.status == .unprocessableContent)
    #expect(limiter.calls.map(\.bucket) == ["tokens:alice"])
  }

  @Test("Without a limit, and for no tokens, nobody is asked")
  func unlimited() async throws {
    let none = try await budget(0).reserve(tokens: 1_000_000, for: nil, logger: logger)
    await none.settle(used: 5)
    let nothing = try await budget(10).reserve(tokens: 0, for: nil, logger: logger)
    await nothing.settle(used: 0)
    #expect(limiter.calls.isEmpty)
  }

  @Test("A limiter that can't answer lets the request go on, and settling does no harm")
  func away() async throws {
    let budget = budget(10)
    let before = try await budget.reserve(tokens: 10, for: nil, logger: logger)
    limiter.fail(with: JobQueueError(.unavailable, "gone"))
    let uncounted = try await budget.reserve(tokens: 10, for: nil, logger: logger)
    await before.settle(used: 0)
    limiter.fail(with: nil)
    let count = limiter.calls.count
    await uncounted.settle(used: 3)
    #expect(limiter.calls.count == count)
    // What couldn't be given back counts as used.
    #expect(await refusal(budget, 1)?.status == .tooManyRequests)
  }
}
