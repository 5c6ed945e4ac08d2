/// A command as it is sent: a list of binary-safe words, in the protocol's own form.
struct RedisCommand: Sendable {
  /// Set if the words are the keys and arguments of this script.
  let script: RedisScript?
  private var count = 0
  /// The words, each as `$<length>\r\n<bytes>\r\n`.
  private var words: [UInt8] = []

  /// A plain command.
  init(_ words: any RedisWord...) {
    script = nil
    for word in words { append(word) }
  }

  /// A plain command with many words.
  init(_ name: String, _ words: [String]) {
    script = nil
    append(name)
    for word in words { append(word) }
  }

  /// A run of a script.
  init(_ script: RedisScript, keys: [String], _ arguments: [any RedisWord]) {
    self.script = script
    words.reserveCapacity(512)
    append(keys.count)
    for key in keys { append(key) }
    for argument in arguments { append(argument) }
  }

  /// The bytes of the command, with `prefix` before its words.
  func encoded(after prefix: [any RedisWord] = []) -> [UInt8] {
    var whole = RedisCommand()
    for word in prefix { whole.append(word) }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(16 + whole.words.count + words.count)
    bytes.append(UInt8(ascii: "*"))
    bytes.append(contentsOf: String(whole.count + count).utf8)
    bytes.append(contentsOf: "\r\n".utf8)
    bytes.append(contentsOf: whole.words)
    bytes.append(contentsOf: words)
    return bytes
  }

  private mutating func append(_ word: some RedisWord) {
    count += 1
    word.withRedisBytes { bytes in
      words.append(UInt8(ascii: "$"))
      words.append(contentsOf: String(bytes.count).utf8)
      words.append(contentsOf: "\r\n".utf8)
      words.append(contentsOf: bytes)
      words.append(contentsOf: "\r\n".utf8)
    }
  }
}

/// What can be a word of a command.
protocol RedisWord: Sendable {
  /// Hands out the bytes that are sent.
  func withRedisBytes(_ body: (UnsafeBufferPointer<UInt8>) -> Void)
}

extension String: RedisWord {
  func withRedisBytes(_ body: (UnsafeBufferPointer<UInt8>) -> Void) {
    var copy = self
    copy.withUTF8(body)
  }
}

extension Int: RedisWord {
  func withRedisBytes(_ body: (UnsafeBufferPointer<UInt8>) -> Void) { String(self).withRedisBytes(body) }
}

extension Array: RedisWord where Element == UInt8 {
  func withRedisBytes(_ body: (UnsafeBufferPointer<UInt8>) -> Void) { withUnsafeBufferPointer(body) }
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
