/// A field of the interface that the engine can't honour yet. It may be sent with the value that turns it off;
/// any other value is refused, over HTTP and on the queue, so that no wish is silently ignored.
struct UnsupportedField: Sendable {
  let name: String
  /// What the field may be, in words and as a test.
  let off: String
  let isOff: @Sendable (JSONValue) -> Bool

  static let all: [UnsupportedField] = [
    .number("min_p", off: 0),
    .number("typical_p", off: 1),
    .number("repetition_penalty", off: 1),
    .number("presence_penalty", off: 0),
    .number("frequency_penalty", off: 0),
    UnsupportedField(name: "logit_bias", off: "{}") { $0 == .object([]) },
    .number("n", off: 1),
    .number("logprobs", off: 0),
    UnsupportedField(name: "echo", off: "false") { $0 == .bool(false) },
  ]

  private static func number(_ name: String, off: Int) -> UnsupportedField {
    UnsupportedField(name: name, off: "\(off)") { $0.doubleValue == Double(off) }
  }

  static func refuse(in reader: FieldReader) throws(WireError) {
    for field in all {
      guard let value = reader[field.name], !field.isOff(value) else { continue }
      throw WireError(
        .unsupported,
        "\(field.name) is not supported yet: found \(value.summary), only \(field.off) (off) is allowed",
        param: field.name)
    }
  }
}
