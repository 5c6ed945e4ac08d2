/// Names in what a worker says of itself, as the queue's status repeats it.
package enum WorkerInfo {
  /// Is asked at every sign of life.
  package typealias Source = @Sendable () -> [String: String]

  /// The model's name.
  package static let model = "model"
  /// How many tokens the vocabularies of all its models have.
  package static let vocabulary = "vocabulary"
  /// How many tokens prompt and new text may have together, for all models that generate.
  package static let context = "context"
  package static let version = "version"
  /// The ids of the running jobs, with commas between.
  package static let jobs = "jobs"
  /// New tokens a second, over the last seconds.
  package static let tokensPerSecond = "tokens_per_second"
}
