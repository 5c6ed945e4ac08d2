import GPT2

extension EngineConfiguration {
  /// - Parameter defaultThreads: `THREADS`, where it is not given.
  init(
    _ settings: Settings, defaultThreads: String = Setting.threads.defaultValue
  ) throws(SettingsError) {
    self.init()
    threads = try settings.threads(default: defaultThreads)
    maxBatch = try settings.int(.maxBatch, in: 1...1024)
    maxContext = try settings.int(.maxCtx, in: 2...1 << 20)
    cacheBytes = try settings.int(.kvCacheMB, in: 1...1 << 20) << 20
    cachePrecision = try settings.choice(.kvCacheType, of: CacheType.self).precision
    speculates = try settings.bool(.speculate)
  }

  /// The values of `KV_CACHE_TYPE`.
  private enum CacheType: String, CaseIterable {
    /// Left to the engine: f32 for an f32 model, else f16.
    case auto
    case f16, int8, f32

    var precision: KVMemory.Precision? {
      switch self {
      case .auto: nil
      case .f16: .f16
      case .int8: .int8
      case .f32: .f32
      }
    }
  }
}

extension Settings {
  /// `THREADS`, where `auto` are the CPUs that this process may use.
  ///
  /// - Parameter automatic: how many these are.
  func threads(
    default fallback: String = Setting.threads.defaultValue,
    automatic: @autoclosure () -> Int = AvailableCPUs.count
  ) throws(SettingsError) -> Int {
    let range = 1...256
    let text = given(.threads) ?? fallback
    if text == "auto" { return min(max(automatic(), range.lowerBound), range.upperBound) }
    guard let count = Int(text), range.contains(count) else {
      throw error(
        "\(Setting.threads.namesAndOption) is \"\(text)\"; allowed is \(range.lowerBound) to \(range.upperBound), or auto"
      )
    }
    return count
  }
}
