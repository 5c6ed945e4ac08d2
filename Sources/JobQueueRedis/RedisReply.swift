import CHiredis

/// What Redis answered, copied out of hiredis's memory.
indirect enum RedisReply: Sendable, Equatable {
  case null
  case integer(Int)
  case bytes([UInt8])
  case status(String)
  case error(String)
  case array([RedisReply])

  /// Strings are taken by length: they may contain zero bytes.
  init(copying reply: UnsafeMutablePointer<redisReply>) {
    func bytes() -> [UInt8] {
      let buffer = UnsafeRawBufferPointer(start: reply.pointee.str, count: Int(reply.pointee.len))
      return Array(buffer)
    }
    switch reply.pointee.type {
    case REDIS_REPLY_INTEGER: self = .integer(Int(reply.pointee.integer))
    case REDIS_REPLY_STRING: self = .bytes(bytes())
    case REDIS_REPLY_STATUS: self = .status(String(decoding: bytes(), as: UTF8.self))
    case REDIS_REPLY_ERROR: self = .error(String(decoding: bytes(), as: UTF8.self))
    case REDIS_REPLY_ARRAY:
      let elements = UnsafeBufferPointer(start: reply.pointee.element, count: Int(reply.pointee.elements))
      self = .array(elements.map { $0.map { RedisReply(copying: $0) } ?? .null })
    default: self = .null
    }
  }

  var integer: Int? {
    switch self {
    case .integer(let value): value
    case .bytes(let bytes): Int(String(decoding: bytes, as: UTF8.self))
    default: nil
    }
  }

  var bytes: [UInt8]? {
    if case .bytes(let bytes) = self { bytes } else { nil }
  }

  var string: String? { bytes.map { String(decoding: $0, as: UTF8.self) } }

  var array: [RedisReply]? {
    if case .array(let elements) = self { elements } else { nil }
  }

  var error: String? {
    if case .error(let message) = self { message } else { nil }
  }

  /// The first word of an error, which names its kind.
  var errorCode: Substring? {
    error.map { $0.prefix { $0 != " " } }
  }

  /// The elements of a reply that alternates between names and values.
  var pairs: [(name: String, value: RedisReply)] {
    guard let elements = array else { return [] }
    return stride(from: 0, to: elements.count - 1, by: 2).compactMap { index in
      elements[index].string.map { ($0, elements[index + 1]) }
    }
  }
}
