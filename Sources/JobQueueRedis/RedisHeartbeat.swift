import JobQueue
import Logging
import Synchronization
import ThreadExecutor

/// Gives a worker's signs of life, and takes over the jobs of workers that give none.
///
/// It has a thread and a connection of its own: neither a busy engine nor a busy connection may look like death.
final class RedisHeartbeat: Sendable {
  /// Workers that died are remembered for so long: one that was only suspended may still claim.
  private static let memory = Duration.seconds(24 * 3600)
  /// Fields of the info that are none of the worker's account of itself.
  static let ownFields: Set<String> = ["running", "restored"]

  private let worker: RedisWorker
  private let stopping = WaitableFlag()

  init(worker: RedisWorker) { self.worker = worker }

  /// Beats until `stop`, and then leaves the queue.
  func run() async throws(JobQueueError) {
    let problem: JobQueueError? = await withCheckedContinuation { continuation in
      let started = DedicatedThread.start(named: "queue-beat") { continuation.resume(returning: self.loop()) }
      if !started {
        continuation.resume(
          returning: JobQueueError(.unavailable, "the system has no thread left for the heartbeat"))
      }
    }
    if let problem { throw problem }
  }

  func stop() { stopping.raise() }

  /// Returns why the server must not be worked with, or nil after `stop`.
  private func loop() -> JobQueueError? {
    let configuration = worker.configuration
    let link = RedisLink(
      configuration: configuration, name: "beat:\(worker.id)", scripts: RedisScripts.heartbeat,
      logger: worker.logger)
    defer { link.close() }
    var watch = SilenceWatch(lease: configuration.lease, interval: configuration.sweepInterval)
    var nextBeat = ContinuousClock.now
    var nextSweep = nextBeat + jittered(configuration.sweepInterval)
    var checkedConnection = 0
    var mustRestore = false
    var isHeard = false
    repeat {
      do throws(RedisFailure) {
        if ContinuousClock.now >= nextBeat {
          // A new connection may lead to another server.
          if checkedConnection == 0 || checkedConnection != link.connectionCount {
            let mode = configuration.checks
            if let problem = try RedisServerCheck.perform(on: link, mode: mode, logger: worker.logger) {
              return problem
            }
            checkedConnection = link.connectionCount
          }
          isHeard = false
          isHeard = try beat(on: link, &mustRestore)
          nextBeat = ContinuousClock.now + configuration.beatInterval
        }
        if ContinuousClock.now >= nextSweep {
          // Where this worker isn't heard, the silence of others says nothing.
          if isHeard { try sweep(on: link, &watch) }
          nextSweep = ContinuousClock.now + jittered(configuration.sweepInterval)
        }
      } catch {
        // The link has said so. A beat is due soon: half a lease without one stops the claiming.
        nextBeat = ContinuousClock.now + min(configuration.beatInterval, .milliseconds(250))
      }
    } while !stopping.wait(atMost: max(.zero, min(nextBeat, nextSweep) - ContinuousClock.now))
    depart(on: link)
    return nil
  }

  private func jittered(_ interval: Duration) -> Duration { interval * Double.random(in: 0.8...1.2) }

  // MARK: Beat

  /// Returns whether Redis took it.
  private func beat(on link: RedisLink, _ mustRestore: inout Bool) throws(RedisFailure) -> Bool {
    let (held, running) = worker.jobs.withLock { ($0.count, $0.running) }
    var fields = worker.info().merging(["running": String(held)]) { _, latest in latest }
    if !mustRestore { fields["restored"] = "1" }
    let command = RedisCommand(
      RedisScripts.beat,
      keys: [
        worker.keys.workers, worker.keys.workerInfo(worker.id), worker.keys.stats, worker.keys.pace,
      ]
        + running.flatMap { [worker.keys.cancellation($0.id), worker.keys.job($0.id)] },
      [
        worker.id, Self.memory.redisMilliseconds, running.count,
      ] + running.map { worker.token(of: $0.job) }
        + fields.flatMap { [$0.key, $0.value] as [any RedisWord] })
    // Until Redis says that it knows this worker: the answer that it does not may get lost.
    let hadRestored = !mustRestore
    mustRestore = true
    let reply = try link.send([command]).first
    guard let answers = reply?.array else {
      worker.logger.error("the heartbeat was refused", metadata: ["error": "\(reply?.error ?? "")"])
      return false
    }
    worker.noteBeat()
    if answers.last?.integer == 0 || !hadRestored {
      // To the end, before a job that Redis doesn't know is taken for another's.
      try restore(on: link)
      mustRestore = false
      return true
    }
    mustRestore = false
    for ((job, id), answer) in zip(running, answers) {
      switch answer.integer {
      case 1 where worker.jobs.withLock({ $0.noteCancelled(job.claimNumber) }):
        worker.interrupted.yield(.cancelled(id))
      case 2 where worker.jobs.withLock({ $0.noteFenced(job) }):
        worker.interrupted.yield(.fenced(claimNumber: job.claimNumber))
      default: continue
      }
    }
    return true
  }

  /// Redis doesn't know this worker: it has just started, or Redis came back without its data.
  private func restore(on link: RedisLink) throws(RedisFailure) {
    let held = worker.jobs.withLock { jobs in jobs.held.map { ($0.job, $0.id, jobs.isRunning($0.job)) } }
    for (job, id, isRunning) in held {
      let command = RedisCommand(
        RedisScripts.restore, keys: [worker.processing, worker.keys.job(id), worker.keys.result(id)],
        [
          job.payload, isRunning ? worker.token(of: job) : "", job.priority.rawValue,
          worker.configuration.jobTimeToLive.redisMilliseconds,
        ])
      if try link.send([command]).first?.integer == 1 {
        worker.logger.notice("Redis had lost a job that is held here", metadata: ["job_id": "\(id)"])
      }
    }
  }

  private func depart(on link: RedisLink) {
    let command = RedisCommand(
      RedisScripts.depart,
      keys: [worker.keys.workers, worker.keys.workerInfo(worker.id), worker.processing, worker.keys.stats],
      [worker.id])
    // A connection that broke meanwhile is worth a second try; after that the lease will run out.
    guard let replies = (try? link.send([command])) ?? (try? link.send([command])) else { return }
    if let held = replies.first?.integer, held > 0 {
      worker.logger.warning(
        "left with jobs in hand; other workers take them over", metadata: ["jobs": "\(held)"])
    }
  }

  // MARK: Sweep

  private func sweep(on link: RedisLink, _ watch: inout SilenceWatch) throws(RedisFailure) {
    let replies = try link.send([
      RedisCommand("TIME"), RedisCommand("ZRANGE", worker.keys.workers, 0, -1, "WITHSCORES"),
    ])
    guard let seconds = replies.first?.array?.first?.integer else { return }
    let beats = replies.last?.pairs.compactMap { name, beat in
      name == worker.id ? nil : beat.string.map { (worker: name, beat: $0) }
    }
    for (other, beat) in watch.silent(among: beats ?? [], now: .now, storeTime: .seconds(seconds)) {
      let held = try takeOver(from: other, since: beat, on: link)
      // One that left in order has the time 0, and claims nothing more.
      let silence = Double(seconds * 1000) - (Double(beat) ?? 0)
      if held == 0, silence > Double(Self.memory.redisMilliseconds) {
        _ = try link.send([RedisCommand("ZREM", worker.keys.workers, other)])
      }
    }
  }

  /// Recovers the jobs of another worker; how many it held.
  ///
  /// The newest come first, so that the oldest, put back last, is the next of its list.
  private func takeOver(
    from other: String, since beat: String, on link: RedisLink
  ) throws(RedisFailure) -> Int {
    let reply = try link.send([RedisCommand("LRANGE", worker.keys.processing(other), 0, -1)]).first
    let payloads = reply?.array?.compactMap(\.bytes) ?? []
    for payload in payloads {
      let envelope = worker.identify(payload)
      // Held before it is moved: to the comparison with Redis it must never look unknown.
      let job = worker.jobs.withLock {
        $0.add(payload: payload, envelope: envelope, priority: .default, attemptsExhausted: envelope != nil)
      }
      var outcome = 0
      defer {
        worker.jobs.withLock { jobs in
          if outcome == 2 { jobs.handOut(job) } else { jobs.remove(job) }
        }
      }
      outcome =
        try link.send([recovery(of: payload, envelope?.id, from: other, since: beat)]).first?.integer ?? 0
      if outcome > 0 {
        worker.logger.notice(
          "took over a job of a worker that is silent",
          metadata: [
            "job_id": "\(envelope?.id.rawValue ?? "?")", "worker": "\(other)", "exhausted": "\(outcome == 2)",
          ])
      }
      if outcome < 0 { break }
    }
    return payloads.count
  }

  private func recovery(
    of payload: [UInt8], _ id: JobID?, from other: String, since beat: String
  ) -> RedisCommand {
    let keys = worker.keys
    return RedisCommand(
      RedisScripts.recover,
      keys: [keys.workers, keys.processing(other), worker.processing, keys.stats]
        + [keys.queue(.high), keys.queue(.default), keys.queue(.low)]
        + (id.map { [keys.job($0), keys.result($0)] } ?? []),
      [
        other, beat, payload, worker.configuration.maxAttempts,
        worker.configuration.jobTimeToLive.redisMilliseconds,
      ])
  }
}
