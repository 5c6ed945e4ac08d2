import CWebPage
import NIOCore

/// The files of the pages, which are a part of the program.
enum PageFiles {
  struct File: Sendable {
    let contentType: String
    let content: ByteBuffer
  }

  /// By name.
  static let all: [String: File] = {
    var count = 0
    let files = UnsafeBufferPointer(start: web_files(&count), count: count)
    return Dictionary(
      files.map { file in
        let content = ByteBuffer(bytes: UnsafeBufferPointer(start: file.bytes, count: file.count))
        return (
          String(cString: file.name),
          File(contentType: String(cString: file.content_type), content: content)
        )
      }
    ) { first, _ in first }
  }()
}
