extension MetricsRegistry {
  /// Adds what every process tells of itself.
  package func addProcess(version: String) {
    family(for: MetricNames.buildInfo).handle(version).set(1)
    if let start = ProcessReading.startTime() { handle(for: MetricNames.processStartTime).set(start) }
    collect {
      let reading = ProcessReading()
      return [
        MetricNames.processCPU.sample(is: reading.cpuSeconds),
        reading.residentBytes.map { MetricNames.processResidentMemory.sample(is: $0) },
        reading.openFiles.map { MetricNames.processOpenFiles.sample(is: $0) },
        reading.maxFiles.map { MetricNames.processMaxFiles.sample(is: $0) },
      ].compactMap(\.self)
    }
  }
}
