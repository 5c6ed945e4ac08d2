/// What a file is, by its first bytes; what is no checkpoint is named in the refusal.
enum FileKind {
  case torchArchive, torchLegacy, safetensors

  static let allowed =
    "Allowed are files of torch.save (.pth, .pt, .bin), safetensors, and directories that hold one of them"

  init(_ file: MappedFile) throws(GPT2Error) {
    let bytes = file.bytes
    let start = Array(bytes.prefix(512))
    func begins(_ text: String) -> Bool { start.starts(with: Array(text.utf8)) }
    if start.starts(with: [0x50, 0x4B, 3, 4]) {
      self = .torchArchive
      return
    }
    if start.starts(with: TorchLegacy.magic) {
      self = .torchLegacy
      return
    }
    if start.count > 8, start[8] == UInt8(ascii: "{") {
      let length = bytes.loadUnaligned(as: UInt64.self).littleEndian
      if length <= UInt64(bytes.count) {
        self = .safetensors
        return
      }
      // Only a cut or damaged file promises a header beyond its end; a text would not begin with these bytes.
      if length < 1 << 32 {
        throw GPT2Error(
          .corruptFile,
          "a safetensors header of \(length) bytes does not fit into the file of \(bytes.count) (truncated?)")
      }
    }
    if begins("version https://git-lfs") {
      throw GPT2Error(
        .unsupportedFormat,
        "it is a Git LFS pointer, not the model itself. Get the file with `git lfs pull`")
    }
    throw GPT2Error(.unsupportedFormat, "it is \(try Self.describe(file, start)). \(Self.allowed)")
  }

  /// In words, to follow "it is".
  private static func describe(_ file: MappedFile, _ start: [UInt8]) throws(GPT2Error) -> String {
    func begins(_ text: String) -> Bool { start.starts(with: Array(text.utf8)) }
    if begins("GGUF") { return "a GGUF file of llama.cpp" }
    if begins("PK") { return "an empty or damaged zip file" }
    if start.count > 262, Array(start[257..<262]) == Array("ustar".utf8) {
      return "a tar archive (unpack it, or save again with a PyTorch of 2017 or later)"
    }
    if start.starts(with: [0x1F, 0x8B]) { return "gzip-compressed (unpack it first)" }
    if start.starts(with: [0x28, 0xB5, 0x2F, 0xFD]) { return "zstd-compressed (unpack it first)" }
    if begins("\u{FD}7zXZ") || start.starts(with: [0xFD, 0x37, 0x7A, 0x58]) {
      return "xz-compressed (unpack it first)"
    }
    if start.starts(with: [0x93] + Array("NUMPY".utf8)) { return "a NumPy array (.npy)" }
    if start.starts(with: [0x89] + Array("HDF".utf8)) { return "an HDF5 file (Keras or TensorFlow weights)" }
    if start.count > 2, start[0] == 0x80, (2...5).contains(start[1]) { return try describePickle(file) }
    if start.allSatisfy({ $0 == 0 }) { return "filled with zero bytes (an interrupted download?)" }
    let isText = start.allSatisfy { $0 >= 0x20 && $0 != 0x7F || $0 == 9 || $0 == 10 || $0 == 13 }
    guard isText else { return "no format that is known here" }
    if start.first == UInt8(ascii: "{") { return "a JSON text (the weights are in another file)" }
    if start.first == UInt8(ascii: "<") { return "a web page or XML text (a failed download?)" }
    return "a text file"
  }

  /// A pickle without `torch.save` around it: read as far as it goes, only to say what it would do.
  private static func describePickle(_ file: MappedFile) throws(GPT2Error) -> String {
    var machine = PickleMachine(file.bytes, part: "pickle")
    _ = try? machine.run()
    try TorchFile.refuseDangerousCall(machine.heap)
    return "a plain Python pickle, not written by torch.save"
  }
}
