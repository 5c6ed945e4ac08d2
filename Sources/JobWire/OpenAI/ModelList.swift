/// What `GET /v1/models` answers.
package enum ModelList {
  /// - Parameter created: seconds since 1970.
  package static func json(_ models: [String], created: Int) -> JSONValue {
    .fields([
      ("object", .string("list")),
      ("data", .array(models.map { json($0, created: created) })),
    ])
  }

  package static func json(_ model: String, created: Int) -> JSONValue {
    .fields([
      ("id", .string(model)),
      ("object", .string("model")),
      ("created", .integer(Int64(created))),
      ("owned_by", .string("gpt2-service")),
    ])
  }
}
