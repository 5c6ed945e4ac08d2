import ArgumentParser
import ServiceLifecycle

/// `gpt2 serve`: everything in one process, with nothing to install.
struct ServeCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "serve",
    abstract: "Run gateway, worker and queue in one process.")

  @OptionGroup(title: "HTTP") var http: HTTPOptions
  @OptionGroup(title: "Limits") var limits: LimitOptions
  @OptionGroup(title: "Model") var model: ModelOptions
  @OptionGroup(title: "Models of tasks") var taskModels: TaskModelOptions
  @OptionGroup(title: "Engine") var engine: EngineOptions
  @OptionGroup(title: "Shutdown") var drain: DrainOptions
  @OptionGroup(title: "Queue") var queue: QueueOptions
  @OptionGroup(title: "Logs") var logs: LogOptions

  func run() async throws {
    let settings = try Settings(http, limits, model, taskModels, engine, drain, queue, logs)
    try await Wiring(settings, label: "gpt2.serve").embedded().run()
  }
}

/// `gpt2 gateway`: the HTTP front of a queue on Redis.
struct GatewayCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "gateway", abstract: "Serve HTTP: put requests on the queue and answer with the results.")

  @OptionGroup(title: "HTTP") var http: HTTPOptions
  @OptionGroup(title: "Limits") var limits: LimitOptions
  @OptionGroup(title: "Shutdown") var drain: DrainOptions
  @OptionGroup(title: "Queue") var queue: QueueOptions
  @OptionGroup(title: "Logs") var logs: LogOptions

  func run() async throws {
    let settings = try Settings(http, limits, drain, queue, logs)
    try await Wiring(settings, label: "gpt2.gateway").gateway().run()
  }
}

/// `gpt2 worker`: the computing side of a queue on Redis.
struct WorkerCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "worker", abstract: "Take jobs from the queue, run them and post the results.")

  @OptionGroup(title: "Model") var model: ModelOptions
  @OptionGroup(title: "Models of tasks") var taskModels: TaskModelOptions
  @OptionGroup(title: "Engine") var engine: EngineOptions
  @OptionGroup(title: "Shutdown") var drain: DrainOptions
  @OptionGroup(title: "Health routes") var admin: AdminOptions
  @OptionGroup(title: "Limits") var limits: LimitOptions
  @OptionGroup(title: "Queue") var queue: QueueOptions
  @OptionGroup(title: "Logs") var logs: LogOptions

  func run() async throws {
    let settings = try Settings(model, taskModels, engine, drain, admin, limits, queue, logs)
    try await Wiring(settings, label: "gpt2.worker").worker().run()
  }
}
