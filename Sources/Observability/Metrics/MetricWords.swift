/// A value of a label that has a list of them. The cases are numbered from 0, so that a handle is found by its index.
package protocol MetricWord: CaseIterable, RawRepresentable<Int>, Sendable {}

extension MetricWord {
  /// As Prometheus sees it: the name of the case.
  package var word: String { String(describing: self) }
}

/// The values of the labels that have a list of them.
package enum MetricWords {
  /// Where tokens come from.
  package enum Tokens: Int, MetricWord {
    case prompt, completion
  }

  /// Which limit of a key was reached.
  package enum RateLimit: Int, MetricWord {
    case requests, tokens
  }

  /// How a job left a worker.
  package enum JobOutcome: Int, MetricWord {
    case completed, failed, cancelled
    /// Put back into its list unfinished.
    case released
    /// Finished, but another worker had taken it over.
    case fenced
  }

  /// What became of a proposed token.
  package enum Speculation: Int, MetricWord {
    case accepted, rejected
  }

  /// What a page of keys and values is for; every page is in one state.
  package enum PageState: Int, MetricWord {
    /// A running sequence uses it.
    case used
    /// No sequence uses it; it is kept as the beginning of a text until its memory is needed.
    case shared
    case free
  }

  /// The list that a job waits in.
  package enum Priority: Int, MetricWord {
    case high, `default`, low
  }

  /// What the queue counts over all workers.
  package enum QueueEvent: Int, MetricWord {
    case posted, failed, duplicates, crashes, recovered, exhausted, buried, cancelled
  }
}
