/// Builds a block of little-endian numbers and length-prefixed strings.
struct HeaderWriter {
  var bytes: [UInt8] = []

  mutating func write(_ value: some FixedWidthInteger) {
    withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
  }

  mutating func write(_ text: String) {
    write(UInt32(text.utf8.count))
    bytes.append(contentsOf: text.utf8)
  }

  mutating func write(_ texts: [String]) {
    write(UInt32(texts.count))
    for text in texts { write(text) }
  }
}

/// Reads what `HeaderWriter` wrote; running past the end is an error, never a trap.
struct HeaderReader {
  private let bytes: UnsafeRawBufferPointer
  private var position = 0

  init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

  mutating func u32() throws(GPT2Error) -> UInt32 { try number() }
  mutating func u64() throws(GPT2Error) -> UInt64 { try number() }

  mutating func int() throws(GPT2Error) -> Int {
    guard let value = Int(exactly: try u64()) else {
      throw GPT2Error(.corruptFile, "the header holds a number beyond 63 bits")
    }
    return value
  }

  /// A number of things that follow; each takes at least a byte.
  mutating func count() throws(GPT2Error) -> Int {
    let count = Int(try u32())
    guard count <= bytes.count - position else { throw Self.tooShort }
    return count
  }

  mutating func string() throws(GPT2Error) -> String {
    let count = try count()
    defer { position += count }
    return String(decoding: bytes[position..<position + count], as: UTF8.self)
  }

  mutating func strings() throws(GPT2Error) -> [String] {
    var texts: [String] = []
    for _ in 0..<(try count()) { texts.append(try string()) }
    return texts
  }

  private mutating func number<Value: FixedWidthInteger>() throws(GPT2Error) -> Value {
    let size = MemoryLayout<Value>.size
    guard bytes.count - position >= size else { throw Self.tooShort }
    defer { position += size }
    return Value(littleEndian: bytes.loadUnaligned(fromByteOffset: position, as: Value.self))
  }

  private static var tooShort: GPT2Error { GPT2Error(.corruptFile, "the header ends too early") }
}
