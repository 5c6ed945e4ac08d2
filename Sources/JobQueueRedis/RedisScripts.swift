/// The steps of a job's life, each one script: it happens whole or not at all, and is safe to repeat when its
/// answer was lost (`claim` is made so by `RedisJobConsumer.reconcile`). Payloads and results are never decoded.
/// `take` is no step of it, but counts what callers use.
package enum RedisScripts {
  package static let producer = [submit, attach, cancel, ready, retry, take]
  package static let consumer = [claim, start, emit, post, bury, release, adopt]
  package static let heartbeat = [beat, restore, recover, depart]
}
