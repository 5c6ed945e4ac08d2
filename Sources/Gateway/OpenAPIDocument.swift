import JobWire
import NIOCore

/// The description of the interface, with the limits that hold here.
///
/// The document that is a part of the program has those of the default settings; where one has `x-limit`, that names the
/// limit that takes its place. Where one has `x-names`, its names are the numbers up to that limit.
package struct OpenAPIDocument: Sendable {
  private let template: JSONValue

  /// The one that is a part of the program.
  static func embedded() throws(GatewayError) -> OpenAPIDocument {
    let bytes = PageFiles.all["openapi.json"].map { Array($0.content.readableBytesView) } ?? []
    do throws(WireError) {
      return OpenAPIDocument(template: try JSONValue(parsing: bytes))
    } catch {
      throw GatewayError(
        "openapi.json", "the program was built with a description that can't be read: \(error)")
    }
  }

  /// The document.
  ///
  /// - Parameter limits: by the names of `GET /info`; what isn't there stays as it is.
  func json(version: String, limits: [String: Int]) -> JSONValue {
    filled(template, limits).replacing("info") { info in
      info.replacing("version") { version.isEmpty ? $0 : .string(version) }
    }
  }

  private func filled(_ value: JSONValue, _ limits: [String: Int]) -> JSONValue {
    switch value {
    case .array(let elements): return .array(elements.map { filled($0, limits) })
    case .object(let fields):
      let limit = value["x-limit"]?.stringValue.flatMap { limits[$0] }
      let names = value["x-names"]?.stringValue.flatMap { limits[$0] }
      return .object(
        fields.filter { !["x-limit", "x-names"].contains($0.name) }.map { field in
          if let names, field.name == "patternProperties", let schema = field.value.fieldsValue?.first {
            return .init(field.name, .object([.init(Self.pattern(upTo: names), schema.value)]))
          }
          if let limit, ["maximum", "maxItems", "maxLength", "maxProperties"].contains(field.name) {
            return .init(field.name, .integer(Int64(limit)))
          }
          return .init(field.name, filled(field.value, limits))
        })
    default: return value
    }
  }

  /// A regular expression of the decimal numbers from 0 to `limit`.
  package static func pattern(upTo limit: Int) -> String {
    let digits = String(limit).map(String.init)
    // Fewer digits; then those that are less at one place, and equal before it; then the limit itself.
    var parts =
      digits.count == 1 ? [] : ["0", digits.count == 2 ? "[1-9]" : "[1-9][0-9]{0,\(digits.count - 2)}"]
    for (place, digit) in digits.enumerated() {
      let first = place == 0 && digits.count > 1 ? 1 : 0
      guard let value = Int(digit), value > first else { continue }
      let rest = digits.count - place - 1
      parts.append(
        digits[..<place].joined() + "[\(first)-\(value - 1)]" + (rest == 0 ? "" : "[0-9]{\(rest)}"))
    }
    return "^(" + (parts + [digits.joined()]).joined(separator: "|") + ")$"
  }
}

extension JSONValue {
  /// An object with one of its fields changed.
  fileprivate func replacing(_ name: String, _ change: (JSONValue) -> JSONValue) -> JSONValue {
    guard case .object(let fields) = self else { return self }
    return .object(fields.map { $0.name == name ? .init(name, change($0.value)) : $0 })
  }
}
