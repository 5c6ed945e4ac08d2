/// What a worker's heartbeat runs.
extension RedisScripts {
  /// A sign of life.
  ///
  /// KEYS[1] -> workers, KEYS[2] -> worker's info, KEYS[3...] -> cancellations of the jobs it runs
  /// ARGV[1] -> worker, ARGV[2] -> info's time to live, ARGV[3...] -> fields and values of the info
  ///
  /// Returns the numbers, from 0, of the cancellations that exist.
  static let beat = RedisScript(
    "beat",
    """
    redis.call('ZADD', KEYS[1], now(), ARGV[1])
    redis.call('HSET', KEYS[2], unpack(ARGV, 3))
    redis.call('PEXPIRE', KEYS[2], ARGV[2])
    local cancelled = {}
    for i = 3, #KEYS do
      if redis.call('EXISTS', KEYS[i]) == 1 then cancelled[#cancelled + 1] = i - 3 end
    end
    return cancelled
    """)

  /// Takes a job from a dead worker: back to be the next of its list, or, if too many workers died of it or
  /// nobody knows what it is, into the hands of the worker that asks, which has to bury it. So at no moment is
  /// it nobody's.
  ///
  /// KEYS[1] -> workers, KEYS[2] -> dead worker's list, KEYS[3] -> own list, KEYS[4] -> stats, KEYS[5...7] -> lists
  /// (high, default, low), and with an id KEYS[8] -> job, KEYS[9] -> result
  /// ARGV[1] -> dead worker, ARGV[2] -> lease in ms, ARGV[3] -> payload, ARGV[4] -> allowed deaths,
  /// ARGV[5] -> job's time to live
  ///
  /// Returns -1 the worker is alive, 0 the job isn't there any more, 1 put back, 2 handed over.
  static let recover = RedisScript(
    "recover",
    """
    local beat = redis.call('ZSCORE', KEYS[1], ARGV[1])
    if beat and tonumber(beat) > now() - ARGV[2] then return -1 end
    if redis.call('LREM', KEYS[2], 1, ARGV[3]) == 0 then return 0 end
    local exhausted = true
    local list = KEYS[6]
    if #KEYS >= 9 then
      local name = redis.call('HGET', KEYS[8], 'q')
      if name == 'high' then list = KEYS[5] elseif name == 'low' then list = KEYS[7] end
      exhausted = false
      if redis.call('EXISTS', KEYS[9]) == 0 then
        local state = redis.call('HMGET', KEYS[8], 's', 'w')
        local theirs = not state[2] or string.sub(state[2], 1, #ARGV[1] + 1) == ARGV[1] .. '#'
        if theirs then
          exhausted = redis.call('HINCRBY', KEYS[8], 'att', 1) >= tonumber(ARGV[4])
          redis.call('HDEL', KEYS[8], 'w')
          redis.call('HSET', KEYS[8], 's', 'queued', 'p', ARGV[3])
          redis.call('PEXPIRE', KEYS[8], ARGV[5])
        end
      end
    end
    if exhausted then
      redis.call('LPUSH', KEYS[3], ARGV[3])
      redis.call('HINCRBY', KEYS[4], 'exhausted', 1)
      return 2
    end
    redis.call('RPUSH', list, ARGV[3])
    redis.call('HINCRBY', KEYS[4], 'recovered', 1)
    return 1
    """)

  /// The end of a worker. What it still holds is taken over at once instead of after the lease.
  ///
  /// KEYS[1] -> workers, KEYS[2] -> worker's info, KEYS[3] -> worker's list
  /// ARGV[1] -> worker
  ///
  /// Returns how many jobs it holds.
  static let depart = RedisScript(
    "depart",
    """
    redis.call('DEL', KEYS[2])
    local held = redis.call('LLEN', KEYS[3])
    if held == 0 then redis.call('ZREM', KEYS[1], ARGV[1]) else redis.call('ZADD', KEYS[1], 0, ARGV[1]) end
    return held
    """)
}
