import ArgumentParser
import JobWire

/// What a request may ask for beside its prompt. What is not given is left to whoever runs it.
struct RequestOptions: ParsableArguments {
  @Option(
    parsing: .unconditional,
    help: """
      How many tokens to add: 0 to the model's context, over the queue to MAX_NEW_TOKENS. Default: \
      \(RequestLimits.defaultNewTokens).
      """)
  var maxNewTokens: Int?
  @Option(
    parsing: .unconditional,
    help: "Don't let the model end the text before so many new tokens: 0 to the same. Default: 0.")
  var minTokens: Int?
  @Flag(help: "Go on where the model would end the text.") var ignoreEos = false
  @Option(
    parsing: .unconditional,
    help:
      "0 to \(RequestLimits.maxTemperature.fixed(0)); 0 takes the most likely token each time. Default: 1.")
  var temperature: Double?
  @Option(
    parsing: .unconditional,
    help: "Only the k most likely tokens: 1 to \(RequestLimits.maxTopK); 0: off. Default: 0.")
  var topK: Int?
  @Option(
    parsing: .unconditional,
    help:
      "Only the most likely tokens that reach this probability together: above 0 to 1; 1: off. Default: 1.")
  var topP: Double?
  @Option(
    parsing: .unconditional,
    help: "Only tokens at least so likely as this part of the most likely one: 0 to 1; 0: off. Default: 0.")
  var minP: Double?
  @Option(
    parsing: .unconditional,
    help: """
      Only the tokens of nearly expected likelihood that reach this probability together: above 0 to 1; 1: off. \
      Default: 1.
      """)
  var typicalP: Double?
  @Option(
    parsing: .unconditional,
    help: """
      Tokens that were in prompt or text become less likely by this factor: above 0 to \
      \(RequestLimits.maxRepetitionPenalty.fixed(0)); 1: off. Default: 1.
      """)
  var repetitionPenalty: Double?
  @Option(
    parsing: .unconditional,
    help: "Taken from the logit of each token that was in the text: \(Self.penalties); 0: off. Default: 0.")
  var presencePenalty: Double?
  @Option(
    parsing: .unconditional,
    help: """
      Taken from the logit of each token as often as it was in the text: \(Self.penalties); 0: off. Default: 0.
      """)
  var frequencyPenalty: Double?
  @Option(
    parsing: .unconditionalSingleValue,
    help: ArgumentHelp(
      """
      Added to the logit of a token: \(LogitBias.allowed); may be given several times.
      """, valueName: "id=value"))
  var logitBias: [LogitBias] = []
  @Option(
    parsing: .unconditionalSingleValue,
    help: """
      Stop before this text; may be given several times.
      """)
  var stop: [String] = []
  @Option(
    parsing: .unconditional,
    help: "A whole number; the same one gives the same text. Default: one that follows from the job's id.")
  var seed: Int64?
  @Option(
    name: [.customShort("n"), .customLong("n")], parsing: .unconditional,
    help: "How many completions: 1 to 128, over the queue to MAX_COMPLETIONS. Default: 1.")
  var completions: Int?
  @Option(
    parsing: .unconditional,
    help: "Make so many and keep the likeliest n: n to as many as n may be. Default: n.")
  var bestOf: Int?
  @Option(
    parsing: .unconditional,
    help: """
      Also log-probabilities of the tokens, and of so many of the likeliest in their place: 0 to 20. Default: none.
      """)
  var logprobs: Int?
  @Flag(
    inversion: .prefixedNo, help: "Keep the end of a prompt that is too long for the model, or refuse it.")
  var truncate = true

  private static var penalties: String {
    "\((-RequestLimits.maxPenalty).fixed(0)) to \(RequestLimits.maxPenalty.fixed(0))"
  }

  func validate() throws {
    for (name, value) in numbers {
      if let value, !value.isFinite {
        throw ValidationError("\(Self.option(of: name)) is \(value); allowed are finite numbers")
      }
    }
    var tokens: Set<Int32> = []
    if let twice = logitBias.first(where: { !tokens.insert($0.token).inserted }) {
      throw ValidationError("--logit-bias has the token \(twice.token) twice; allowed is once")
    }
  }

  /// As a job on the queue would be read and checked.
  ///
  /// - Parameter others: more fields.
  /// - Throws: `ValidationError`, which names the option and what is allowed.
  func request(
    id: String, prompt: String, others: [(String, JSONValue?)] = [], limits: RequestLimits
  ) throws -> JobRequest {
    let own = [("id", JSONValue.string(id)), ("prompt", .string(prompt))]
    do {
      return try JobRequest.decode(
        JSONValue.fields(own + fields + others).encoded, mode: .queue, limits: limits)
    } catch {
      throw ValidationError(Self.message(error.message, param: error.param))
    }
  }

  /// A message about a field as one about its option.
  ///
  /// - Parameter param: the field; nil where only the message tells.
  static func message(_ message: String, param: String?) -> String {
    let field = (param.map { [$0] } ?? JobRequest.fieldNames).first { message.hasPrefix($0 + " ") }
    return field.map { option(of: $0) + message.dropFirst($0.count) } ?? message
  }

  private static func option(of field: String) -> String {
    switch field {
    case "prompt": "the prompt"
    case "task_name": "--task"
    default: "--" + String(field.map { $0 == "_" ? "-" : $0 })
    }
  }

  private var fields: [(String, JSONValue?)] {
    [
      ("max_new_tokens", maxNewTokens), ("min_tokens", minTokens), ("top_k", topK), ("n", completions),
      ("best_of", bestOf), ("logprobs", logprobs),
    ].map { ($0, $1.map { .integer(Int64($0)) }) }
      + numbers.map { ($0, $1.map { .double($0) }) }
      + [
        ("ignore_eos", ignoreEos ? .bool(true) : nil), ("truncate", truncate ? nil : .bool(false)),
        ("seed", seed.map { .integer($0) }),
        ("stop", stop.isEmpty ? nil : .array(stop.map { .string($0) })),
        (
          "logit_bias",
          logitBias.isEmpty ? nil : .object(logitBias.map { .init("\($0.token)", .double($0.bias)) })
        ),
      ]
  }

  private var numbers: [(String, Double?)] {
    [
      ("temperature", temperature), ("top_p", topP), ("min_p", minP), ("typical_p", typicalP),
      ("repetition_penalty", repetitionPenalty), ("presence_penalty", presencePenalty),
      ("frequency_penalty", frequencyPenalty),
    ]
  }
}
