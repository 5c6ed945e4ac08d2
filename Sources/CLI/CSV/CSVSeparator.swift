import ArgumentParser

/// What stands between the fields of a file.
enum CSVSeparator: String, CaseIterable, ExpressibleByArgument {
  case comma, semicolon, tab

  var byte: UInt8 {
    switch self {
    case .comma: UInt8(ascii: ",")
    case .semicolon: UInt8(ascii: ";")
    case .tab: UInt8(ascii: "\t")
    }
  }

  /// The fields with separators before each, quoted where they have to be.
  func appended(_ fields: [String]) -> [UInt8] {
    fields.flatMap { [byte] + quoted(Array($0.utf8)) }
  }

  private func quoted(_ field: [UInt8]) -> [UInt8] {
    let special = Set([byte] + Array("\"\r\n".utf8))
    guard field.contains(where: special.contains) else { return field }
    let quote = UInt8(ascii: "\"")
    return [quote] + field.flatMap { $0 == quote ? [quote, quote] : [$0] } + [quote]
  }
}
