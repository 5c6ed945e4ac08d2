/// What a worker's heartbeat runs.
extension RedisScripts {
  /// A sign of life, and the question which of the jobs it runs are to be stopped.
  ///
  /// KEYS[1] -> workers, KEYS[2] -> worker's info, KEYS[3] -> stats, KEYS[4] -> pace,
  /// KEYS[5...] -> of each job it runs the cancellation and the job
  /// ARGV[1] -> worker, ARGV[2] -> info's and workers' time to live, ARGV[3] -> how many jobs,
  /// ARGV[4...] -> their claims, and then fields and values of the info; of these, `restored` is kept only by a worker
  /// that is known
  ///
  /// Returns a number for each job: 0 go on, 1 cancelled, 2 the job is another's by now; and then 1 if Redis has
  /// heard of this worker before, else 0.
  package static let beat = RedisScript(
    "beat",
    """
    local is_known = redis.call('EXISTS', KEYS[2])
    local t = now()
    redis.call('ZADD', KEYS[1], t, ARGV[1])
    redis.call('PEXPIRE', KEYS[1], ARGV[2])
    keep(KEYS[3])
    local pace = redis.call('HMGET', KEYS[4], 't1', 'n1')
    if t - (pace[1] or 0) >= 5000 then
      local posted = redis.call('HGET', KEYS[3], 'posted') or 0
      redis.call('HSET', KEYS[4], 't0', pace[1] or t, 'n0', pace[2] or posted, 't1', t, 'n1', posted)
      redis.call('PEXPIRE', KEYS[4], 30000)
    end
    redis.call('HSET', KEYS[2], unpack(ARGV, 4 + ARGV[3]))
    redis.call('PEXPIRE', KEYS[2], ARGV[2])
    if is_known == 0 then redis.call('HDEL', KEYS[2], 'restored') end
    local answers = {}
    for i = 1, ARGV[3] do
      local owner = redis.call('HGET', KEYS[2 * i + 4], 'w')
      local is_lost = is_known == 0 and redis.call('EXISTS', KEYS[2 * i + 4]) == 0
      if owner == ARGV[3 + i] or is_lost then
        answers[i] = redis.call('EXISTS', KEYS[2 * i + 3])
      else
        answers[i] = 2
      end
    end
    answers[#answers + 1] = is_known
    return answers
    """)

  /// Takes a job that a worker holds into its list again after Redis came back without its data, unless it was
  /// submitted again or answered meanwhile.
  ///
  /// KEYS[1] -> worker's list, KEYS[2] -> job, KEYS[3] -> result
  /// ARGV[1] -> payload, ARGV[2] -> claim if it runs, else '', ARGV[3] -> list's name, ARGV[4] -> job's time to live
  ///
  /// Returns 1 taken in, 2 it was there, 0 it is another's.
  package static let restore = RedisScript(
    "restore",
    """
    if redis.call('LPOS', KEYS[1], ARGV[1]) then return 2 end
    if redis.call('EXISTS', KEYS[2], KEYS[3]) > 0 then return 0 end
    redis.call('LPUSH', KEYS[1], ARGV[1])
    if ARGV[2] ~= '' then
      redis.call('HSET', KEYS[2], 's', 'running', 'w', ARGV[2], 'q', ARGV[3], 't1', now())
      redis.call('PEXPIRE', KEYS[2], ARGV[4])
    end
    return 1
    """)

  /// Takes a job from a dead worker: back to be the next of its list, or, if too many workers died of it or
  /// nobody knows what it is, into the hands of the worker that asks, which has to bury it. So at no moment is
  /// it nobody's.
  ///
  /// KEYS[1] -> workers, KEYS[2] -> dead worker's list, KEYS[3] -> own list, KEYS[4] -> stats, KEYS[5...7] -> lists
  /// (high, default, low), and with an id KEYS[8] -> job, KEYS[9] -> result
  /// ARGV[1] -> dead worker, ARGV[2] -> its last sign of life, by which it was found dead, ARGV[3] -> payload,
  /// ARGV[4] -> allowed deaths,
  /// ARGV[5] -> job's time to live
  ///
  /// Returns -1 the worker gave another sign of life, 0 the job isn't there any more, 1 put back, 2 handed over.
  package static let recover = RedisScript(
    "recover",
    """
    local beat = redis.call('ZSCORE', KEYS[1], ARGV[1])
    if beat and beat ~= ARGV[2] then return -1 end
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
          count(KEYS[4], 'crashes')
          redis.call('HDEL', KEYS[8], 'w')
          redis.call('HSET', KEYS[8], 's', 'queued', 'p', ARGV[3])
          redis.call('PEXPIRE', KEYS[8], ARGV[5])
        end
      end
    end
    if exhausted then
      redis.call('LPUSH', KEYS[3], ARGV[3])
      count(KEYS[4], 'exhausted')
      return 2
    end
    redis.call('RPUSH', list, ARGV[3])
    count(KEYS[4], 'recovered')
    return 1
    """)

  /// The end of a worker. What it still holds is taken over at once instead of after the lease.
  ///
  /// KEYS[1] -> workers, KEYS[2] -> worker's info, KEYS[3] -> worker's list, KEYS[4] -> stats
  /// ARGV[1] -> worker
  ///
  /// Returns how many jobs it holds.
  package static let depart = RedisScript(
    "depart",
    """
    redis.call('DEL', KEYS[2])
    keep(KEYS[4])
    local held = redis.call('LLEN', KEYS[3])
    if held == 0 then redis.call('ZREM', KEYS[1], ARGV[1]) else redis.call('ZADD', KEYS[1], 0, ARGV[1]) end
    return held
    """)
}
