package import JobQueue
import Logging
import Synchronization

/// What the claiming side of a consumer remembers.
struct ClaimState {
  /// Counts claims, for the order of the lists.
  var number = 0
  /// The connection that was last compared; another one means that answers may have been lost.
  var comparedConnection = 0
  /// When to compare again without a reason.
  var nextComparison = ContinuousClock.now
}

extension RedisJobConsumer {
  private enum ClaimReply {
    case paused
    case jobs([ClaimedJob])
  }

  package func claim(upTo limit: Int, waiting: Duration) async throws(JobQueueError) -> [ClaimedJob] {
    guard limit > 0 else { return [] }
    let deadline = ContinuousClock.now + waiting
    while true {
      let adopted = worker.jobs.withLock { $0.takeAdopted(upTo: limit) }
      if !adopted.isEmpty { return adopted }
      var problem: JobQueueError?
      do throws(JobQueueError) {
        let jobs = try await claimOnce(upTo: limit, until: deadline)
        if !jobs.isEmpty { return jobs }
      } catch {
        if error.code != .unavailable { throw error }
        problem = error
      }
      if ContinuousClock.now >= deadline || Task.isCancelled {
        if let problem { throw problem }
        return []
      }
      if problem != nil { await pause(until: deadline) }
    }
  }

  /// One look at the lists, and one wait for the default list, the only one that can be waited on without
  /// risking a job: `BLMOVE` moves it into the worker's list before it answers.
  private func claimOnce(
    upTo limit: Int, until deadline: ContinuousClock.Instant
  ) async throws(JobQueueError) -> [ClaimedJob] {
    // The first beat comes after the look at the server.
    let isUnchecked = worker.configuration.checks == .require && !worker.hasBeaten
    if worker.isLeaseInDoubt || isUnchecked {
      await pause(until: deadline)
      return []
    }
    try await reconcileIfNeeded()
    switch try await look(upTo: limit) {
    case .paused:
      await pause(until: deadline)
      return []
    case .jobs(let jobs) where !jobs.isEmpty: return jobs
    case .jobs: break
    }
    let time = min(worker.configuration.pollInterval, deadline - ContinuousClock.now)
    if time < .milliseconds(1) || Task.isCancelled { return [] }
    let reply = try await once(
      RedisCommand(
        "BLMOVE", worker.keys.queue(.default), worker.processing, "RIGHT", "LEFT", time.redisSeconds))
    if reply.errorCode == "OOM" {
      await pause(until: deadline)
      return []
    }
    guard let payload = try reply.checked().bytes else { return [] }
    // What may have come with it is for the next claim: this one needn't wait for it.
    return [register(payload, .default)]
  }

  private func look(upTo limit: Int) async throws(JobQueueError) -> ClaimReply {
    let number = claimState.withLock { state in
      defer { state.number &+= 1 }
      return state.number
    }
    let order = JobPriority.order(forClaim: number)
    let reply = try await once(
      RedisCommand(
        RedisScripts.claim,
        keys: [worker.processing, worker.keys.workers, worker.keys.paused] + order.map(worker.keys.queue),
        [worker.id, limit])
    ).checked()
    guard let elements = reply.array, let isPaused = elements.first?.integer else {
      throw RedisReply.unexpected(reply, from: "claim")
    }
    if isPaused == 1 { return .paused }
    var jobs: [ClaimedJob] = []
    for index in stride(from: 1, to: elements.count - 1, by: 2) {
      guard let list = elements[index].integer, order.indices.contains(list),
        let payload = elements[index + 1].bytes
      else { throw RedisReply.unexpected(reply, from: "claim") }
      jobs.append(register(payload, order[list]))
    }
    return .jobs(jobs)
  }

  private func register(_ payload: [UInt8], _ priority: JobPriority) -> ClaimedJob {
    let envelope = worker.identify(payload)
    return worker.jobs.withLock { $0.add(payload: payload, envelope: envelope, priority: priority) }
  }

  /// One try: a claim isn't safe to repeat before the comparison.
  private func once(_ command: RedisCommand) async throws(JobQueueError) -> RedisReply {
    do throws(RedisFailure) {
      return try await claims.send([command]).first ?? .null
    } catch {
      throw error.jobQueueError
    }
  }

  private func pause(until deadline: ContinuousClock.Instant) async {
    let time = min(worker.configuration.pollInterval, deadline - ContinuousClock.now)
    if time > .zero { try? await Task.sleep(for: time) }
  }

  // MARK: Comparison

  /// Compares now and then, and after every new connection.
  private func reconcileIfNeeded() async throws(JobQueueError) {
    let connection = claims.connectionCount
    let isDue = claimState.withLock { state in
      state.comparedConnection != connection || ContinuousClock.now >= state.nextComparison
    }
    guard isDue else { return }
    try await reconcile()
    let compared = claims.connectionCount
    let next = ContinuousClock.now + worker.configuration.sweepInterval * 2
    claimState.withLock { state in
      state.comparedConnection = connection == 0 ? compared : connection
      state.nextComparison = next
    }
  }

  /// Takes up the jobs in the worker's own list that it doesn't know of. Runs on the connection that claims, so
  /// that no claim is on its way meanwhile.
  func reconcile() async throws(JobQueueError) {
    worker.jobs.withLock { $0.beginComparison() }
    let reply: RedisReply
    do {
      reply = try await once(RedisCommand("LRANGE", worker.processing, 0, -1)).checked()
    } catch {
      _ = worker.jobs.withLock { $0.endComparison(listed: []) }
      throw error
    }
    let listed = reply.array?.compactMap(\.bytes) ?? []
    let unknown = worker.jobs.withLock { $0.endComparison(listed: listed) }
    // The oldest are at the end.
    for payload in unknown.reversed() {
      let envelope = worker.identify(payload)
      var deaths = 0
      var priority = JobPriority.default
      if let id = envelope?.id, !worker.jobs.withLock({ $0.holds(id) }) {
        let answer = try await once(
          RedisCommand(RedisScripts.adopt, keys: [worker.keys.job(id)], [worker.id])
        )
        .checked().array
        deaths = answer?.first?.integer ?? 0
        priority = answer?.last?.string.flatMap(JobPriority.init) ?? .default
      }
      let isExhausted = deaths >= worker.configuration.maxAttempts
      worker.jobs.withLock { jobs in
        let job = jobs.add(
          payload: payload, envelope: envelope, priority: priority, attemptsExhausted: isExhausted)
        jobs.handOut(job)
      }
      worker.logger.notice(
        "took up a job whose claim was not heard", metadata: ["job_id": "\(envelope?.id.rawValue ?? "?")"])
    }
  }
}
