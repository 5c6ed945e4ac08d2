/// A command as it is sent: a list of binary-safe words.
struct RedisCommand: Sendable {
  /// Set if the words are the keys and arguments of this script.
  let script: RedisScript?
  let words: [[UInt8]]

  /// A plain command.
  init(_ words: any RedisWord...) {
    script = nil
    self.words = words.map(\.redisBytes)
  }

  /// A plain command with many words.
  init(_ name: String, _ words: [String]) {
    script = nil
    self.words = [Array(name.utf8)] + words.map { Array($0.utf8) }
  }

  /// A run of a script.
  init(_ script: RedisScript, keys: [String], _ arguments: [any RedisWord]) {
    self.script = script
    words = [keys.count.redisBytes] + keys.map(\.redisBytes) + arguments.map(\.redisBytes)
  }
}

/// What can be a word of a command.
protocol RedisWord: Sendable {
  var redisBytes: [UInt8] { get }
}

extension String: RedisWord {
  var redisBytes: [UInt8] { Array(utf8) }
}

extension Int: RedisWord {
  var redisBytes: [UInt8] { Array(String(self).utf8) }
}

extension Array: RedisWord where Element == UInt8 {
  var redisBytes: [UInt8] { self }
}

extension Duration {
  /// Whole milliseconds, at least 1: Redis refuses a lifetime of 0.
  var redisMilliseconds: Int {
    let (seconds, attoseconds) = components
    return max(1, Int(seconds) * 1000 + Int(attoseconds / 1_000_000_000_000_000))
  }

  /// Seconds as Redis's blocking commands take them.
  var redisSeconds: String {
    let milliseconds = redisMilliseconds
    let fraction = String(milliseconds % 1000)
    return "\(milliseconds / 1000).\(String(repeating: "0", count: 3 - fraction.utf8.count))\(fraction)"
  }
}
