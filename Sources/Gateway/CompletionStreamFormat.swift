import JobWire
import Synchronization

/// The events of `/v1/completions`.
final class CompletionStreamFormat: StreamFormat {
  private let response: CompletionResponse
  /// How many code points of each choice were told.
  private let offsets = Mutex<[Int: Int]>([:])

  init(response: CompletionResponse) {
    self.response = response
  }

  func event(of token: JobPiece.Token, choice: Int) -> JSONValue {
    let offset = offsets.withLock { offsets in
      defer { offsets[choice, default: 0] += token.text.unicodeScalars.count }
      return offsets[choice, default: 0]
    }
    return response.event(of: token, choice: choice, offset: offset)
  }

  func event(ofRest text: String, of choice: JobResult.Choice, told: Int) -> JSONValue? {
    let logprobs = choice.logprobs?.after(told)
    if text.isEmpty, logprobs == nil { return nil }
    return response.event(text: text, choice: choice.index, logprobs: logprobs)
  }

  func ending(_ result: JobResult, bytes: [UInt8]) -> [[UInt8]] {
    var events = (result.choices ?? []).map {
      response.event(text: "", choice: $0.index, finishReason: $0.finishReason)
    }
    if response.includesUsage, let usage = result.usage { events.append(response.usageEvent(usage)) }
    return events.map(\.encoded)
  }
}
