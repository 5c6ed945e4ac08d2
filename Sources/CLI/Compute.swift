import GPT2
import JobWire
import Logging
import QueueWorker

/// The computing half of a process: one engine a model, and the tasks on top of them.
struct Compute {
  let tasks: TaskRegistry
  /// Jobs that run at the same time without waiting for each other.
  let concurrency: Int
  /// The name of the model of plain generation.
  let modelName: String
  /// The ids below it are tokens to all models.
  let vocabularySize: Int
  /// Tokens that prompt and new text may have together, for all models that generate.
  let contextLength: Int
  private let engines: [Engine]

  /// - Parameter defaultThreads: `THREADS`, where it is not given.
  init(settings: Settings, defaultThreads: String, metrics: ComputeMetrics, logger: Logger) throws {
    let catalog = try ModelCatalog(settings: settings) { logger.notice("\($0)") }
    let configuration = try EngineConfiguration(settings, defaultThreads: defaultThreads)
    var engines: [String: Engine] = [:]

    func task(_ definition: TaskDefinition) throws -> any JobTask {
      let found = try catalog.load(definition.model)
      let engine =
        try engines[found.path]
        ?? Engine(
          model: found.model, configuration: configuration.fitted(to: found.model),
          onStep: metrics.engineObserver())
      engines[found.path] = engine
      logger.info(
        "model loaded",
        metadata: [
          "task": "\(definition.task.name)", "model": "\(found.name)", "path": "\(found.path)",
          "quantization": "\(found.model.quantization.rawValue)", "context": "\(engine.contextLength)",
          "sequences": "\(engine.maxSequences)",
        ])
      switch definition.task.kind {
      case .generate:
        guard case .languageModel = found.model.head else {
          throw SettingsError(
            "\(found.path) is a classifier and generates no text; name it with SPAM_CKPT_PATH (--spam-ckpt-path)"
          )
        }
        return GenerateTask(engine: engine, model: found.name, template: definition.template)
      case .classify:
        do throws(GPT2Error) {
          return try ClassifyTask(
            engine: engine, model: found.name, labels: definition.task.labels, template: definition.template)
        } catch {
          throw SettingsError("\(found.path) can't serve the task \(definition.task.name): \(error)")
        }
      }
    }

    var tasks: [String: any JobTask] = [:]
    let plain = try task(.plain)
    modelName = try catalog.load(.main).name
    for definition in TaskDefinition.all { tasks[definition.task.name] = try task(definition) }
    self.tasks = TaskRegistry(tasks: tasks, fallback: plain)
    self.engines = Array(engines.values)
    self.contextLength = engines.values.filter(\.generates).map(\.contextLength).min() ?? 0
    self.vocabularySize = engines.values.map(\.tokenizer.vocabularySize).min() ?? 0
    self.concurrency = engines.values.map(\.maxSequences).min() ?? 1
  }
}

extension Engine {
  fileprivate nonisolated var generates: Bool {
    if case .languageModel = model.head { true } else { false }
  }
}
