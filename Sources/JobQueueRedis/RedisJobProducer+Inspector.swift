package import JobQueue

extension RedisJobProducer: JobQueueInspector {
  package func status() async throws(JobQueueError) -> QueueStatus {
    let lists = JobPriority.allCases
    let replies = try await checked(
      lists.map { RedisCommand("LLEN", keys.queue($0)) } + [
        RedisCommand("LLEN", keys.dead), RedisCommand("EXISTS", keys.paused), RedisCommand("TIME"),
        RedisCommand("ZRANGE", keys.workers, 0, -1, "WITHSCORES"), RedisCommand("HGETALL", keys.stats),
      ])
    let counts = replies.prefix(lists.count).map { $0.integer ?? 0 }
    let rest = Array(replies.dropFirst(lists.count))
    let now = Self.milliseconds(rest[2])
    let workers = try await workers(rest[3].pairs, now: now)
    return QueueStatus(
      depth: Dictionary(uniqueKeysWithValues: zip(lists, counts)),
      running: workers.reduce(0) { $0 + $1.running }, dead: rest[0].integer ?? 0,
      workers: workers.filter { $0.alive || $0.running > 0 }, paused: rest[1].integer == 1,
      oldestWait: try await oldestWait(now: now),
      counts: Dictionary(
        rest[4].pairs.map { ($0.name, $0.value.integer ?? 0) }, uniquingKeysWith: { $1 }))
  }

  private func workers(
    _ beats: [(name: String, value: RedisReply)], now: Int
  ) async throws(JobQueueError) -> [WorkerStatus] {
    let details = try await checked(
      beats.flatMap {
        [RedisCommand("LLEN", keys.processing($0.name)), RedisCommand("HGETALL", keys.workerInfo($0.name))]
      })
    return zip(beats, stride(from: 0, to: details.count, by: 2)).map { beat, index in
      let last = Int(beat.value.string.flatMap(Double.init) ?? 0)
      let silence = Duration.milliseconds(max(0, now - last))
      return WorkerStatus(
        id: beat.name, lastBeat: silence, alive: silence < configuration.lease,
        running: details[index].integer ?? 0,
        info: Dictionary(
          details[index + 1].pairs.filter { !RedisHeartbeat.ownFields.contains($0.name) }
            .map { ($0.name, $0.value.string ?? "") }, uniquingKeysWith: { $1 }))
    }
  }

  /// From the jobs that are next in their lists; unknown for jobs that were pushed without `submit`.
  private func oldestWait(now: Int) async throws(JobQueueError) -> Duration? {
    let next = try await checked(JobPriority.allCases.map { RedisCommand("LINDEX", keys.queue($0), -1) })
    let ids = next.compactMap(\.bytes).compactMap { identify($0)?.id }
    let times = try await checked(ids.map { RedisCommand("HGET", keys.job($0), "t0") })
    return times.compactMap(\.integer).min().map { .milliseconds(max(0, now - $0)) }
  }

  package func ready() async throws(JobQueueError) {
    let command = RedisCommand(
      RedisScripts.ready, keys: [keys.probe, keys.workers], [configuration.lease.redisMilliseconds])
    let patience = min(configuration.producerPatience, .milliseconds(500))
    let alive = try await commands.perform(command, patience: patience).integer ?? 0
    if alive < 1 {
      throw JobQueueError(
        .unavailable, "no worker gave a sign of life within \(configuration.lease)", retryAfter: .seconds(1))
    }
  }

  package func deadJobs(limit: Int) async throws(JobQueueError) -> [DeadJob] {
    guard limit > 0 else { return [] }
    return try await deadEntries(upTo: limit).compactMap { DeadEntry($0)?.job }
  }

  package func retryDeadJobs() async throws(JobQueueError) -> Int {
    var count = 0
    // The oldest first.
    for entry in try await deadEntries(upTo: nil).reversed() {
      guard let job = DeadEntry(entry)?.job else { continue }
      let command = RedisCommand(
        RedisScripts.retry,
        keys: [keys.dead, keys.queue(job.priority)]
          + (job.id.map { [keys.job($0), keys.result($0), keys.cancellation($0)] } ?? []),
        [entry, job.payload, job.priority.rawValue, configuration.jobTimeToLive.redisMilliseconds])
      count += try await commands.perform(command, patience: configuration.producerPatience).integer ?? 0
    }
    return count
  }

  package func purgeDeadJobs() async throws(JobQueueError) -> Int {
    try await checked([RedisCommand("LLEN", keys.dead), RedisCommand("DEL", keys.dead)]).first?.integer ?? 0
  }

  package func setPaused(_ paused: Bool) async throws(JobQueueError) {
    _ = try await checked([paused ? RedisCommand("SET", keys.paused, "1") : RedisCommand("DEL", keys.paused)])
  }

  /// Removes every key of the namespace, in steps that don't hold up the server.
  package func removeAllKeys() async throws(JobQueueError) {
    var cursor = "0"
    repeat {
      let reply = try await checked([RedisCommand("SCAN", cursor, "MATCH", keys.prefix + "*", "COUNT", 1000)])
      guard let parts = reply.first?.array, parts.count == 2, let next = parts[0].string else { return }
      let found = parts[1].array?.compactMap(\.string) ?? []
      if !found.isEmpty { _ = try await checked([RedisCommand("UNLINK", found)]) }
      cursor = next
    } while cursor != "0"
  }

  private func deadEntries(upTo limit: Int?) async throws(JobQueueError) -> [[UInt8]] {
    try await checked([RedisCommand("LRANGE", keys.dead, 0, limit.map { $0 - 1 } ?? -1)])
      .first?.array?.compactMap(\.bytes) ?? []
  }

  private func checked(_ batch: [RedisCommand]) async throws(JobQueueError) -> [RedisReply] {
    if batch.isEmpty { return [] }
    let replies = try await commands.perform(batch, patience: patienceToAsk)
    var checked: [RedisReply] = []
    for reply in replies { checked.append(try reply.checked()) }
    return checked
  }

  private static func milliseconds(_ time: RedisReply) -> Int {
    let parts = time.array?.compactMap(\.integer) ?? []
    return parts.count == 2 ? parts[0] * 1000 + parts[1] / 1000 : 0
  }
}
