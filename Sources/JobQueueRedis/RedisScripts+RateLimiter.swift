/// What limits how much a caller may use.
extension RedisScripts {
  /// Takes a cost out of a bucket, as `TokenBucket` does. A bucket that is full has no key.
  ///
  /// KEYS[1] -> bucket
  /// ARGV[1] -> cost, less than 0 to give back, 0 to look, ARGV[2] -> capacity, ARGV[3] -> refill a minute,
  /// ARGV[4] -> '1' to take it whether or not there is as much
  ///
  /// Returns {1 taken or 0 not, what the bucket holds then in 60,000ths of a unit}. Must not be repeated when its
  /// answer was lost.
  package static let take = RedisScript(
    "take",
    """
    local cost, full, refill = ARGV[1] * 60000, ARGV[2] * 60000, tonumber(ARGV[3])
    local t = now()
    local state = redis.call('HMGET', KEYS[1], 'n', 't')
    local level, since = full, t
    if state[1] and state[2] then
      since = tonumber(state[2])
      level = math.min(full, state[1] + math.max(0, t - since) * refill)
    end
    local taken = ARGV[4] == '1' or level >= cost
    if taken then level = math.min(full, math.max(level - cost, -full)) end
    if level >= full then
      redis.call('DEL', KEYS[1])
    elseif taken and cost ~= 0 or t < since then
      redis.call('HSET', KEYS[1], 'n', string.format('%.0f', level), 't', string.format('%.0f', t))
      redis.call('PEXPIRE', KEYS[1], math.ceil((full - level) / refill))
    end
    return {taken and 1 or 0, string.format('%.0f', level)}
    """)
}
