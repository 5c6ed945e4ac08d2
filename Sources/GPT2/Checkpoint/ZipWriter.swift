/// Writes a zip file whose entries are stored as they are, each beginning at a multiple of 64 bytes, so that it
/// can be mapped. The file appears under its name when it is complete.
struct ZipWriter: ~Copyable {
  private struct Entry {
    var name: [UInt8]
    var header: Int
    var size: Int
    var checksum: UInt32
  }

  static let alignment = 64
  private static let maximumEntrySize = 0xFFFF_FFFE
  /// 2.0 for stored entries, 4.5 for 64-bit offsets.
  private static let versions: (plain: UInt16, large: UInt16) = (20, 45)
  /// Names are UTF-8.
  private static let flags: UInt16 = 1 << 11
  /// 1980-01-01, the first day of the format: equal contents give equal files.
  private static let time: UInt32 = 0x0021_0000

  private var file: PendingFile
  private var position = 0
  private var entries: [Entry] = []

  init(path: String) throws(GPT2Error) {
    file = try PendingFile(path: path)
  }

  /// Adds an entry of less than 4 GiB.
  mutating func add(_ name: String, _ bytes: UnsafeRawBufferPointer) throws(GPT2Error) {
    guard bytes.count <= Self.maximumEntrySize else {
      throw GPT2Error(
        .invalidArgument, "zip entry \(name) has \(bytes.count) bytes; allowed are \(Self.maximumEntrySize)")
    }
    let entry = Entry(
      name: Array(name.utf8), header: position, size: bytes.count, checksum: ZipArchive.checksum(bytes))
    try append(localHeader(entry))
    try file.write(bytes, at: position)
    position += bytes.count
    entries.append(entry)
  }

  mutating func add(_ name: String, _ bytes: [UInt8]) throws(GPT2Error) {
    try bytes.withUnsafeBytes { buffer in Result { () throws(GPT2Error) in try add(name, buffer) } }.get()
  }

  /// Writes the directory and gives the file its name.
  mutating func finish() throws(GPT2Error) {
    let start = position
    for entry in entries { try append(directoryEntry(entry)) }
    try append(endRecords(start: start, size: position - start))
    try file.publish()
  }

  private mutating func append(_ bytes: [UInt8]) throws(GPT2Error) {
    let position = position
    try bytes.withUnsafeBytes { buffer in
      Result { () throws(GPT2Error) in try file.write(buffer, at: position) }
    }.get()
    self.position += bytes.count
  }

  // MARK: Records

  private func localHeader(_ entry: Entry) -> [UInt8] {
    let extraHead = 4
    let unpadded = entry.header + 30 + entry.name.count + extraHead
    let padding = (Self.alignment - unpadded % Self.alignment) % Self.alignment
    var bytes = LittleEndianBytes()
    bytes.append(UInt32(0x0403_4B50))
    bytes.append(Self.versions.plain)
    appendCommon(entry, to: &bytes)
    bytes.append(UInt16(extraHead + padding))
    bytes.append(entry.name)
    // An extra field of unknown kind, as PyTorch writes it: what it holds means nothing.
    bytes.append(UInt16(0x4246))
    bytes.append(UInt16(padding))
    bytes.append([UInt8](repeating: UInt8(ascii: "Z"), count: padding))
    return bytes.bytes
  }

  /// The fields that local header and directory have in common, from the flags to the length of the name.
  private func appendCommon(_ entry: Entry, to bytes: inout LittleEndianBytes) {
    bytes.append(Self.flags)
    bytes.append(UInt16(0))
    bytes.append(Self.time)
    bytes.append(entry.checksum)
    bytes.append(UInt32(entry.size))
    bytes.append(UInt32(entry.size))
    bytes.append(UInt16(entry.name.count))
  }

  private func directoryEntry(_ entry: Entry) -> [UInt8] {
    let isFar = entry.header >= 0xFFFF_FFFF
    var bytes = LittleEndianBytes()
    bytes.append(UInt32(0x0201_4B50))
    bytes.append(isFar ? Self.versions.large : Self.versions.plain)
    bytes.append(isFar ? Self.versions.large : Self.versions.plain)
    appendCommon(entry, to: &bytes)
    bytes.append(UInt16(isFar ? 12 : 0))
    // No comment, disk 0, no attributes.
    bytes.append([UInt8](repeating: 0, count: 10))
    bytes.append(isFar ? 0xFFFF_FFFF : UInt32(entry.header))
    bytes.append(entry.name)
    if isFar {
      bytes.append(UInt16(1))
      bytes.append(UInt16(8))
      bytes.append(UInt64(entry.header))
    }
    return bytes.bytes
  }

  /// The end record of zip64, its locator, and the end record of all zip files.
  private func endRecords(start: Int, size: Int) -> [UInt8] {
    var bytes = LittleEndianBytes()
    bytes.append(UInt32(0x0606_4B50))
    bytes.append(UInt64(44))
    bytes.append(Self.versions.large)
    bytes.append(Self.versions.large)
    bytes.append(UInt64(0))
    bytes.append(UInt64(entries.count))
    bytes.append(UInt64(entries.count))
    bytes.append(UInt64(size))
    bytes.append(UInt64(start))

    bytes.append(UInt32(0x0706_4B50))
    bytes.append(UInt32(0))
    bytes.append(UInt64(start + size))
    bytes.append(UInt32(1))

    let count = UInt16(min(entries.count, 0xFFFF))
    bytes.append(UInt32(0x0605_4B50))
    bytes.append(UInt32(0))
    bytes.append(count)
    bytes.append(count)
    bytes.append(UInt32(min(size, 0xFFFF_FFFF)))
    bytes.append(UInt32(min(start, 0xFFFF_FFFF)))
    bytes.append(UInt16(0))
    return bytes.bytes
  }
}
