import Synchronization

/// A sequence that is being generated: what was chosen so far, and whom to tell.
struct ActiveGeneration {
  typealias Events = AsyncThrowingStream<GenerationEvent, any Error>

  /// Set from any thread when the reader of the events has gone; the engine looks at it between steps.
  final class Cancellation: Sendable {
    private let flag = Atomic(false)

    var isCancelled: Bool { flag.load(ordering: .relaxed) }
    func cancel() { flag.store(true, ordering: .relaxed) }
  }

  let request: GenerationRequest
  let sampler: Sampler
  private let cancellation: Cancellation
  private let isUnwanted: @Sendable () -> Bool
  private let events: Events.Continuation
  private let endOfText: Int32?
  private var decoder: StreamDecoder
  private var tokens: [Int32] = []
  private var text = ""
  private let begin = ContinuousClock.now
  private var firstToken: ContinuousClock.Instant?
  /// See `GenerationResult`.
  var reusedTokens = 0
  var speculatedTokens = 0

  init(
    _ request: GenerationRequest, tokenizer: BPETokenizer, endOfText: Int32?, level: KernelLevel,
    events: Events.Continuation, cancellation: Cancellation, isUnwanted: @escaping @Sendable () -> Bool
  ) {
    self.request = request
    self.sampler = Sampler(request.sampling, level: level)
    self.events = events
    self.cancellation = cancellation
    self.isUnwanted = isUnwanted
    self.endOfText = endOfText
    self.decoder = StreamDecoder(tokenizer: tokenizer, stop: request.stop)
    self.tokens.reserveCapacity(request.maxNewTokens)
  }

  /// The position in the sequence of the token that is chosen next.
  var nextPosition: Int { request.prompt.count + tokens.count }

  /// Takes the chosen token; false when the sequence ended with it.
  mutating func accept(_ token: Int32) throws(GPT2Error) -> Bool {
    if firstToken == nil { firstToken = .now }
    if token == endOfText, !request.ignoresEndOfText {
      finish(.stop)
      return false
    }
    tokens.append(token)
    let output = try decoder.append(token)
    text += output.text
    if request.reportsTokens { events.yield(.token(id: token, text: output.text)) }
    if output.stopped {
      finish(.stopSequence)
      return false
    }
    if tokens.count == request.maxNewTokens {
      finish(.length)
      return false
    }
    return true
  }

  /// Whether nobody reads the events any more, or the request was withdrawn.
  var isCancelled: Bool { cancellation.isCancelled || isUnwanted() }

  /// Ends the events without a result.
  func cancel() { events.finish() }

  func fail(_ error: GPT2Error) { events.finish(throwing: error) }

  private mutating func finish(_ reason: FinishReason) {
    if reason != .stopSequence { text += decoder.finish() }
    let first = firstToken ?? begin
    events.yield(
      .finished(
        GenerationResult(
          tokens: tokens, text: text, finishReason: reason, promptTokens: request.prompt.count,
          reusedTokens: reusedTokens, speculatedTokens: speculatedTokens, prefill: first - begin,
          decode: .now - first)))
    events.finish()
  }
}
