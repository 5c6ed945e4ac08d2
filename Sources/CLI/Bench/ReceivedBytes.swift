/// Bytes that came over a connection and were not taken yet.
struct ReceivedBytes {
  private var bytes: [UInt8] = []
  private var start = 0

  /// `receive` fills a buffer and returns how many bytes it put there.
  mutating func append(_ receive: (UnsafeMutableRawBufferPointer) -> Int) -> Int {
    bytes.removeFirst(start)
    start = 0
    let size = bytes.count
    let room = 1 << 14
    bytes += [UInt8](repeating: 0, count: room)
    let count = bytes.withUnsafeMutableBytes { receive(UnsafeMutableRawBufferPointer(rebasing: $0[size...])) }
    bytes.removeLast(room - max(count, 0))
    return count
  }

  /// A line without its end; nil if there is no whole one yet.
  mutating func takeLine() -> String? {
    guard let end = bytes[start...].firstIndex(of: UInt8(ascii: "\n")) else { return nil }
    let line = bytes[start..<end]
    start = end + 1
    return String(decoding: line.last == UInt8(ascii: "\r") ? line.dropLast() : line, as: UTF8.self)
  }

  /// Nil if there are not so many yet.
  mutating func take(_ count: Int) -> [UInt8]? {
    guard bytes.count - start >= count else { return nil }
    defer { start += count }
    return Array(bytes[start..<start + count])
  }

  mutating func takeAll() -> [UInt8] {
    defer { start = bytes.count }
    return Array(bytes[start...])
  }
}
