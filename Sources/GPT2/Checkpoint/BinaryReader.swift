/// Reads little-endian values from bytes that nobody vouches for: every step is checked, the failure an
/// error that names the part of the file and the offset.
struct BinaryReader {
  let bytes: UnsafeRawBufferPointer
  /// Names the part in messages, as in "data.pkl".
  let part: String
  private(set) var position: Int

  init(_ bytes: UnsafeRawBufferPointer, part: String, at position: Int = 0) {
    self.bytes = bytes
    self.part = part
    self.position = min(max(0, position), bytes.count)
  }

  var remaining: Int { bytes.count - position }

  func corrupt(_ what: String, at offset: Int? = nil) -> GPT2Error {
    GPT2Error(.corruptFile, "\(part), byte \(offset ?? position): \(what)")
  }

  mutating func take(_ count: Int) throws(GPT2Error) -> UnsafeRawBufferPointer {
    guard count >= 0, count <= remaining else {
      throw corrupt(
        "the file ends here; \(count) more bytes were expected, \(remaining) are left (truncated?)")
    }
    defer { position += count }
    return UnsafeRawBufferPointer(rebasing: bytes[position..<position + count])
  }

  mutating func skip(_ count: Int) throws(GPT2Error) { _ = try take(count) }

  mutating func integer<Value: FixedWidthInteger>(_ type: Value.Type) throws(GPT2Error) -> Value {
    Value(littleEndian: try take(MemoryLayout<Value>.size).loadUnaligned(as: Value.self))
  }

  /// A length or offset of 64 bits.
  mutating func length64() throws(GPT2Error) -> Int {
    let start = position
    let value = try integer(UInt64.self)
    guard let length = Int(exactly: value) else { throw corrupt("\(value) is no possible size", at: start) }
    return length
  }

  /// UTF-8; what is none (Python writes lone surrogates) becomes U+FFFD.
  mutating func string(_ count: Int) throws(GPT2Error) -> String {
    String(decoding: try take(count), as: UTF8.self)
  }

  /// Up to a line feed, which is consumed; at most `limit` bytes.
  mutating func line(limit: Int) throws(GPT2Error) -> String {
    let start = position
    while position < bytes.count, position - start <= limit {
      if bytes[position] == 0x0A {
        defer { position += 1 }
        return String(decoding: bytes[start..<position], as: UTF8.self)
      }
      position += 1
    }
    throw corrupt("a line without an end", at: start)
  }
}

extension GPT2Error {
  /// The same error with the file's path before the message.
  func inFile(_ path: String) -> GPT2Error {
    message.hasPrefix(path) ? self : GPT2Error(code, "\(path): \(message)")
  }
}
