import Synchronization

/// What a gateway counts of one route.
package final class RouteMetrics: Sendable {
  private struct Answer {
    let method: String
    let code: Int
    let counter: Counter
  }

  private let route: String
  private let requests: MetricFamily<Counter>
  private let duration: Histogram<Duration>
  /// A route has few of them, so that a search is faster than a dictionary.
  private let answers = Mutex<[Answer]>([])

  init(route: String, requests: MetricFamily<Counter>, duration: Histogram<Duration>) {
    self.route = route
    self.requests = requests
    self.duration = duration
  }

  /// A request was answered.
  ///
  /// - Parameter took: from the request to the end of the answer's body.
  package func answered(method: String, code: Int, took: Duration) {
    duration.observe(took)
    counter(method, code).add()
  }

  private func counter(_ method: String, _ code: Int) -> Counter {
    // A client may invent methods without end.
    let method = MetricNames.httpRequests.description.labels[1].bounded(method)
    return answers.withLock { answers in
      if let known = answers.first(where: { $0.code == code && $0.method == method }) { return known.counter }
      let counter = requests.handle(route, method, String(code))
      answers.append(Answer(method: method, code: code, counter: counter))
      return counter
    }
  }
}
