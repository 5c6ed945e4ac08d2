/// What became of a job: stored under its id, and the response of `POST /generate` as it is.
///
/// A field that has no meaning for the task or the status is `nil` and absent from the JSON.
package struct JobResult: Sendable, Equatable {
  package enum Status: String, Sendable, CaseIterable {
    case completed, failed, cancelled, expired
  }

  /// One completion of the prompt.
  package struct Choice: Sendable, Equatable {
    package var index: Int
    package var text: String
    package var finishReason: FinishReason
    package var tokens: [Int]
    package var logprobs: Logprobs?

    package init(
      index: Int = 0, text: String, finishReason: FinishReason, tokens: [Int], logprobs: Logprobs? = nil
    ) {
      self.index = index
      self.text = text
      self.finishReason = finishReason
      self.tokens = tokens
      self.logprobs = logprobs
    }
  }

  package enum FinishReason: String, Sendable, CaseIterable {
    /// `max_new_tokens` were made, or the context is full.
    case length
    /// The model ended the text.
    case stop
    /// The text reached one of the request's stop strings.
    case stopSequence = "stop_sequence"
  }

  /// The probability of one label; a result keeps them in the order of the task.
  package struct Score: Sendable, Equatable {
    package var label: String
    package var probability: Double

    package init(label: String, probability: Double) {
      self.label = label
      self.probability = probability
    }
  }

  package struct Usage: Sendable, Equatable {
    package var promptTokens: Int
    package var completionTokens: Int
    /// Of the prompt's, those that needed no computing.
    package var cachedTokens: Int

    package init(promptTokens: Int, completionTokens: Int, cachedTokens: Int = 0) {
      self.promptTokens = promptTokens
      self.completionTokens = completionTokens
      self.cachedTokens = cachedTokens
    }
  }

  package struct Timings: Sendable, Equatable {
    package var queueMilliseconds: Double?
    package var prefillMilliseconds: Double?
    package var decodeMilliseconds: Double?

    package init(
      queueMilliseconds: Double? = nil, prefillMilliseconds: Double? = nil, decodeMilliseconds: Double? = nil
    ) {
      self.queueMilliseconds = queueMilliseconds
      self.prefillMilliseconds = prefillMilliseconds
      self.decodeMilliseconds = decodeMilliseconds
    }
  }

  package var id: String
  package var status: Status
  package var taskName: String?
  package var model: String?
  /// The text of the first choice, or the label of a classification.
  package var completion: String?
  package var choices: [Choice]?
  package var label: String?
  package var scores: [Score]?
  package var usage: Usage?
  package var timings: Timings?
  package var worker: String?
  package var attempts: Int?
  package var seed: Int64?
  package var error: JobFailure?

  package init(
    id: String, status: Status, taskName: String? = nil, model: String? = nil, completion: String? = nil,
    choices: [Choice]? = nil, label: String? = nil, scores: [Score]? = nil, usage: Usage? = nil,
    timings: Timings? = nil, worker: String? = nil, attempts: Int? = nil, seed: Int64? = nil,
    error: JobFailure? = nil
  ) {
    self.id = id
    self.status = status
    self.taskName = taskName
    self.model = model
    self.completion = completion
    self.choices = choices
    self.label = label
    self.scores = scores
    self.usage = usage
    self.timings = timings
    self.worker = worker
    self.attempts = attempts
    self.seed = seed
    self.error = error
  }
}
