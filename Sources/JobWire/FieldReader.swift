/// Reads typed fields of a JSON object. A field that is absent or `null` is `nil`; one of another type or out
/// of range throws an error that names the field, what was found and what is allowed.
struct FieldReader {
  private let json: JSONValue

  init(_ json: JSONValue) {
    self.json = json
  }

  /// Of a body that must be a JSON object.
  init(object bytes: [UInt8], limits: RequestLimits) throws(WireError) {
    json = try JSONParser.parse(bytes, maxDepth: limits.maxDepth)
    guard json.fieldsValue != nil else {
      throw WireError(.malformed, "the request must be a JSON object, found \(json.summary)")
    }
  }

  /// Refuses a field that isn't one of these, by name.
  func refuseUnknown(_ known: [String]) throws(WireError) {
    guard let field = json.fieldsValue?.first(where: { !known.contains($0.name) }) else { return }
    let isShort = field.name.utf8.count <= 64
    throw WireError(
      .unknownField,
      "unknown field \(isShort ? "\"\(field.name)\"" : "with a very long name"); known are "
        + known.joined(separator: ", "),
      param: isShort ? field.name : nil)
  }

  subscript(name: String) -> JSONValue? { json[name] }

  func wrong(_ name: String, _ found: JSONValue, allowed: String) -> WireError {
    WireError(.invalid, "\(name) must be \(allowed); found \(found.summary)", param: name)
  }

  func string(_ name: String, maxLength: Int) throws(WireError) -> String? {
    guard let value = self[name] else { return nil }
    guard let string = value.stringValue, string.unicodeScalars.count <= maxLength else {
      throw wrong(name, value, allowed: "a string of at most \(maxLength) characters")
    }
    return string
  }

  func bool(_ name: String) throws(WireError) -> Bool? {
    guard let value = self[name] else { return nil }
    guard case .bool(let bool) = value else { throw wrong(name, value, allowed: "true or false") }
    return bool
  }

  func integer(_ name: String, in range: ClosedRange<Int>) throws(WireError) -> Int? {
    guard let value = self[name] else { return nil }
    guard let integer = value.integerValue, range.contains(Int(integer)) else {
      throw wrong(name, value, allowed: "an integer from \(range.lowerBound) to \(range.upperBound)")
    }
    return Int(integer)
  }

  func int64(_ name: String) throws(WireError) -> Int64? {
    guard let value = self[name] else { return nil }
    guard let integer = value.integerValue else {
      throw wrong(name, value, allowed: "an integer from \(Int64.min) to \(Int64.max)")
    }
    return integer
  }

  func number(
    _ name: String, in range: ClosedRange<Double>, allowsLowest: Bool = true
  ) throws(WireError) -> Double? {
    guard let value = self[name] else { return nil }
    guard let number = value.doubleValue, range.contains(number),
      allowsLowest || number > range.lowerBound
    else {
      let lowest = allowsLowest ? "from \(range.lowerBound)" : "above \(range.lowerBound)"
      throw wrong(name, value, allowed: "a number \(lowest) to \(range.upperBound)")
    }
    return number
  }

  func choice<Choice: RawRepresentable & CaseIterable>(
    _ name: String, _ type: Choice.Type
  ) throws(WireError) -> Choice? where Choice.RawValue == String {
    guard let value = self[name] else { return nil }
    guard let choice = value.stringValue.flatMap(Choice.init(rawValue:)) else {
      let all = Choice.allCases.map { "\"\($0.rawValue)\"" }.joined(separator: ", ")
      throw wrong(name, value, allowed: "one of \(all)")
    }
    return choice
  }
}
