/// A Lua script that runs in Redis as one step.
package struct RedisScript: Sendable, Hashable {
  package let name: String
  /// As it is sent to Redis.
  package let source: String

  /// - Parameters:
  ///   - flags: `allow-oom` for everything but taking in new jobs: what waits must still be served when the
  ///     memory is used up.
  ///   - body: Lua; may use the functions of `prelude`.
  init(_ name: String, flags: String = "allow-oom", _ body: String) {
    self.name = name
    source = "#!lua\(flags.isEmpty ? "" : " flags=\(flags)")\n\(Self.prelude)\n\(body)"
  }

  package static func == (a: RedisScript, b: RedisScript) -> Bool { a.name == b.name }
  package func hash(into hasher: inout Hasher) { hasher.combine(name) }

  /// Functions common to the scripts.
  ///
  /// - `now()`: Redis's clock in milliseconds; no other clock is ever compared with.
  /// - `keep(stats)`: keeps the counts for a month from now.
  /// - `count(stats, what)`: counts in total.
  /// - `subscribe(job, address)`: adds an address to those that are told of a job, and counts that.
  /// - `addresses(job)`: all that are told, of those who submitted the job and of those who only look.
  /// - `announce(address, id, result, maxlen, inbox_ttl, list_ttl)`: a wrong type at the address must not undo
  ///   the result, hence `pcall`.
  /// - `announce_all(job, address, …)`: to all addresses of the job and to `address`, each once.
  /// - `announce_copy(job, address, …)`: to the address of a payload that was put away after the job had its result;
  ///   not if the worker that it was taken from told it there, late.
  ///
  /// The addresses in a job's hash are keys that no script declares; they carry the hash tag of the others, so
  /// they live in the same slot of a cluster.
  private static let prelude = """
    local function now()
      local t = redis.call('TIME')
      return t[1] * 1000 + math.floor(t[2] / 1000)
    end
    local function keep(stats) redis.call('PEXPIRE', stats, 2592000000) end
    local function count(stats, what)
      redis.call('HINCRBY', stats, what, 1)
      keep(stats)
    end
    local function subscribe(job, address)
      if address == '' then return end
      redis.call('HINCRBY', job, 'n', 1)
      local known = redis.call('HGET', job, 'r') or ''
      if string.find('\\n' .. known, '\\n' .. address .. '\\n', 1, true) or #known > 8192 then return end
      redis.call('HSET', job, 'r', known .. address .. '\\n')
    end
    local function addresses(job)
      local known = redis.call('HMGET', job, 'r', 'o')
      return (known[1] or '') .. (known[2] or '')
    end
    local function announce(address, id, result, maxlen, inbox_ttl, list_ttl)
      local key = string.sub(address, 2)
      if string.sub(address, 1, 1) == 's' then
        redis.pcall('XADD', key, 'MAXLEN', '~', maxlen, '*', 'id', id, 'done', '1', 'd', result)
        redis.pcall('PEXPIRE', key, inbox_ttl)
      elseif address ~= '' then
        redis.pcall('RPUSH', key, result)
        redis.pcall('PEXPIRE', key, list_ttl)
      end
    end
    local function announce_all(job, address, id, result, maxlen, inbox_ttl, list_ttl)
      local told = {}
      for each in string.gmatch(addresses(job), '[^\\n]+') do
        if not told[each] then announce(each, id, result, maxlen, inbox_ttl, list_ttl) end
        told[each] = true
        if each == address then address = '' end
      end
      announce(address, id, result, maxlen, inbox_ttl, list_ttl)
    end
    local function announce_copy(job, address, ...)
      if address ~= '' and redis.call('HGET', job, 'd') == address then
        redis.call('HDEL', job, 'd')
      else
        announce(address, ...)
      end
    end
    """
}
