import ArgumentParser
import JobWire
import QueueWorker

/// The labelling of one file on the command line: with a progress bar, complaints and a summary on standard error.
struct CSVFile: Sendable {
  private static let redrawInterval = Duration.milliseconds(100)

  let input: InputFile
  let output: OutputFile

  /// - Throws: `ClassifyCommand.incomplete`, if some rows have no label.
  func label(_ labelling: CSVLabelling, with task: ClassifyTask) async throws {
    let begin = ContinuousClock.now
    try await StoppableWork.run { stop in
      let bar = ProgressBar("labelling \(input.name)")
      let size = input.size
      var nextDraw = begin
      defer { bar.clear() }
      let summary: LabelSummary
      do {
        summary = try await labelling.run(
          chunks: { try input.read() }, label: { try await Self.answer($0, task, stop) },
          write: { try output.write($0) },
          complain: { problem in
            bar.clear()
            StandardError.write("\(input.name): \(problem)\n")
          },
          progress: { bytes, rows in
            let now = ContinuousClock.now
            guard now >= nextDraw else { return }
            nextDraw = now + Self.redrawInterval
            let rate = Double(rows) / ((now - begin) / .seconds(1))
            bar.show(
              size.map { Double(bytes) / Double(max($0, 1)) },
              detail: "\(rows) rows, \(rate.fixed(1)) a second")
          })
      } catch let error as CSVHeader.UnknownColumn {
        throw ValidationError(error.description)
      }
      bar.clear()
      StandardError.write(summary.text(seconds: (ContinuousClock.now - begin) / .seconds(1)) + "\n")
      if !summary.refusedLines.isEmpty { throw ClassifyCommand.incomplete }
    }
  }

  private static func answer(
    _ text: String, _ task: ClassifyTask, _ stop: StoppableWork.Stop
  ) async throws -> CSVLabelling.Answer {
    let request = JobRequest(id: "cli", prompts: [.text(text)], taskName: "spam")
    do throws(TaskError) {
      let answer = try await task.run(request) { stop.isRequested ? .cancelled : nil }
      return CSVLabelling.Answer(label: answer.completion, scores: answer.scores ?? [])
    } catch {
      guard case .failed(let failure) = error, failure.code == .invalidValue else { throw error }
      throw CSVLabelling.Refusal(reason: failure.message)
    }
  }
}
