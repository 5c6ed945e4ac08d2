/// The directory of a zip file.
///
/// Only the central directory counts: local headers of a stream hold no sizes. A file is refused rather than
/// repaired: entries that overlap, repeat a name, are encrypted, or reach outside the file end the reading.
struct ZipArchive {
  struct Entry {
    var name: String
    /// The bytes in the file, as they are: compressed if `isCompressed`.
    var data: Range<Int>
    /// 0 where the writer did not compute it.
    var checksum: UInt32
    var isCompressed: Bool
  }

  private(set) var entries: [Entry] = []
  private var indices: [String: Int] = [:]

  subscript(name: String) -> Entry? { indices[name].map { entries[$0] } }

  private static let maximumEntries = 1 << 20

  init(_ bytes: UnsafeRawBufferPointer) throws(GPT2Error) {
    let directory = try Self.findDirectory(bytes)
    var reader = BinaryReader(bytes, part: "zip directory", at: directory.start)
    var spans: [Range<Int>] = []
    for _ in 0..<directory.count {
      let (entry, header) = try Self.readEntry(&reader, limit: directory.start)
      guard indices.updateValue(entries.count, forKey: entry.name) == nil else {
        throw reader.corrupt("two entries are named \(entry.name)")
      }
      entries.append(entry)
      spans.append(header..<entry.data.upperBound)
    }
    guard reader.position == directory.end else {
      throw reader.corrupt("the directory's entries do not fill its \(directory.end - directory.start) bytes")
    }
    spans.sort { $0.lowerBound < $1.lowerBound }
    for (left, right) in zip(spans, spans.dropFirst()) where left.upperBound > right.lowerBound {
      throw GPT2Error(.corruptFile, "zip directory: two entries overlap at byte \(right.lowerBound)")
    }
  }

  private struct Directory {
    var start: Int
    var end: Int
    var count: Int
  }

  /// The end record lies in the last 65,557 bytes, before a comment that it gives the length of.
  private static func findDirectory(_ bytes: UnsafeRawBufferPointer) throws(GPT2Error) -> Directory {
    let truncated = GPT2Error(
      .corruptFile,
      "the zip file has no directory at its end: it is truncated (an interrupted copy or download?)")
    let recordSize = 22
    guard bytes.count >= recordSize else { throw truncated }
    var candidate = bytes.count - recordSize
    let lowest = max(0, bytes.count - recordSize - 0xFFFF)
    while true {
      var reader = BinaryReader(bytes, part: "zip end record", at: candidate)
      if try reader.integer(UInt32.self) == 0x0605_4B50 {
        try reader.skip(16)
        if try Int(reader.integer(UInt16.self)) == reader.remaining { break }
      }
      candidate -= 1
      guard candidate >= lowest else { throw truncated }
    }
    var reader = BinaryReader(bytes, part: "zip end record", at: candidate)
    try reader.skip(4)
    let disks = try (reader.integer(UInt16.self), reader.integer(UInt16.self))
    _ = try reader.integer(UInt16.self)
    var count = Int(try reader.integer(UInt16.self))
    var size = Int(try reader.integer(UInt32.self))
    var start = Int(try reader.integer(UInt32.self))
    var end = candidate
    let saturated = count == 0xFFFF || size == 0xFFFF_FFFF || start == 0xFFFF_FFFF
    if let record = try findLargeRecord(bytes, before: candidate) {
      (count, size, start) = (record.count, record.size, record.start)
      end = record.position
    } else if saturated || disks != (0, 0) {
      throw reader.corrupt("the zip64 record is missing, or the archive has several parts")
    }
    guard count >= 0, count <= maximumEntries, start >= 0, size >= 0, start <= end, size <= end - start else {
      throw reader.corrupt("a directory of \(count) entries and \(size) bytes at \(start) is impossible")
    }
    return Directory(start: start, end: start + size, count: count)
  }

  private static func findLargeRecord(
    _ bytes: UnsafeRawBufferPointer, before end: Int
  ) throws(GPT2Error) -> (count: Int, size: Int, start: Int, position: Int)? {
    guard end >= 20 else { return nil }
    var locator = BinaryReader(bytes, part: "zip64 locator", at: end - 20)
    guard try locator.integer(UInt32.self) == 0x0706_4B50 else { return nil }
    try locator.skip(4)
    let position = try locator.length64()
    guard position <= end - 20 else { throw locator.corrupt("it points behind itself") }
    var record = BinaryReader(bytes, part: "zip64 end record", at: position)
    guard try record.integer(UInt32.self) == 0x0606_4B50 else { throw record.corrupt("no record is there") }
    try record.skip(28)
    let count = try record.length64()
    let size = try record.length64()
    let start = try record.length64()
    return (count, size, start, position)
  }

  private static func readEntry(
    _ reader: inout BinaryReader, limit: Int
  ) throws(GPT2Error) -> (entry: Entry, header: Int) {
    let at = reader.position
    guard try reader.integer(UInt32.self) == 0x0201_4B50 else {
      throw reader.corrupt("no entry is there", at: at)
    }
    try reader.skip(4)
    let flags = try reader.integer(UInt16.self)
    let method = try reader.integer(UInt16.self)
    try reader.skip(4)
    let checksum = try reader.integer(UInt32.self)
    var packed = Int(try reader.integer(UInt32.self))
    var size = Int(try reader.integer(UInt32.self))
    let nameLength = Int(try reader.integer(UInt16.self))
    let extraLength = Int(try reader.integer(UInt16.self))
    let commentLength = Int(try reader.integer(UInt16.self))
    try reader.skip(8)
    var header = Int(try reader.integer(UInt32.self))
    let name = try reader.string(nameLength)
    let extra = try reader.take(extraLength)
    try reader.skip(commentLength)
    try widen(&size, &packed, &header, from: extra)
    guard flags & 1 == 0 else { throw GPT2Error(.unsupportedFormat, "zip entry \(name) is encrypted") }
    guard method != 0 || size == packed else {
      throw reader.corrupt("entry \(name) has two sizes, \(size) and \(packed)", at: at)
    }
    guard header >= 0, header < limit else {
      throw reader.corrupt("entry \(name) starts outside the data", at: at)
    }
    var local = BinaryReader(reader.bytes, part: "zip entry \(name)", at: header)
    guard try local.integer(UInt32.self) == 0x0403_4B50 else {
      throw local.corrupt("no local header is there")
    }
    try local.skip(22)
    let localName = Int(try local.integer(UInt16.self))
    let localExtra = Int(try local.integer(UInt16.self))
    guard try local.string(localName) == name else {
      throw local.corrupt("its local header has another name")
    }
    try local.skip(localExtra)
    let start = local.position
    guard start <= limit, packed >= 0, packed <= limit - start else {
      throw local.corrupt("its \(packed) bytes reach into the directory")
    }
    let data = start..<start + packed
    return (Entry(name: name, data: data, checksum: checksum, isCompressed: method != 0), header)
  }

  /// Replaces fields of 0xFFFFFFFF by those of extra field 0x0001, in its fixed order.
  private static func widen(
    _ size: inout Int, _ packed: inout Int, _ header: inout Int, from extra: UnsafeRawBufferPointer
  ) throws(GPT2Error) {
    var fields = BinaryReader(extra, part: "zip64 extra field")
    while fields.remaining >= 4 {
      let id = try fields.integer(UInt16.self)
      let body = try fields.take(Int(try fields.integer(UInt16.self)))
      guard id == 1 else { continue }
      var large = BinaryReader(body, part: "zip64 extra field")
      if size == 0xFFFF_FFFF { size = try large.length64() }
      if packed == 0xFFFF_FFFF { packed = try large.length64() }
      if header == 0xFFFF_FFFF { header = try large.length64() }
    }
  }

  /// The CRC-32 of zip.
  static func checksum(_ bytes: UnsafeRawBufferPointer) -> UInt32 {
    let table = (0..<256).map { (byte: UInt32) -> UInt32 in
      (0..<8).reduce(byte) { value, _ in value & 1 == 1 ? 0xEDB8_8320 ^ (value >> 1) : value >> 1 }
    }
    return ~bytes.reduce(~0) { table[Int(UInt8(truncatingIfNeeded: $0) ^ $1)] ^ ($0 >> 8) }
  }
}
