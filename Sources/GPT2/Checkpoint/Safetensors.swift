import FoundationEssentials

/// The safetensors format: the header's length in 8 bytes, a JSON header, then the tensors without a gap.
enum Safetensors {
  struct Contents {
    var tensors: [FileTensor]
    /// `__metadata__`.
    var metadata: [String: String]
  }

  /// A real header takes about 100 bytes a tensor; the format itself allows 100 MB.
  private static let maximumHeader = 32 << 20

  private struct Entry: Decodable {
    var dtype: String
    var shape: [Int]
    var offsets: [Int]

    enum CodingKeys: String, CodingKey {
      case dtype, shape
      case offsets = "data_offsets"
    }
  }

  /// Either an entry or, under `__metadata__`, texts.
  private enum Item: Decodable {
    case tensor(Entry)
    case metadata([String: String])

    init(from decoder: any Decoder) throws {
      if decoder.codingPath.last?.stringValue == "__metadata__" {
        self = .metadata(try decoder.singleValueContainer().decode([String: String].self))
      } else {
        self = .tensor(try decoder.singleValueContainer().decode(Entry.self))
      }
    }
  }

  static func open(_ file: MappedFile) throws(GPT2Error) -> Contents {
    var reader = BinaryReader(file.bytes, part: "safetensors header")
    let length = try reader.length64()
    guard length <= maximumHeader else {
      throw reader.corrupt("a header of \(length) bytes; at most \(maximumHeader) are read")
    }
    let header = try reader.take(length)
    let base = reader.position
    let items: [String: Item]
    do {
      items = try JSONDecoder().decode([String: Item].self, from: Data(header))
    } catch {
      throw GPT2Error(
        .corruptFile, "the safetensors header is no JSON of name, dtype, shape and data_offsets")
    }
    var tensors: [FileTensor] = []
    var metadata: [String: String] = [:]
    for (name, item) in items {
      switch item {
      case .metadata(let texts): metadata = texts
      case .tensor(let entry): tensors.append(try tensor(name, entry, base: base, file: file))
      }
    }
    tensors.sort { ($0.start, $0.extent.upperBound, $0.name) < ($1.start, $1.extent.upperBound, $1.name) }
    // No hole, no overlap, nothing behind the last: so a name that the header has twice shows as well.
    var next = base
    for tensor in tensors {
      guard tensor.start == next else {
        throw GPT2Error(.corruptFile, "tensor \(tensor.name) begins at byte \(tensor.start), not at \(next)")
      }
      next = tensor.extent.upperBound
    }
    guard next == file.count else {
      throw GPT2Error(.corruptFile, "the tensors end at byte \(next), the file at \(file.count) (truncated?)")
    }
    return Contents(tensors: tensors, metadata: metadata)
  }

  private static func tensor(
    _ name: String, _ entry: Entry, base: Int, file: MappedFile
  ) throws(GPT2Error) -> FileTensor {
    guard let type = ElementType(safetensorsName: entry.dtype) else {
      throw GPT2Error(
        .unsupportedFormat, "tensor \(name): the dtype \(entry.dtype.prefix(32)) is not supported")
    }
    let room = file.count - base
    guard entry.offsets.count == 2, entry.shape.count <= PickleMachine.Limit.dimensions,
      entry.shape.allSatisfy({ $0 >= 0 }), let count = FileTensor.checkedProduct(entry.shape)
    else { throw GPT2Error(.corruptFile, "tensor \(name): its shape or data_offsets are impossible") }
    let (begin, end) = (entry.offsets[0], entry.offsets[1])
    guard begin >= 0, begin <= end, end <= room else {
      throw GPT2Error(
        .corruptFile,
        "tensor \(name): its bytes \(begin) to \(end) are outside the \(room) bytes of data (truncated?)")
    }
    guard end - begin == count * type.size else {
      throw GPT2Error(
        .corruptFile,
        "tensor \(name): \(entry.dtype) of shape \(entry.shape) takes \(count * type.size) bytes, "
          + "not \(end - begin)"
      )
    }
    var strides = entry.shape
    var step = 1
    for axis in strides.indices.reversed() {
      strides[axis] = step
      step *= max(1, entry.shape[axis])
    }
    return try FileTensor(
      name: FileTensor.Name(path: name, container: "", key: name), file: file, type: type, shape: entry.shape,
      strides: strides, offset: 0, storage: base + begin..<base + end)
  }
}
