import Glibc

/// A file that appears under its name only when it is complete: it is written beside it, brought to the disk
/// and renamed. Dropping it before `publish` removes it.
struct PendingFile: ~Copyable {
  private let path: String
  private let temporaryPath: String
  private let descriptor: Int32
  private var published = false

  init(path: String) throws(GPT2Error) {
    self.path = path
    temporaryPath = "\(path).\(getpid()).\(UInt32.random(in: 0 ... .max)).partial"
    descriptor = open(temporaryPath, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw Self.error("can't create", temporaryPath) }
  }

  deinit {
    close(descriptor)
    if !published { unlink(temporaryPath) }
  }

  func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws(GPT2Error) {
    var done = 0
    while done < bytes.count {
      guard let base = bytes.baseAddress else { return }
      let count = pwrite(descriptor, base + done, bytes.count - done, off_t(offset + done))
      if count < 0 && errno == EINTR { continue }
      guard count > 0 else { throw Self.error("can't write", temporaryPath) }
      done += count
    }
  }

  /// Makes the file exactly this long; bytes never written are zero.
  func setLength(_ length: Int) throws(GPT2Error) {
    guard ftruncate(descriptor, off_t(length)) == 0 else { throw Self.error("can't extend", temporaryPath) }
  }

  /// Puts the complete file in the place of whatever has its name.
  mutating func publish() throws(GPT2Error) {
    guard fsync(descriptor) == 0 else { throw Self.error("can't write", temporaryPath) }
    guard rename(temporaryPath, path) == 0 else { throw Self.error("can't rename to", path) }
    published = true
    let slash = path.lastIndex(of: "/")
    let directory = slash.map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
    let handle = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    if handle >= 0 {
      fsync(handle)
      close(handle)
    }
  }

  private static func error(_ what: String, _ path: String) -> GPT2Error {
    GPT2Error(.fileUnreadable, "\(what) \(path): \(String(cString: strerror(errno)))")
  }
}
