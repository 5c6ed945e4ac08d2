/// What a worker runs for its jobs.
extension RedisScripts {
  /// Moves jobs from the lists to the worker.
  ///
  /// KEYS[1] -> worker's list, KEYS[2] -> workers, KEYS[3] -> paused, KEYS[4...] -> lists in order
  /// ARGV[1] -> worker, ARGV[2] -> how many
  ///
  /// Returns {1} if paused, else {0, n, payload, n, payload, …} where n counts the lists from 0.
  package static let claim = RedisScript(
    "claim",
    """
    redis.call('ZADD', KEYS[2], now(), ARGV[1])
    if redis.call('EXISTS', KEYS[3]) == 1 then return {1} end
    local taken = {0}
    local left = tonumber(ARGV[2])
    for i = 4, #KEYS do
      while left > 0 do
        local payload = redis.call('LMOVE', KEYS[i], KEYS[1], 'RIGHT', 'LEFT')
        if not payload then break end
        taken[#taken + 1] = i - 4
        taken[#taken + 1] = payload
        left = left - 1
      end
    end
    return taken
    """)

  /// Asks whether a claimed job is to be run, and marks it as running. A job that is done, or that runs
  /// elsewhere at this moment, is acknowledged, and its requester told now or then. An earlier claim of the same
  /// worker is a reason only if the worker says that it runs: a `start` may have been sent twice and arrived late.
  ///
  /// What was claimed while the queue was being paused goes back.
  ///
  /// KEYS[1] -> worker's list, KEYS[2] -> job, KEYS[3] -> result, KEYS[4] -> cancellation, KEYS[5] -> workers,
  /// KEYS[6] -> worker's info, KEYS[7] -> paused, KEYS[8] -> list
  /// ARGV[1] -> claim, ARGV[2] -> payload, ARGV[3] -> id, ARGV[4] -> list's name, ARGV[5] -> time to begin in ms
  /// or 0, ARGV[6] -> lease in ms, ARGV[7] -> job's time to live, ARGV[8] -> address or '', ARGV[9] -> capacity
  /// and ARGV[10] -> time to live of an inbox, ARGV[11] -> result's time to live, ARGV[12] -> 1 if the worker
  /// runs the id under another claim, else 0
  ///
  /// Returns {0} forget it, {1} cancelled, {2} expired, {3, deaths, waited ms or -1} run, {4} ask again: Redis came
  /// back without its data, and the worker has not put back yet what it holds.
  package static let start = RedisScript(
    "start",
    """
    local job = redis.call('HMGET', KEYS[2], 's', 'w', 'att', 't0', 't1')
    local result = job[1] == 'done' and redis.call('GET', KEYS[3])
    if not redis.call('LPOS', KEYS[1], ARGV[2]) then
      return {(result or redis.call('HEXISTS', KEYS[6], 'restored') == 1) and 0 or 4}
    end
    if result then
      redis.call('LREM', KEYS[1], 1, ARGV[2])
      announce_copy(KEYS[2], ARGV[8], ARGV[3], result, ARGV[9], ARGV[10], ARGV[11])
      return {0}
    end
    local t = now()
    local owner = job[1] == 'running' and job[2] and string.match(job[2], '^(.*)#')
    if owner and (owner ~= string.match(ARGV[1], '^(.*)#') or ARGV[12] == '1') and job[2] ~= ARGV[1] then
      local beat = redis.call('ZSCORE', KEYS[5], owner)
      if beat and tonumber(beat) > t - ARGV[6] then
        redis.call('LREM', KEYS[1], 1, ARGV[2])
        subscribe(KEYS[2], ARGV[8])
        return {0}
      end
    end
    if redis.call('EXISTS', KEYS[4]) == 1 then return {1} end
    if redis.call('EXISTS', KEYS[7]) == 1 and job[2] ~= ARGV[1] then
      redis.call('LREM', KEYS[1], 1, ARGV[2])
      redis.call('RPUSH', KEYS[8], ARGV[2])
      return {0}
    end
    local waited = job[4] and t - job[4] or -1
    if tonumber(ARGV[5]) > 0 and waited > tonumber(ARGV[5]) and not job[5] then return {2} end
    redis.call('HSET', KEYS[2], 's', 'running', 'w', ARGV[1], 't1', t, 'q', ARGV[4])
    if waited < 0 then subscribe(KEYS[2], ARGV[8]) end
    if waited < 0 or waited * 2 > tonumber(ARGV[7]) then redis.call('PEXPIRE', KEYS[2], ARGV[7]) end
    return {3, tonumber(job[3] or 0), waited}
    """)

  /// Tells of progress.
  ///
  /// A job that Redis knows nothing of is nobody else's: Redis came back without its data.
  ///
  /// KEYS[1] -> job, KEYS[2] -> cancellation
  /// ARGV[1] -> claim, ARGV[2] -> id, ARGV[3] -> sequence, ARGV[4] -> body, ARGV[5] -> address or '',
  /// ARGV[6] -> capacity and ARGV[7] -> time to live of an inbox
  ///
  /// Returns -1 cancelled, 0 the job is another's by now, else 1 and how often somebody subscribed later.
  package static let emit = RedisScript(
    "emit",
    """
    local job = redis.call('HMGET', KEYS[1], 'w', 's', 'n')
    if job[1] ~= ARGV[1] and job[2] then return 0 end
    if redis.call('EXISTS', KEYS[2]) == 1 then return -1 end
    local told = {}
    for address in string.gmatch(addresses(KEYS[1]) .. ARGV[5], '[^\\n]+') do
      if string.sub(address, 1, 1) == 's' and not told[address] then
        told[address] = true
        local key = string.sub(address, 2)
        redis.pcall('XADD', key, 'MAXLEN', '~', ARGV[6], '*', 'id', ARGV[2], 'seq', ARGV[3], 'd', ARGV[4])
        redis.pcall('PEXPIRE', key, ARGV[7])
      end
    end
    return 1 + (job[3] or 0)
    """)

  /// Acknowledges a job, stores its result if it is the first, and announces it.
  ///
  /// KEYS[1] -> worker's list, KEYS[2] -> result, KEYS[3] -> job, KEYS[4] -> stats
  /// ARGV[1] -> payload, ARGV[2] -> result, ARGV[3] -> result's time to live, ARGV[4] -> id, ARGV[5] -> address or
  /// '', ARGV[6] -> capacity and ARGV[7] -> time to live of an inbox, ARGV[8] -> 1 if it tells of a failure, else 0
  ///
  /// Returns 1 if this result is the visible one, 0 if another was first.
  package static let post = RedisScript(
    "post",
    """
    local owned = redis.call('LREM', KEYS[1], 1, ARGV[1])
    if redis.call('SET', KEYS[2], ARGV[2], 'NX', 'PX', ARGV[3]) then
      if owned == 0 and redis.call('HEXISTS', KEYS[3], 's') == 1 then redis.call('HSET', KEYS[3], 'd', ARGV[5]) end
      announce_all(KEYS[3], ARGV[5], ARGV[4], ARGV[2], ARGV[6], ARGV[7], ARGV[3])
      redis.call('HSET', KEYS[3], 's', 'done')
      redis.call('HDEL', KEYS[3], 'p', 'r', 'o', 'w')
      redis.call('PEXPIRE', KEYS[3], ARGV[3])
      redis.call('HINCRBY', KEYS[4], 'posted', 1)
      if ARGV[8] == '1' then redis.call('HINCRBY', KEYS[4], 'failed', 1) end
      return 1
    end
    local visible = redis.call('GET', KEYS[2])
    if owned == 1 then announce_copy(KEYS[3], ARGV[5], ARGV[4], visible, ARGV[6], ARGV[7], ARGV[3]) end
    if visible == ARGV[2] then return 1 end
    count(KEYS[4], 'duplicates')
    return 0
    """)

  /// Moves a job to the dead list and, if its id is known, stores and announces a result. One that has its result
  /// already is only put away.
  ///
  /// KEYS[1] -> worker's list, KEYS[2] -> dead, KEYS[3] -> stats, and with an id KEYS[4] -> job, KEYS[5] -> result
  /// ARGV[1] -> payload, ARGV[2] -> cap of the dead list, ARGV[3] -> list's name, ARGV[4] -> reason,
  /// ARGV[5] -> id or '?', ARGV[6] -> result or '', ARGV[7] -> result's time to live, ARGV[8] -> address or '',
  /// ARGV[9] -> capacity and ARGV[10] -> time to live of an inbox, ARGV[11] -> dead list's time to live
  ///
  /// Returns 1 if the job was the worker's, else 0.
  package static let bury = RedisScript(
    "bury",
    """
    local owned = redis.call('LREM', KEYS[1], 1, ARGV[1])
    local is_first = #KEYS < 5 or ARGV[6] == '' or redis.call('SET', KEYS[5], ARGV[6], 'NX', 'PX', ARGV[7])
    if owned == 1 and is_first then
      local entry = string.format('%.0f', now()) .. ' ' .. ARGV[5] .. ' ' .. ARGV[3] .. ' ' .. ARGV[4]
      redis.call('LPUSH', KEYS[2], entry .. '\\n' .. ARGV[1])
      redis.call('LTRIM', KEYS[2], 0, ARGV[2] - 1)
      redis.call('PEXPIRE', KEYS[2], ARGV[11])
      count(KEYS[3], 'buried')
    end
    if #KEYS < 5 then return owned end
    if ARGV[6] == '' then
      if owned == 1 then redis.call('DEL', KEYS[4]) end
    elseif is_first then
      announce_all(KEYS[4], ARGV[8], ARGV[5], ARGV[6], ARGV[9], ARGV[10], ARGV[7])
      redis.call('HSET', KEYS[4], 's', 'done', 'b', '1')
      redis.call('HDEL', KEYS[4], 'p', 'r', 'o', 'w')
      redis.call('PEXPIRE', KEYS[4], ARGV[7])
    elseif owned == 1 then
      announce_copy(KEYS[4], ARGV[8], ARGV[5], redis.call('GET', KEYS[5]), ARGV[9], ARGV[10], ARGV[7])
    end
    return owned
    """)

  /// Gives a job back, to be the next of its list.
  ///
  /// KEYS[1] -> worker's list, KEYS[2] -> list, and with an id KEYS[3] -> job
  /// ARGV[1] -> payload, ARGV[2] -> claim
  ///
  /// Returns 1 if the job was the worker's, else 0.
  package static let release = RedisScript(
    "release",
    """
    if redis.call('LREM', KEYS[1], 1, ARGV[1]) == 0 then return 0 end
    local owner = #KEYS == 3 and redis.call('HGET', KEYS[3], 'w')
    if owner and string.match(owner, '^(.*)#') == string.match(ARGV[2], '^(.*)#') then
      redis.call('HDEL', KEYS[3], 'w')
      redis.call('HSET', KEYS[3], 's', 'queued', 'p', ARGV[1])
    end
    redis.call('RPUSH', KEYS[2], ARGV[1])
    return 1
    """)

  /// Takes up a job in the worker's own list that the worker doesn't know of: the answer to its claim was lost.
  /// Frees it of an earlier claim of the same worker.
  ///
  /// KEYS[1] -> job
  /// ARGV[1] -> worker
  ///
  /// Returns {deaths, list's name or ''}.
  package static let adopt = RedisScript(
    "adopt",
    """
    local job = redis.call('HMGET', KEYS[1], 'w', 'att', 'q')
    if job[1] and string.sub(job[1], 1, #ARGV[1] + 1) == ARGV[1] .. '#' then
      redis.call('HDEL', KEYS[1], 'w')
      redis.call('HSET', KEYS[1], 's', 'queued')
    end
    return {tonumber(job[2] or 0), job[3] or ''}
    """)
}
