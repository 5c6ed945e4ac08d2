package import JobQueue

/// A limiter on Redis, shared by all gateways of a queue.
///
/// It asks once and doesn't wait for a Redis that is away: a request may go on without being counted.
package struct RedisRateLimiter: RateLimiter {
  let commands: RedisConnection
  let keys: RedisKeys

  package func take(_ cost: Int, from bucket: RateBucket) async throws(JobQueueError) -> RateDecision {
    let (isAllowed, shares) = try await run(max(0, cost), bucket, unconditionally: false)
    return RateDecision(isAllowed: isAllowed, cost: cost, shares: shares, bucket: bucket)
  }

  package func charge(_ cost: Int, to bucket: RateBucket) async throws(JobQueueError) {
    _ = try await run(cost, bucket, unconditionally: true)
  }

  private func run(
    _ cost: Int, _ bucket: RateBucket, unconditionally: Bool
  ) async throws(JobQueueError) -> (isAllowed: Bool, shares: Int) {
    let command = RedisCommand(
      RedisScripts.take, keys: [keys.rate(bucket.name)],
      [
        RateBucket.bounded(cost: cost), bucket.capacity, bucket.refillPerMinute, unconditionally ? "1" : "0",
      ])
    let reply = try await commands.perform(command, patience: .zero)
    guard let elements = reply.array, elements.count == 2, let taken = elements[0].integer,
      let shares = elements[1].integer
    else { throw RedisReply.unexpected(reply, from: "take") }
    return (taken == 1, shares)
  }
}

extension RedisJobProducer {
  /// The limiter that all gateways of this queue share. It uses the connection of the producer, and ends with it.
  package var rateLimiter: RedisRateLimiter { RedisRateLimiter(commands: commands, keys: keys) }
}

extension ShardedJobProducer {
  /// The limiter that all gateways of this queue share, on its first shard.
  package var rateLimiter: RedisRateLimiter { shards[0].rateLimiter }
}
