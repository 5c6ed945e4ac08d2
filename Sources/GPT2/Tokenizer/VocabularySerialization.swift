extension BPETokenizer {
  /// The form in our own model files. GPT-2's own vocabulary is one byte.
  ///
  ///     0                      GPT-2
  ///     1 size                 another one: all numbers are LEB128
  ///       ids of the 256 bytes
  ///       count of extras      each: id, length, bytes
  ///       count of merges      each: left, right, zigzag of (id - id of the merge before - 1)
  ///       1 + end of text      0 is none
  package func serialized() -> [UInt8] {
    guard vocabulary != .gpt2 else { return [SerializedKind.gpt2.rawValue] }
    var writer = NumberWriter()
    writer.bytes.append(SerializedKind.own.rawValue)
    writer.append(vocabulary.size)
    for id in vocabulary.byteIDs { writer.append(Int(id)) }
    writer.append(vocabulary.extras.count)
    for extra in vocabulary.extras {
      writer.append(Int(extra.id))
      writer.append(extra.bytes.count)
      writer.bytes += extra.bytes
    }
    writer.append(vocabulary.merges.count)
    var expected = 0
    for merge in vocabulary.merges {
      writer.append(Int(merge.left))
      writer.append(Int(merge.right))
      let step = Int(merge.id) - expected
      writer.append(step >= 0 ? 2 * step : -2 * step - 1)
      expected = Int(merge.id) + 1
    }
    writer.append(vocabulary.endOfTextID.map { Int($0) + 1 } ?? 0)
    return writer.bytes
  }

  /// Reads what `serialized()` wrote. Throws `corruptFile` if it is cut, damaged or followed by more.
  package convenience init(serialized: UnsafeRawBufferPointer) throws(GPT2Error) {
    var reader = NumberReader(serialized)
    guard let kind = SerializedKind(rawValue: try reader.byte()) else {
      throw GPT2Error(
        .unsupportedFormat, "the tokenizer in the model file is of an unknown kind (\(serialized[0]))")
    }
    let vocabulary: Vocabulary =
      switch kind {
      case .gpt2: .gpt2
      case .own: try Vocabulary(from: &reader)
      }
    guard reader.isAtEnd else { throw NumberReader.damaged }
    self.init(vocabulary)
  }
}

/// The first byte of a serialized tokenizer.
private enum SerializedKind: UInt8 {
  case gpt2 = 0
  case own = 1
}

extension Vocabulary {
  fileprivate init(from reader: inout NumberReader) throws(GPT2Error) {
    let size = try reader.number()
    var byteIDs: [Int32] = []
    for _ in 0..<256 { byteIDs.append(try reader.id()) }
    var extras: [Extra] = []
    for _ in 0..<(try reader.count()) {
      let id = try reader.id()
      extras.append(.init(id: id, bytes: try reader.bytes(try reader.count())))
    }
    var merges: [Merge] = []
    let count = try reader.count()
    merges.reserveCapacity(count)
    var expected = 0
    for _ in 0..<count {
      let left = try reader.id()
      let right = try reader.id()
      let zigzag = try reader.number()
      let id = expected + (zigzag % 2 == 0 ? zigzag / 2 : -(zigzag + 1) / 2)
      guard 0..<Self.maximumSize ~= id else { throw NumberReader.damaged }
      merges.append(.init(left: left, right: right, id: Int32(id)))
      expected = id + 1
    }
    let endOfText = try reader.number()
    try self.init(
      size: size, byteIDs: byteIDs, merges: merges, extras: extras,
      endOfTextID: endOfText == 0 ? nil : Int32(endOfText - 1))
  }
}

/// Appends LEB128 numbers.
private struct NumberWriter {
  var bytes: [UInt8] = []

  mutating func append(_ number: Int) {
    var rest = number
    while rest >= 0x80 {
      bytes.append(UInt8(rest & 0x7F) | 0x80)
      rest >>= 7
    }
    bytes.append(UInt8(rest))
  }
}

/// Reads LEB128 numbers of at most 28 bits, enough for ids and counts.
private struct NumberReader {
  static let damaged = GPT2Error(.corruptFile, "the tokenizer in the model file is cut or damaged")

  private let data: UnsafeRawBufferPointer
  private var position = 0

  init(_ data: UnsafeRawBufferPointer) {
    self.data = data
  }

  var isAtEnd: Bool { position == data.count }

  mutating func byte() throws(GPT2Error) -> UInt8 {
    guard position < data.count else { throw Self.damaged }
    position += 1
    return data[position - 1]
  }

  mutating func number() throws(GPT2Error) -> Int {
    var number = 0
    for shift in stride(from: 0, through: 21, by: 7) {
      let byte = try self.byte()
      number |= Int(byte & 0x7F) << shift
      if byte < 0x80 { return number }
    }
    throw Self.damaged
  }

  mutating func id() throws(GPT2Error) -> Int32 {
    Int32(try number())
  }

  /// A count of things that take at least a byte each, so that a damaged one never reserves much memory.
  mutating func count() throws(GPT2Error) -> Int {
    let count = try number()
    guard count <= data.count - position else { throw Self.damaged }
    return count
  }

  mutating func bytes(_ count: Int) throws(GPT2Error) -> [UInt8] {
    guard count <= data.count - position else { throw Self.damaged }
    position += count
    return Array(data[position - count..<position])
  }
}
