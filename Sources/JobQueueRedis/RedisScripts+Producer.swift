/// What a producer and people run.
extension RedisScripts {
  /// Puts a job into a list.
  ///
  /// KEYS[1] -> list, KEYS[2] -> job, KEYS[3] -> result, KEYS[4] -> cancellation, KEYS[5] -> stats, KEYS[6] -> pace
  /// ARGV[1] -> payload, ARGV[2] -> cap of the list, ARGV[3] -> job's time to live in ms, ARGV[4] -> list's name,
  /// ARGV[5] -> fingerprint or '', ARGV[6] -> address to tell or ''
  ///
  /// Returns {1, position} queued, {2} attached to the same job, {3, result} done before, {4, seconds}
  /// list full, and in how many seconds what waits will be served, -1 if nothing was lately, {5} the id is of another
  /// job. Refused by Redis when its memory is used up.
  package static let submit = RedisScript(
    "submit", flags: "",
    """
    local job = redis.call('HMGET', KEYS[2], 's', 'h')
    local state = job[1]
    if state then
      local is_other = job[2] and job[2] ~= '' and ARGV[5] ~= '' and job[2] ~= ARGV[5]
      local result = state == 'done' and redis.call('GET', KEYS[3])
      if state ~= 'done' or result then
        if is_other then return {5} end
        if result then return {3, result} end
        subscribe(KEYS[2], ARGV[6])
        return {2}
      end
    end
    local waiting = redis.call('LLEN', KEYS[1])
    if waiting >= tonumber(ARGV[2]) then
      local posted = redis.call('HGET', KEYS[5], 'posted') or 0
      local before = redis.call('HMGET', KEYS[6], 't0', 'n0')
      local served = before[2] and posted - before[2] or 0
      if served <= 0 then return {4, -1} end
      return {4, math.ceil(waiting * (now() - before[1]) / served / 1000)}
    end
    redis.call('DEL', KEYS[2], KEYS[4])
    redis.call('HSET', KEYS[2], 's', 'queued', 'q', ARGV[4], 't0', now(), 'h', ARGV[5], 'p', ARGV[1],
      'r', ARGV[6] == '' and '' or ARGV[6] .. '\\n')
    redis.call('PEXPIRE', KEYS[2], ARGV[3])
    return {1, redis.call('LPUSH', KEYS[1], ARGV[1])}
    """)

  /// Asks for the progress of a job that was submitted elsewhere. Who only looks keeps no job alive.
  ///
  /// KEYS[1] -> job
  /// ARGV[1] -> address to tell
  ///
  /// Returns 1 if there will be some, else 0.
  package static let attach = RedisScript(
    "attach",
    """
    local state = redis.call('HGET', KEYS[1], 's')
    if state ~= 'queued' and state ~= 'running' then return 0 end
    redis.call('HINCRBY', KEYS[1], 'n', 1)
    local lookers = redis.call('HGET', KEYS[1], 'o') or ''
    if not string.find('\\n' .. lookers, '\\n' .. ARGV[1] .. '\\n', 1, true) and #lookers <= 8192 then
      redis.call('HSET', KEYS[1], 'o', lookers .. ARGV[1] .. '\\n')
    end
    return 1
    """)

  /// Cancels a job: takes it out if it waits, leaves a mark for its worker otherwise.
  ///
  /// KEYS[1] -> cancellation, KEYS[2] -> result, KEYS[3] -> job, KEYS[4] -> stats, KEYS[5...] -> lists
  /// ARGV[1] -> id, ARGV[2] -> result to store, ARGV[3] -> cancellation's and ARGV[4] -> result's time to live,
  /// ARGV[5] -> capacity and ARGV[6] -> time to live of an inbox, ARGV[7] -> address of who gives the job up, or '' to
  /// cancel it for everybody. The last of those who submitted it cancels it; what was pushed is not theirs.
  ///
  /// Returns 1 taken out, 2 its worker will be told, 3 it has a result, 4 others wait for it, 0 unknown.
  package static let cancel = RedisScript(
    "cancel",
    """
    local result = redis.call('GET', KEYS[2])
    if result then return result == ARGV[2] and 1 or 3 end
    local job = redis.call('HMGET', KEYS[3], 's', 'p', 'r', 't0')
    if ARGV[7] ~= '' and job[1] then
      local others = {}
      for address in string.gmatch(job[3] or '', '[^\\n]+') do
        if address ~= ARGV[7] then others[#others + 1] = address .. '\\n' end
      end
      redis.call('HSET', KEYS[3], 'r', table.concat(others))
      if #others > 0 or not job[4] then return 4 end
    end
    redis.call('SET', KEYS[1], '1', 'PX', ARGV[3])
    if job[1] == 'queued' and job[2] then
      for i = 5, #KEYS do
        if redis.call('LREM', KEYS[i], -1, job[2]) == 1 then
          redis.call('DEL', KEYS[1])
          redis.call('SET', KEYS[2], ARGV[2], 'PX', ARGV[4])
          announce_all(KEYS[3], '', ARGV[1], ARGV[2], ARGV[5], ARGV[6], ARGV[4])
          redis.call('HSET', KEYS[3], 's', 'done')
          redis.call('HDEL', KEYS[3], 'p', 'r', 'o')
          redis.call('PEXPIRE', KEYS[3], ARGV[4])
          count(KEYS[4], 'cancelled')
          return 1
        end
      end
    end
    return (job[1] == 'queued' or job[1] == 'running') and 2 or 0
    """)

  /// Whether a job could be served now. Refused by Redis when its memory is used up.
  ///
  /// KEYS[1] -> probe, KEYS[2] -> workers
  /// ARGV[1] -> lease in ms
  ///
  /// Returns how many workers are alive.
  package static let ready = RedisScript(
    "ready", flags: "",
    """
    redis.call('SET', KEYS[1], '1', 'PX', 10000)
    return redis.call('ZCOUNT', KEYS[2], now() - ARGV[1], '+inf')
    """)

  /// Gives a dead job another life, as if it had just been submitted; not while its id is of another job.
  ///
  /// KEYS[1] -> dead, KEYS[2] -> list, and with an id KEYS[3] -> job, KEYS[4] -> result, KEYS[5] -> cancellation
  /// ARGV[1] -> entry of the dead list, ARGV[2] -> payload, ARGV[3] -> list's name, ARGV[4] -> job's time to live
  ///
  /// Returns 1 if it was put back, else 0.
  package static let retry = RedisScript(
    "retry",
    """
    local job = #KEYS == 5 and redis.call('HMGET', KEYS[3], 's', 'b', 'h') or {}
    if job[1] and not (job[1] == 'done' and job[2]) then return 0 end
    if redis.call('LREM', KEYS[1], 1, ARGV[1]) == 0 then return 0 end
    if #KEYS == 5 then
      redis.call('DEL', KEYS[3], KEYS[4], KEYS[5])
      redis.call('HSET', KEYS[3], 's', 'queued', 'q', ARGV[3], 't0', now(), 'p', ARGV[2], 'h', job[3] or '')
      redis.call('PEXPIRE', KEYS[3], ARGV[4])
    end
    redis.call('LPUSH', KEYS[2], ARGV[2])
    return 1
    """)
}
