import Glibc

/// Turns whatever a user names as a model into a mapped model: a `.gpt2` file is mapped as it is, any other
/// checkpoint is converted once into a directory and mapped from there from then on.
///
/// A restart so takes milliseconds, and all workers of a host share one set of pages. Several processes that
/// start at once convert once: the others wait for the lock.
package struct ModelCache: Sendable {
  package let directory: String

  /// What the conversion depends on besides the file.
  package struct Options: Sendable, Equatable {
    package var quantization: Quantization = .int8
    package var overrides = CheckpointOverrides()
    package var padding: ModelMetadata.Padding?
    /// The model's name, for those who inspect the file; nil: the checkpoint's.
    package var name: String?

    package init() {}
  }

  /// What the caller may tell the user while it takes a while.
  package enum Event: Sendable {
    /// What the checkpoint turned out to be, and what was guessed.
    case note(String)
    /// The part of the conversion that is done, 0 to 1.
    case progress(Double)
  }

  package init(directory: String) {
    self.directory = directory
  }

  /// The model at `path`, a file or a directory.
  package func model(
    at path: String, options: Options = .init(), report: (Event) -> Void = { _ in }
  ) throws(GPT2Error) -> Model {
    if ModelFile.isModelFile(path) { return try Model.load(path: path) }
    let converted = try self.path(for: path, options: options)
    if let model = try? Model.load(path: converted) { return model }

    try makeDirectory()
    let lock = try FileLock(path: converted + ".lock")
    defer { lock.unlock() }
    if let model = try? Model.load(path: converted) { return model }
    try Self.convert(path, to: converted, options: options, report: report)
    return try Model.load(path: converted)
  }

  /// Converts any supported checkpoint to a `.gpt2` file.
  package static func convert(
    _ path: String, to output: String, options: Options = .init(), report: (Event) -> Void = { _ in }
  ) throws(GPT2Error) {
    let checkpoint = try GPT2Checkpoint(path: path, overrides: options.overrides)
    report(.note("converting \(path): \(checkpoint.format)"))
    for note in checkpoint.notes { report(.note("\(path): \(note)")) }
    let tokenizer = try tokenizer(for: checkpoint)
    if checkpoint.config.vocabularySize < tokenizer.vocabularySize {
      report(
        .note(
          "\(path): its vocabulary has \(checkpoint.config.vocabularySize) rows, the tokenizer "
            + "\(tokenizer.vocabularySize) tokens; prompts with the others will be refused"))
    }
    var metadata = ModelMetadata()
    metadata.name = options.name ?? Self.name(of: path)
    metadata.source = checkpoint.format
    metadata.padding = options.padding ?? .none
    metadata.endOfText = checkpoint.endOfTextID.flatMap { Int32(exactly: $0) } ?? tokenizer.endOfTextID
    metadata.padToken = checkpoint.padTokenID.flatMap { Int32(exactly: $0) } ?? metadata.endOfText ?? 0
    try ModelFileWriter.write(
      source: checkpoint, quantization: options.quantization, tokenizer: tokenizer.serialized(),
      metadata: metadata, to: output, progress: { report(.progress($0)) })
  }
}

// MARK: - Tokenizer

extension ModelCache {
  /// The tokenizer beside the checkpoint, else GPT-2's own.
  package static func tokenizer(for checkpoint: GPT2Checkpoint) throws(GPT2Error) -> BPETokenizer {
    guard let files = checkpoint.tokenizerFiles else { return .gpt2 }
    let vocabulary = try MappedFile(path: files.vocabulary)
    let merges = try MappedFile(path: files.merges)
    return try BPETokenizer(vocabularyJSON: Array(vocabulary.bytes), merges: Array(merges.bytes))
  }
}

// MARK: - Where a converted checkpoint is kept

extension ModelCache {
  /// A name that changes with the checkpoint's files and with everything else that the conversion depends on.
  func path(for checkpoint: String, options: Options) throws(GPT2Error) -> String {
    guard let resolved = realpath(checkpoint, nil) else {
      throw GPT2Error(.fileUnreadable, "\(checkpoint): \(String(cString: strerror(errno)))")
    }
    defer { free(resolved) }
    let absolute = String(cString: resolved)
    // Not the name: it changes no weight.
    var key =
      "\(ModelFile.version)|\(options.quantization)|\(options.overrides)|\(options.padding, default: "-")|"
    for file in Self.files(of: absolute) {
      var status = stat()
      guard stat(file, &status) == 0 else { continue }
      key += "\(file)|\(status.st_size)|\(status.st_mtim.tv_sec).\(status.st_mtim.tv_nsec)|\(status.st_ino)|"
    }
    let hash = String(fnv1a64(key.utf8), radix: 16)
    return "\(directory)/\(Self.name(of: absolute))-\(hash).gpt2"
  }

  private static func name(of path: String) -> String {
    path.split(separator: "/").last.map(String.init) ?? "model"
  }

  /// The file itself, or what a model directory holds.
  private static func files(of path: String) -> [String] {
    guard let handle = opendir(path) else { return [path] }
    defer { closedir(handle) }
    var names: [String] = []
    while let entry = readdir(handle) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: Int(NAME_MAX) + 1) { String(cString: $0) }
      }
      if !name.hasPrefix(".") { names.append("\(path)/\(name)") }
    }
    return names.sorted()
  }

  private func makeDirectory() throws(GPT2Error) {
    var path = directory.hasPrefix("/") ? "" : "."
    for part in directory.split(separator: "/") {
      path += "/\(part)"
      guard mkdir(path, 0o755) == 0 || errno == EEXIST else {
        throw GPT2Error(
          .fileUnreadable,
          "the model cache \(directory) can't be made: \(String(cString: strerror(errno))); "
            + "name another with MODEL_CACHE_DIR")
      }
    }
  }
}

/// FNV-1a with 64 bits (Fowler, Noll, Vo): short, and equal in every process, unlike `Hasher`.
private func fnv1a64(_ bytes: some Sequence<UInt8>) -> UInt64 {
  bytes.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
}

/// An exclusive lock between processes, held until `unlock` or the end of the process.
private struct FileLock {
  private let descriptor: Int32

  init(path: String) throws(GPT2Error) {
    descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else {
      throw GPT2Error(
        .fileUnreadable,
        "\(path) can't be written: \(String(cString: strerror(errno))); "
          + "name another folder with MODEL_CACHE_DIR")
    }
    while flock(descriptor, LOCK_EX) != 0 && errno == EINTR {}
  }

  func unlock() { close(descriptor) }
}
