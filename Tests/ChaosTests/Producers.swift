import Foundation
import JobWire
import RedisTestServer
import ServiceUnderTest

/// Gets a job answered, as a good client does: it tries again with the same id until it has the result.
struct Producer: Sendable {
  struct GaveUp: Error, CustomStringConvertible {
    let description: String
  }

  private struct Response {
    var status: Int
    var retryAfter: Double?
    var body: String
    /// The response came to its end.
    var isWhole: Bool
    var errors: String
  }

  let deployment: Deployment
  private static let patience = Duration.seconds(180)

  /// The job's result, and what happened until it came.
  func answer(to job: ChaosJob, number: Int) async throws -> Answer {
    async let isCancelled = Canceller(deployment: deployment).cancels(job, number: number)
    var answer = job.way == .direct ? try await direct(job) : try await overHTTP(job, number: number)
    answer.isCancelled = try await isCancelled
    return answer
  }

  private func overHTTP(_ job: ChaosJob, number: Int) async throws -> Answer {
    var answer = Answer(job: job)
    let deadline = ContinuousClock.now + Self.patience
    while ContinuousClock.now < deadline {
      let response = try await post(job, to: deployment.gatewayURL(number + answer.tries.count))
      if response.status == 200, take(response, &answer) { return answer }
      if job.cancellationMilliseconds != nil, response.isWhole, tellsOfCancellation(response),
        let result = try? deployment.redis.probe().send("GET", "{gpt2}:res:\(job.id)").bytes
      {
        answer.body = result
        return answer
      }
      answer.tries.append("\(response.status) \(response.body.suffix(160)) \(response.errors)")
      // 0: the connection broke. What the client itself did wrong would never pass.
      guard [0, 200, 429, 503, 504].contains(response.status) else { break }
      if [429, 503].contains(response.status), response.isWhole, response.retryAfter == nil {
        answer.violations.append("\(response.status) without Retry-After: \(response.body)")
      }
      try await Task.sleep(for: .seconds(min(response.retryAfter ?? 0.2, 1)))
    }
    throw GaveUp(description: "no result for \(answer.story)")
  }

  private func post(_ job: ChaosJob, to url: String) async throws -> Response {
    let (code, output, errors) = try await ChildProcess.run(
      [
        "/usr/bin/curl", "--silent", "--show-error", "--no-buffer", "--max-time", "70",
        "--write-out", "\n%{http_code} %header{retry-after}", "\(url)/generate",
        "-H", "Idempotency-Key: \(job.id)", "--data-binary", "@-",
      ], input: job.message)
    var lines = output.components(separatedBy: "\n")
    let words = lines.removeLast().split(separator: " ")
    return Response(
      status: words.first.flatMap { Int($0) } ?? 0,
      retryAfter: words.dropFirst().first.flatMap { Double($0) },
      body: lines.joined(separator: "\n"), isWhole: code == 0, errors: errors)
  }

  private func tellsOfCancellation(_ response: Response) -> Bool {
    let errors = response.status == 200 ? StreamedAnswer(response.body).errors : [response.body]
    return errors.contains { error in
      (try? JSONValue(parsing: Array(error.utf8)))?["error"]?["code"] == .string("cancelled")
    }
  }

  /// Takes the result out of a response.
  ///
  /// - Returns: whether there is one.
  private func take(_ response: Response, _ answer: inout Answer) -> Bool {
    if answer.job.way == .waiting {
      answer.body = Array(response.body.utf8)
      return response.isWhole
    }
    let stream = StreamedAnswer(response.body)
    for error in stream.errors where error.contains("text_differs") || error.contains("no JSON") {
      answer.violations.append("in a stream: \(error)")
    }
    guard response.isWhole, let result = stream.results.first else {
      answer.brokenTexts.append(stream.text)
      if response.isWhole, stream.errors.isEmpty {
        answer.violations.append("a stream that ends without a result: \(response.body.suffix(300))")
      }
      return false
    }
    answer.body = Array(result.utf8)
    if stream.results.count != 1 || stream.ends != 1 || !stream.errors.isEmpty {
      answer.violations.append("not one final event: \(response.body.suffix(1_000))")
    }
    let decoded = try? JobResult.decode(answer.body)
    if decoded?.choices != nil, decoded?.completion != stream.text {
      answer.violations.append("streamed “\(stream.text)”, but the result is “\(decoded?.completion ?? "")”")
    }
    return true
  }

  /// Pushes until Redis has said yes, and then asks for the result.
  private func direct(_ job: ChaosJob) async throws -> Answer {
    var answer = Answer(job: job)
    let deadline = ContinuousClock.now + Self.patience
    var isAccepted = false
    while ContinuousClock.now < deadline {
      do {
        let probe = try deployment.redis.probe()
        if !isAccepted {
          answer.pushes += 1
          let reply = try probe.send("LPUSH", job.list, job.message)
          if case .integer = reply { isAccepted = true } else { answer.tries.append("\(reply)") }
        }
        while isAccepted, ContinuousClock.now < deadline {
          if let result = try probe.send("GET", "{gpt2}:res:\(job.id)").bytes {
            answer.body = result
            return answer
          }
          try await Task.sleep(for: .milliseconds(20))
        }
      } catch let failure as RedisTestServer.Failure {
        // Redis is down; what was accepted stays so.
        answer.tries.append(failure.description)
      }
      try await Task.sleep(for: .milliseconds(20))
    }
    throw GaveUp(description: "accepted: \(isAccepted), but no result for \(answer.story)")
  }
}
