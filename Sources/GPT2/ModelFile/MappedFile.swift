import Glibc

/// A whole file mapped into memory, read-only: nothing is read before it is touched, and processes that
/// map the same file share its pages.
///
/// The length is taken once, at the opening. A file that another process truncates later kills a reader
/// that touches the lost pages (SIGBUS), so writers replace model files by renaming and never rewrite them
/// in place.
///
/// Sendable because every stored property is a `let`, the pages are mapped `PROT_READ`, and nothing unmaps
/// them before `deinit`, when no reference is left.
package final class MappedFile: @unchecked Sendable {
  package let path: String
  /// Valid as long as this object; use `withBytes` or keep a reference while you hold pointers into it.
  package let bytes: UnsafeRawBufferPointer

  package var count: Int { bytes.count }

  /// Throws `fileUnreadable` for what is missing, forbidden, or no regular file, `corruptFile` for an
  /// empty file.
  package init(path: String) throws(GPT2Error) {
    // Non-blocking, or a named pipe without a writer would hang here; a regular file does not mind.
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else {
      throw GPT2Error(.fileUnreadable, "\(path): \(Self.reason(errno))")
    }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else {
      throw GPT2Error(.fileUnreadable, "\(path): \(Self.reason(errno))")
    }
    switch status.st_mode & S_IFMT {
    case S_IFREG: break
    case S_IFDIR: throw GPT2Error(.fileUnreadable, "\(path) is a directory, not a file")
    default: throw GPT2Error(.fileUnreadable, "\(path) is not a regular file")
    }
    guard status.st_size > 0 else { throw GPT2Error(.corruptFile, "\(path) is empty") }
    let size = Int(status.st_size)
    guard let base = mmap(nil, size, PROT_READ, MAP_SHARED, descriptor, 0), base != MAP_FAILED else {
      throw GPT2Error(.fileUnreadable, "\(path) can't be mapped into memory: \(Self.reason(errno))")
    }
    self.path = path
    self.bytes = UnsafeRawBufferPointer(start: base, count: size)
  }

  deinit {
    munmap(UnsafeMutableRawPointer(mutating: bytes.baseAddress), bytes.count)
  }

  /// The bytes, with this object alive for the length of the call.
  package func withBytes<Result, Failure: Error>(
    _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    defer { withExtendedLifetime(self) {} }
    return try body(bytes)
  }

  /// Lets the pages that lie wholly inside the range leave this process's memory; touching them again brings
  /// them back. The peak of a conversion so stays near its largest tensor instead of the whole file.
  package func drop(_ range: Range<Int>) {
    advise(range, MADV_DONTNEED)
  }

  private func advise(_ range: Range<Int>, _ advice: Int32) {
    let page = max(1, Int(sysconf(Int32(_SC_PAGESIZE))))
    let clamped = range.clamped(to: 0..<bytes.count)
    let start = (clamped.lowerBound + page - 1) / page * page
    let end = clamped.upperBound == bytes.count ? bytes.count : clamped.upperBound / page * page
    guard start < end, let base = bytes.baseAddress else { return }
    _ = madvise(UnsafeMutableRawPointer(mutating: base + start), end - start, advice)
  }

  private static func reason(_ code: Int32) -> String {
    switch code {
    case ENOENT: "no such file"
    case EACCES, EPERM: "no permission to read it"
    default: String(cString: strerror(code))
    }
  }
}
