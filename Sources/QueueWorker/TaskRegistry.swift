package import JobWire

/// A row of the task table: what a `task_name` does.
package struct TaskDefinition: Sendable, Equatable {
  /// Which of the worker's models a task runs on; the wiring says which file that is.
  package enum ModelRole: String, Sendable, CaseIterable {
    /// `CKPT_PATH`.
    case main
    /// `GOT_CKPT_PATH`.
    case got
    /// `SPAM_CKPT_PATH`.
    case spam
  }

  package let task: TaskDescription
  package let model: ModelRole
  package var template: PromptTemplate = .plain

  /// The tasks of the service. Any other name, and none, is `plain`.
  package static let all = TaskDescription.all.map {
    TaskDefinition(task: $0, model: ModelRole(rawValue: $0.name) ?? .main)
  }

  /// Plain generation.
  package static let plain = TaskDefinition(
    task: TaskDescription(name: "default", kind: .generate), model: .main)
}

/// Text around a prompt.
package struct PromptTemplate: Sendable, Equatable {
  private let before: String
  private let after: String

  /// - Parameters:
  ///   - before: stands before the prompt.
  ///   - after: stands after it.
  package init(before: String = "", after: String = "") {
    self.before = before
    self.after = after
  }

  /// The prompt as it is.
  package static let plain = PromptTemplate()

  package func fill(with prompt: String) -> String { before + prompt + after }
}

/// Finds the task that answers a request.
package struct TaskRegistry: Sendable {
  private let tasks: [String: any JobTask]
  private let fallback: any JobTask

  /// - Parameter fallback: answers requests with any other name or none.
  package init(tasks: [String: any JobTask], fallback: any JobTask) {
    self.tasks = tasks
    self.fallback = fallback
  }

  package func task(named name: String?) -> any JobTask {
    name.flatMap { tasks[$0] } ?? fallback
  }

  /// Returns once every task has room: which of them the next job asks for is not known before it is taken.
  func waitForRoom() async {
    for task in tasks.values { await task.waitForRoom() }
    await fallback.waitForRoom()
  }
}
