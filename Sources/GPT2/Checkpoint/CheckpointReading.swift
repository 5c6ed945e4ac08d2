/// Settles what the tensors leave open: heads, activation, the kind of head, from the settings of the
/// file, the objects in it, the user's word, and last a guess that is noted.
struct CheckpointReading {
  let file: CheckpointFile
  let state: StateDict
  private(set) var map: TensorMap
  let json: ModelSettings?
  let overrides: CheckpointOverrides
  private(set) var notes: [String] = []

  private let facts: ObjectWalk.ModuleFacts?
  /// Best first: `config.json`, the model object's own configuration, dictionaries beside the weights.
  private let sources: [ModelSettings]

  init(
    file: CheckpointFile, state: StateDict, map: TensorMap, json: ModelSettings?,
    overrides: CheckpointOverrides
  ) {
    self.file = file
    self.state = state
    self.map = map
    self.json = json
    self.overrides = overrides
    facts = file.modules[state.container]
    sources = [json, facts?.settings].compactMap { $0 } + file.settings
  }

  func setting<Value>(_ get: (ModelSettings) -> Value?) -> Value? {
    for source in sources {
      if let value = get(source) { return value }
    }
    return nil
  }

  var modelType: String? { setting { $0.string("model_type") } ?? facts?.className }

  /// GPT-2's tokens, and the multiple of 64 to which nanoGPT rounds them up for speed.
  private static let vocabulary = 50257
  private static let paddedVocabulary = 50304

  mutating func makeConfig() throws(GPT2Error) -> GPT2Config {
    try refuseUnsupportedSettings()
    let embedding = try matrix(.tokenEmbedding)
    let positions = try matrix(.positionEmbedding)
    let inner = try matrix(.block(0, .mlpInputWeight))
    let width = embedding[1]
    var vocabularySize = embedding[0]
    if state.table.orientation == .byShape, !map.isConv1D, vocabularySize == Self.paddedVocabulary,
      map.shape(of: .headWeight).map({ $0 == embedding }) ?? true
    {
      vocabularySize = Self.vocabulary
      map.cutVocabulary(to: vocabularySize)
      notes.append(
        "\(Self.paddedVocabulary - Self.vocabulary) rows that nanoGPT pads the vocabulary with were dropped")
    }
    var config = GPT2Config(
      vocabularySize: vocabularySize, contextLength: positions[0], width: width, layers: map.layers,
      heads: try headCount(width: width), innerWidth: inner[0])
    if let epsilon = setting({ $0.double("layer_norm_epsilon") }) { config.layerNormEpsilon = Float(epsilon) }
    config.activation = try activation()
    try compare(config)
    try config.validate()
    return config
  }

  private func matrix(_ tensor: ModelTensor) throws(GPT2Error) -> [Int] {
    guard let shape = map.shape(of: tensor), shape.count == 2 else {
      throw GPT2Error(.notGPT2, "\(map.names(of: tensor)) is no matrix")
    }
    return shape
  }

  /// What changes the mathematics and is not built here.
  private func refuseUnsupportedSettings() throws(GPT2Error) {
    for (name, allowed) in [
      ("scale_attn_weights", true), ("scale_attn_by_inverse_layer_idx", false),
      ("add_cross_attention", false),
    ] {
      guard let source = sources.first(where: { $0.bool(name) == !allowed }) else { continue }
      throw GPT2Error(
        .unsupportedFormat, "\(source.source) sets \(name) to \(!allowed); only \(allowed) is supported")
    }
  }

  /// Settings that contradict the tensors mean that something does not belong together.
  private func compare(_ config: GPT2Config) throws(GPT2Error) {
    let pairs: [(Int, [String])] = [
      (config.layers, ["n_layer", "n_layers"]), (config.width, ["n_embd", "emb_dim"]),
      (config.contextLength, ["n_positions", "block_size", "context_length"]),
      (config.innerWidth, ["n_inner"]),
    ]
    guard let source = sources.first(where: { $0.int("n_layer", "n_layers") != nil }) else { return }
    for (value, names) in pairs {
      for name in names {
        guard let said = source.int(name), said != value else { continue }
        throw GPT2Error(.notGPT2, "\(source.source) says \(name) is \(said), but the tensors have \(value)")
      }
    }
  }

  private mutating func headCount(width: Int) throws(GPT2Error) -> Int {
    if let heads = overrides.heads { return try checked(heads, width, "N_HEAD (--n-head)") }
    for source in sources {
      guard let heads = source.int("n_head", "n_heads", "num_heads", "num_attention_heads") else { continue }
      return try checked(heads, width, source.source)
    }
    if let counts = facts?.headCounts, let heads = counts.first {
      guard counts.count == 1 else {
        throw GPT2Error(
          .notGPT2, "the model object's blocks have different numbers of heads: \(counts.sorted())")
      }
      return try checked(heads, width, "the model object")
    }
    if let name = overrides.modelName, let size = CheckpointOverrides.sizes[name], size.width == width {
      notes.append("\(size.heads) heads, those of \(name); the file does not say how many")
      return size.heads
    }
    guard width > 0, width.isMultiple(of: 64) else {
      throw GPT2Error(
        .notGPT2,
        "the file does not say how many attention heads the model has, and its width of \(width) is no "
          + "multiple of 64 to guess from. Set N_HEAD (--n-head)")
    }
    notes.append(
      "\(width / 64) heads were assumed (64 wide, as in OpenAI's models); the file does not say how many. "
        + "If there are more or fewer, set N_HEAD (--n-head)")
    return width / 64
  }

  private mutating func checked(_ heads: Int, _ width: Int, _ source: String) throws(GPT2Error) -> Int {
    guard heads > 0, width.isMultiple(of: heads) else {
      throw GPT2Error(.notGPT2, "\(source) says \(heads) heads, which do not divide the width \(width)")
    }
    notes.append("\(heads) heads, from \(source)")
    return heads
  }

  /// Whether the file is of nanoGPT, which uses the exact GELU.
  private var isNanoGPT: Bool {
    state.table.orientation == .byShape && !map.isConv1D
      && (file.settings.contains { $0.source == "model_args" } || facts?.geluKinds == ["none"])
  }

  private mutating func activation() throws(GPT2Error) -> GPT2Config.Activation {
    if let activation = overrides.activation { return activation }
    if let name = setting({ $0.string("activation_function") }) {
      switch name {
      case "gelu_new", "gelu_pytorch_tanh", "gelu_fast", "gelu_python_tanh": return .geluTanh
      case "gelu", "gelu_python": return .geluErf
      default:
        throw GPT2Error(
          .unsupportedFormat,
          "activation_function is \(name); allowed are gelu_new, gelu_pytorch_tanh and gelu")
      }
    }
    guard state.table.orientation == .byShape, !map.isConv1D else { return .geluTanh }
    if isNanoGPT {
      notes.append("the exact GELU of nanoGPT")
      return .geluErf
    }
    notes.append(
      "the tanh form of GELU was assumed; the file does not say which form it was trained with. "
        + "If it was the exact form, set ACTIVATION (--activation)")
    return .geluTanh
  }

  // MARK: Head

  mutating func makeHead(_ config: GPT2Config) throws(GPT2Error) -> ModelHead {
    guard let head = map.parts[.headWeight]?.first, let embedding = map.parts[.tokenEmbedding]?.first else {
      return .languageModel(tied: true)
    }
    guard head.shape.count == 2, let outputs = head.shape.first else {
      throw GPT2Error(.notGPT2, "\(head.name) has the shape \(head.shape); a matrix is needed")
    }
    let hasBias = map.parts[.headBias] != nil
    if head.key.hasSuffix("score.weight") || outputs != config.vocabularySize {
      guard !head.key.hasSuffix("lm_head.weight") else {
        throw GPT2Error(
          .notGPT2, "\(head.name) has \(outputs) rows, the token embedding \(config.vocabularySize)")
      }
      return .classifier(labels: try labels(outputs), bias: hasBias)
    }
    guard !hasBias else {
      throw GPT2Error(.unsupportedFormat, "the head of the language model has a bias, which GPT-2 has not")
    }
    let tied = try head.hasSameValues(as: embedding)
    if !tied { notes.append("the head has weights of its own (not tied to the token embedding)") }
    return .languageModel(tied: tied)
  }

  private mutating func labels(_ count: Int) throws(GPT2Error) -> [String] {
    guard (1...4096).contains(count) else { throw GPT2Error(.notGPT2, "a classifier of \(count) labels") }
    if let labels = overrides.labels {
      guard labels.count == count else {
        throw GPT2Error(.invalidArgument, "\(labels.count) labels were set; the classifier has \(count)")
      }
      return labels
    }
    if let names = setting({ $0.object("id2label") }), names.count == count {
      let labels = (0..<count).compactMap { (index: Int) -> String? in
        guard case .string(let text) = names[String(index)] else { return nil }
        return text
      }
      if labels.count == count { return labels }
    }
    if count == 2 {
      notes.append("labels \"not spam\" and \"spam\", in this order; the file names none")
      return ["not spam", "spam"]
    }
    notes.append("the file names no labels")
    return (0..<count).map { "LABEL_\($0)" }
  }

  // MARK: Description

  func format(_ head: ModelHead) -> String {
    var family = state.table.family
    if state.table.orientation == .byShape {
      if !map.isConv1D {
        family = isNanoGPT ? "nanoGPT" : "minGPT or nanoGPT"
      } else if case .classifier = head {
        family = "Hugging Face GPT2ForSequenceClassification"
      } else {
        let isBase = state.tensors.allSatisfy { !$0.tensor.key.contains("transformer.") }
        family = isBase ? "Hugging Face GPT2Model" : "Hugging Face GPT2LMHeadModel"
      }
    } else if case .classifier(let labels, _) = head {
      family += " classifier of \(labels.count) labels"
    }
    let form =
      facts.map { "whole model object \($0.className)" } ?? "state dict"
    let place = state.container.isEmpty ? "" : " in \"\(state.container)\""
    return "\(family), \(form)\(place), \(file.format)"
  }
}
