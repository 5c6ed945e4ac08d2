import Glibc

/// The assignments of a `.env` file, in the form that other tools read too: docs/configuration.md describes it.
///
/// A key that is silently not read would leave a service open, so what can't be understood is an error. Names that
/// are no settings belong to others who share the file.
struct EnvironmentFile {
  struct Assignment: Equatable {
    let value: String
    /// Where it begins, from 1.
    let line: Int
  }

  /// By their names. Of two with the same name the last one counts.
  private(set) var assignments: [String: Assignment] = [:]

  /// Reads the file; one that isn't there has no assignments.
  init(path: String) throws(FileFailure) {
    try self.init(bytes: try Self.contents(of: path), name: path)
  }

  /// - Parameter name: the file's, for errors. They don't quote it: a line may be a secret.
  init(bytes: [UInt8], name: String) throws(FileFailure) {
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw FileFailure("\(name) is no UTF-8; allowed are files in UTF-8")
    }
    var lines = Lines(text)
    while let line = lines.next() {
      let content = line.drop(while: \.isBlank)
      if content.isEmpty || content.first == "#" { continue }
      let number = lines.number
      do throws(Mistake) {
        let (name, value) = try Self.assignment(content, &lines)
        assignments[name] = Assignment(value: value, line: number)
      } catch {
        throw FileFailure("\(name) line \(number): \(error.reason)")
      }
    }
  }

  private static func contents(of path: String) throws(FileFailure) -> [UInt8] {
    var details = stat()
    // A link to nothing is meant to be a file: it is an error.
    guard lstat(path, &details) == 0 || errno != ENOENT else { return [] }
    return try InputFile(path: path).readAll()
  }
}

// MARK: - One assignment

extension EnvironmentFile {
  private typealias Text = Substring.UnicodeScalarView

  private struct Mistake: Error {
    let reason: String
  }

  /// - Parameter lines: what follows, which a value in quotes may go on in.
  private static func assignment(_ line: Text, _ lines: inout Lines) throws(Mistake) -> (String, String) {
    guard let equals = line.firstIndex(of: "=") else {
      throw Mistake(reason: "it is no assignment; allowed are NAME=value, comments after # and empty lines")
    }
    let name = try name(line[..<equals])
    let rest = line[line.index(after: equals)...]
    let content = rest.drop(while: \.isBlank)
    guard let quote = content.first, quote == "\"" || quote == "'" else { return (name, plain(rest)) }
    return (name, try quoted(content.dropFirst(), by: quote, &lines))
  }

  private static func name(_ text: Text) throws(Mistake) -> String {
    var words = text.split(whereSeparator: \.isBlank)
    if words.count == 2, String(words[0]) == "export" { words.removeFirst() }
    guard words.count == 1, let name = words.first, let first = name.first, !("0"..."9").contains(first),
      name.allSatisfy(\.isNamePart)
    else {
      throw Mistake(reason: "there is no name before the =; allowed are letters, digits and any of _ . -")
    }
    let text = String(name)
    let known = Setting.allCases.flatMap { [$0.rawValue] + $0.aliases }
    if let setting = known.first(where: { $0 == text.uppercased() }), setting != text {
      throw Mistake(reason: "\(text) is no setting; its name is \(setting)")
    }
    return text
  }

  /// A value without quotes goes to the end of the line, or to a # after a blank.
  private static func plain(_ text: Text) -> String {
    var value = text
    var last: Unicode.Scalar?
    for index in text.indices {
      if text[index] == "#", last?.isBlank == true {
        value = text[..<index]
        break
      }
      last = text[index]
    }
    value = value.drop(while: \.isBlank)
    while value.last?.isBlank == true { value.removeLast() }
    return String(value)
  }

  /// A value in quotes goes to the next quote, over as many lines as it takes.
  private static func quoted(
    _ text: Text, by quote: Unicode.Scalar, _ lines: inout Lines
  ) throws(Mistake) -> String {
    var value = String.UnicodeScalarView()
    var rest = text
    while true {
      guard let scalar = rest.popFirst() else {
        guard let line = lines.next() else { throw Mistake(reason: "a quote is never closed") }
        value.append("\n")
        rest = line
        continue
      }
      if scalar == quote { break }
      if scalar == "\\", quote == "\"", let next = rest.first, let meant = escapes[next] {
        value.append(meant)
        rest.removeFirst()
      } else {
        value.append(scalar)
      }
    }
    let after = rest.drop(while: \.isBlank)
    guard after.isEmpty || after.first == "#" && rest.first?.isBlank == true else {
      throw Mistake(reason: "text follows a closing quote")
    }
    return String(value)
  }

  private static let escapes: [Unicode.Scalar: Unicode.Scalar] = [
    "n": "\n", "r": "\r", "t": "\t", "\"": "\"", "\\": "\\", "$": "$",
  ]

  /// The lines of a text, which end with LF or CR LF.
  private struct Lines {
    private var rest: Text
    /// Of the line that was taken last, from 1.
    private(set) var number = 0

    init(_ text: String) {
      rest = text.unicodeScalars[...]
      if rest.first == "\u{FEFF}" { rest.removeFirst() }
    }

    mutating func next() -> Text? {
      guard !rest.isEmpty else { return nil }
      number += 1
      let end = rest.firstIndex(of: "\n") ?? rest.endIndex
      var line = rest[..<end]
      rest = rest[end...].dropFirst()
      if line.last == "\r" { line.removeLast() }
      return line
    }
  }
}

extension Unicode.Scalar {
  fileprivate var isBlank: Bool { self == " " || self == "\t" }

  fileprivate var isNamePart: Bool {
    switch self {
    case "A"..."Z", "a"..."z", "0"..."9", "_", ".", "-": true
    default: false
    }
  }
}
