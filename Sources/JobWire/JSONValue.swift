/// A JSON value that keeps what a decoder to Swift types loses: 64-bit integers exactly, the order of an
/// object's fields, and the difference between `1`, `1.0` and `true`.
package enum JSONValue: Sendable, Equatable {
  case null
  case bool(Bool)
  case integer(Int64)
  /// A number with a fraction or an exponent. Always finite.
  case double(Double)
  /// An integer beyond 64 bits, or a number beyond a double, as it was written.
  case bigNumber(String)
  case string(String)
  case array([JSONValue])
  case object([Field])

  package struct Field: Sendable, Equatable {
    package let name: String
    package let value: JSONValue

    package init(_ name: String, _ value: JSONValue) {
      self.name = name
      self.value = value
    }
  }

  /// An object without the fields whose value is `nil`.
  package static func fields(_ pairs: [(String, JSONValue?)]) -> JSONValue {
    .object(pairs.compactMap { name, value in value.map { Field(name, $0) } })
  }

  /// The value of a field of an object; `nil` for `null`, for a field that is absent, and for other values.
  package subscript(name: String) -> JSONValue? {
    guard case .object(let fields) = self, let field = fields.first(where: { $0.name == name }),
      field.value != .null
    else { return nil }
    return field.value
  }

  package var stringValue: String? {
    if case .string(let value) = self { value } else { nil }
  }

  package var arrayValue: [JSONValue]? {
    if case .array(let value) = self { value } else { nil }
  }

  package var fieldsValue: [Field]? {
    if case .object(let value) = self { value } else { nil }
  }

  /// The integer, also when it was written as `5.0` or `5e0`. Beyond 2^53 a double says no more which integer
  /// was meant, so there only integers written as such count.
  package var integerValue: Int64? {
    switch self {
    case .integer(let value): value
    case .double(let value): value.magnitude <= 0x1p53 ? Int64(exactly: value) : nil
    default: nil
    }
  }

  /// The number; `nil` for one beyond a double.
  package var doubleValue: Double? {
    switch self {
    case .integer(let value): Double(value)
    case .double(let value): value
    case .bigNumber(let text): Double(text).flatMap { $0.isFinite ? $0 : nil }
    default: nil
    }
  }

  /// How an error message shows the value: short, and the kind rather than the content of what may be long.
  package var summary: String {
    switch self {
    case .null: "null"
    case .bool(let value): "\(value)"
    case .integer(let value): "\(value)"
    case .double(let value): "\(value)"
    case .bigNumber(let text): text.utf8.count <= 40 ? text : "a number of \(text.utf8.count) characters"
    case .string(let value):
      value.utf8.count <= 40 ? "the string \"\(value)\"" : "a string of \(value.utf8.count) bytes"
    case .array(let values): values.isEmpty ? "an empty array" : "an array of \(values.count)"
    case .object: "an object"
    }
  }
}
