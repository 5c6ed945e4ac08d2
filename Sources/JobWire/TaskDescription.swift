/// What the users of the service know of a task.
package struct TaskDescription: Sendable, Equatable {
  package enum Kind: String, Sendable {
    case generate, classify
  }

  package let name: String
  package let kind: Kind
  /// What a classification tells apart, in the order of the model's rows.
  package var labels: [String]?

  package init(name: String, kind: Kind, labels: [String]? = nil) {
    self.name = name
    self.kind = kind
    self.labels = labels
  }

  /// The tasks of the service. Any other name, and none, is plain generation.
  package static let all = [
    TaskDescription(name: "spam", kind: .classify, labels: ["not spam", "spam"]),
    TaskDescription(name: "got", kind: .generate),
  ]
}
