/// A GPT-2 model in somebody's checkpoint: which family, container and shape it is was found out and checked;
/// the numbers are read tensor by tensor when asked for.
package struct GPT2Checkpoint: WeightSource, Sendable {
  package let config: GPT2Config
  package let head: ModelHead
  /// For the log: family, form and file format, as in "Raschka GPTModel, state dict \"model\", torch-zip".
  package let format: String
  /// For the log: what was found, and what had to be assumed.
  package let notes: [String]
  /// `model_type`, or the class of a pickled model, where the file says it.
  package let modelType: String?
  /// Of `config.json`.
  package let padTokenID: Int?
  package let endOfTextID: Int?
  /// `vocab.json` and `merges.txt` beside the weights of a model directory.
  package let tokenizerFiles: (vocabulary: String, merges: String)?

  private let map: TensorMap

  /// `path` is a checkpoint file or a model directory.
  package init(path: String, overrides: CheckpointOverrides = CheckpointOverrides()) throws(GPT2Error) {
    let directory =
      CheckpointDirectory.isDirectory(path)
      ? CheckpointDirectory(path: path) : CheckpointDirectory.around(file: path)
    let file = try CheckpointFile.open(path: path)
    do throws(GPT2Error) {
      let state = try StateDict.find(in: file, wanted: overrides.stateDictKey)
      let map = try TensorMap(state)
      var reading = CheckpointReading(
        file: file, state: state, map: map, json: try directory?.configuration(), overrides: overrides)
      let config = try reading.makeConfig()
      let head = try reading.makeHead(config)
      self.config = config
      self.head = head
      self.map = reading.map
      try reading.map.checkShapes(config, head)
      format = reading.format(head)
      notes = reading.notes
      modelType = reading.modelType
      padTokenID = reading.setting { $0.firstInt("pad_token_id") }
      endOfTextID = reading.setting { $0.firstInt("eos_token_id") }
      tokenizerFiles = directory?.tokenizerFiles()
    } catch {
      throw error.inFile(path)
    }
  }

  /// Throws `corruptFile` for a value that is not finite, naming the tensor.
  package func values(of tensor: ModelTensor) throws(GPT2Error) -> [Float] {
    var tensor = tensor
    if case .headWeight = tensor, case .languageModel(tied: true) = head { tensor = .tokenEmbedding }
    if case .block(let layer, _) = tensor, !(0..<config.layers).contains(layer) {
      throw GPT2Error(.invalidArgument, "block \(layer) of a model of \(config.layers)")
    }
    let parts = map.parts[tensor] ?? []
    // Before memory is taken: a tensor of a few bytes may claim any size.
    for part in parts {
      do throws(GPT2Error) { try part.readableCount() } catch { throw error.inFile(part.file.path) }
    }
    var values = [Float](repeating: 0, count: tensor.shape(in: config, head: head).reduce(1, *))
    var failure: GPT2Error?
    values.withUnsafeMutableBufferPointer { buffer in
      var start = 0
      do throws(GPT2Error) {
        for part in parts {
          let target = UnsafeMutableBufferPointer(rebasing: buffer[start..<start + part.count])
          try part.read(into: target)
          try Self.requireFinite(target, part)
          start += part.count
        }
      } catch {
        failure = error
      }
    }
    if let failure { throw failure.inFile(parts.first?.file.path ?? "") }
    return values
  }

  private static func requireFinite(
    _ values: UnsafeMutableBufferPointer<Float>, _ tensor: FileTensor
  ) throws(GPT2Error) {
    // The greatest exponent of all, a loop that vectorizes; infinity and NaN have the greatest possible.
    var greatest: UInt32 = 0
    for value in values { greatest = max(greatest, value.bitPattern & 0x7FFF_FFFF) }
    guard greatest >= 0x7F80_0000 else { return }
    let index = values.firstIndex { !$0.isFinite } ?? 0
    throw GPT2Error(
      .corruptFile,
      "tensor \(tensor.name): value \(index) of its \(values.count) is \(values[index]), not finite")
  }
}
