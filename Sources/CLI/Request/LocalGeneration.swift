import ArgumentParser
import JobWire
import QueueWorker

/// A request that this process answers, and how its answer is printed.
struct LocalGeneration: Sendable {
  let task: GenerateTask
  let request: JobRequest
  /// Whether the result is printed as JSON, and not the text as it comes.
  let printsResult: Bool
  /// What stands before the text.
  let printedPrompt: String

  func run(until stop: StoppableWork.Stop) async throws {
    do throws(TaskError) {
      if printsResult { try await printResult(until: stop) } else { try await printText(until: stop) }
    } catch {
      throw error.ofCommandLine
    }
  }

  private func printResult(until stop: StoppableWork.Stop) async throws(TaskError) {
    let answer = try await task.run(request) { stop.isRequested ? .cancelled : nil }
    let result = answer.result(of: request, id: request.id ?? "").encode()
    StandardOutput.write(result + Array("\n".utf8))
  }

  private func printText(until stop: StoppableWork.Stop) async throws(TaskError) {
    let isTerminal = StandardOutput.isTerminal
    let printer = CompletionPrinter(
      prompt: printedPrompt, count: request.completions,
      isLive: request.sequencesPerPrompt == request.completions
    ) { StandardOutput.write(isTerminal ? $0.printable : $0) }
    do throws(TaskError) {
      let answer = try await task.run(
        request, interruption: { stop.isRequested ? .cancelled : nil },
        onToken: { choice, token in
          // What comes with the last step after a signal is no longer wanted.
          if !stop.isRequested { printer.add(choice: choice, token.text) }
        })
      if stop.isRequested { return printer.stop() }
      printer.finish(answer.choices?.map(\.text) ?? [])
    } catch {
      printer.stop()
      throw error
    }
  }
}

extension TaskError {
  /// What is wrong with a request, as what is wrong with its options; what is our own fault stays so.
  var ofCommandLine: any Error {
    guard case .failed(let failure) = self, failure.code != .internalError else { return self }
    return ValidationError(RequestOptions.message(failure.message, param: failure.param))
  }
}
