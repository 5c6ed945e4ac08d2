import Glibc

/// A file that is written from its beginning, or standard output. What was written stays, whatever happens later.
final class OutputFile: Sendable {
  private let path: String?
  private let descriptor: Int32

  /// - Parameters:
  ///   - path: nil for standard output. What the file had is gone.
  ///   - input: a file that must not be lost that way.
  init(path: String?, notOver input: InputFile) throws(FileFailure) {
    self.path = path
    guard let path else {
      descriptor = STDOUT_FILENO
      return
    }
    descriptor = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw FileFailure(path, "can't be opened for writing") }
    // Throwing runs `deinit`, which closes.
    guard !Self.areSame(descriptor, input.descriptor) else {
      throw FileFailure("\(path) is the file that is read; another one must be written")
    }
    // A device has no length, and needs none.
    guard ftruncate(descriptor, 0) == 0 || errno == EINVAL else {
      throw FileFailure(path, "can't be emptied")
    }
  }

  deinit { if descriptor > STDERR_FILENO { close(descriptor) } }

  func write(_ bytes: [UInt8]) throws(FileFailure) {
    guard let path else { return StandardOutput.write(bytes) }
    if let code = writeAll(bytes, to: descriptor) { throw FileFailure(path, "can't be written", code: code) }
  }

  private static func areSame(_ first: Int32, _ second: Int32) -> Bool {
    var (one, other) = (stat(), stat())
    guard fstat(first, &one) == 0, fstat(second, &other) == 0, one.st_mode & S_IFMT == S_IFREG else {
      return false
    }
    return one.st_dev == other.st_dev && one.st_ino == other.st_ino
  }
}
