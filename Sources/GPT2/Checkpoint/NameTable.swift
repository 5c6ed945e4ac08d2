/// How one family of GPT-2 implementations names its tensors. A new family is a new table.
struct NameTable: Sendable {
  /// Which of a model's tensors a name stands for, for every block at once.
  enum Slot: Hashable, Sendable {
    case tokenEmbedding, positionEmbedding, finalNormWeight, finalNormBias, headWeight, headBias
    case block(ModelTensor.Block)

    /// Whether the tensor is a linear layer's matrix, to which `orientation` applies.
    var isBlockMatrix: Bool {
      switch self {
      case .block(.attentionInputWeight), .block(.attentionOutputWeight), .block(.mlpInputWeight),
        .block(.mlpOutputWeight):
        true
      default: false
      }
    }

    func tensor(layer: Int) -> ModelTensor {
      switch self {
      case .tokenEmbedding: .tokenEmbedding
      case .positionEmbedding: .positionEmbedding
      case .finalNormWeight: .finalNormWeight
      case .finalNormBias: .finalNormBias
      case .headWeight: .headWeight
      case .headBias: .headBias
      case .block(let tensor): .block(layer, tensor)
      }
    }
  }

  /// What a name stands for: a tensor, or the first, second or third third of its rows (q, k, v).
  struct Meaning: Hashable, Sendable {
    var slot: Slot
    var third: Int?

    static func whole(_ slot: Slot) -> Meaning { Meaning(slot: slot, third: nil) }
    static func block(_ tensor: ModelTensor.Block) -> Meaning { Meaning(slot: .block(tensor), third: nil) }
    static func third(_ index: Int, _ tensor: ModelTensor.Block) -> Meaning {
      Meaning(slot: .block(tensor), third: index)
    }
  }

  /// How the block's matrices lie in the file.
  enum Orientation: Sendable {
    /// `nn.Linear`.
    case outputInput
    /// Conv1D `[in, out]` or `nn.Linear`, to be told from the shape of the fused q, k and v, which is
    /// never square.
    case byShape
  }

  let family: String
  /// A model has all of these names, `#` being 0, and no other family has them all.
  let signature: [String]
  /// A part of the path that all names except the head's may have in front.
  let optionalPrefix: String
  let orientation: Orientation
  /// By the name with `#` for the number of the block.
  let names: [String: Meaning]
  /// Causal masks, which are no parameters.
  let masks: Set<String>

  /// The name with its first whole number as `#`, and that number: "h.3.ln_1.weight" gives
  /// "h.#.ln_1.weight", 3.
  static func pattern(of key: String) -> (pattern: String, layer: Int) {
    var parts = key.split(separator: ".", omittingEmptySubsequences: false)
    guard
      let index = parts.firstIndex(where: { !$0.isEmpty && $0.utf8.allSatisfy { (48...57).contains($0) } }),
      let layer = Int(parts[index])
    else { return (key, 0) }
    parts[index] = "#"
    return (parts.joined(separator: "."), layer)
  }

  /// The name as this table knows it.
  func normalized(_ key: String) -> String {
    !optionalPrefix.isEmpty && key.hasPrefix(optionalPrefix)
      ? String(key.dropFirst(optionalPrefix.count)) : key
  }

  /// The tensor that a slot stands for, or its thirds in their order.
  func meanings(of slot: Slot) -> [Meaning] {
    Set(names.values.filter { $0.slot == slot }).sorted { ($0.third ?? 0) < ($1.third ?? 0) }
  }

  func matches(_ keys: Set<String>) -> Bool {
    signature.allSatisfy { name in
      let key = name.replacing("#", with: "0")
      return keys.contains(key) || (!optionalPrefix.isEmpty && keys.contains(optionalPrefix + key))
    }
  }

  /// The family whose model has these names.
  static func complete(_ keys: [String]) -> NameTable? {
    let keys = Set(keys)
    return all.first { $0.matches(keys) }
  }

  /// The family that knows the most of these names, if that is more than half of them.
  static func nearest(_ keys: [String]) -> NameTable? {
    let counts = all.map { table in
      (table: table, known: keys.count { table.knows(pattern(of: table.normalized($0)).pattern) })
    }
    guard let best = counts.max(by: { $0.known < $1.known }), 2 * best.known > keys.count else { return nil }
    return best.table
  }

  private func knows(_ pattern: String) -> Bool { names[pattern] != nil || masks.contains(pattern) }
}

extension NameTable {
  /// Best first: a table comes before another whose signature it implies.
  static let all: [NameTable] = [huggingFace, raschka, raschkaFast]

  /// `transformers`, nanoGPT and minGPT share the names and differ in the orientation.
  static let huggingFace = NameTable(
    family: "Hugging Face GPT-2",
    signature: ["wte.weight", "h.#.attn.c_attn.weight"],
    optionalPrefix: "transformer.",
    orientation: .byShape,
    names: [
      "wte.weight": .whole(.tokenEmbedding),
      "wpe.weight": .whole(.positionEmbedding),
      "h.#.ln_1.weight": .block(.norm1Weight),
      "h.#.ln_1.bias": .block(.norm1Bias),
      "h.#.attn.c_attn.weight": .block(.attentionInputWeight),
      "h.#.attn.c_attn.bias": .block(.attentionInputBias),
      "h.#.attn.c_proj.weight": .block(.attentionOutputWeight),
      "h.#.attn.c_proj.bias": .block(.attentionOutputBias),
      "h.#.ln_2.weight": .block(.norm2Weight),
      "h.#.ln_2.bias": .block(.norm2Bias),
      "h.#.mlp.c_fc.weight": .block(.mlpInputWeight),
      "h.#.mlp.c_fc.bias": .block(.mlpInputBias),
      "h.#.mlp.c_proj.weight": .block(.mlpOutputWeight),
      "h.#.mlp.c_proj.bias": .block(.mlpOutputBias),
      "ln_f.weight": .whole(.finalNormWeight),
      "ln_f.bias": .whole(.finalNormBias),
      "lm_head.weight": .whole(.headWeight),
      "score.weight": .whole(.headWeight),
    ],
    masks: ["h.#.attn.bias", "h.#.attn.masked_bias"])

  /// "Build a Large Language Model (From Scratch)": `GPTModel`, also with `ff.layer` for `ff.layers`.
  static let raschka = NameTable(
    family: "Raschka GPTModel",
    signature: ["tok_emb.weight", "trf_blocks.#.att.W_query.weight"],
    optionalPrefix: "",
    orientation: .outputInput,
    names: raschkaCommon.merging([
      "trf_blocks.#.norm1.scale": .block(.norm1Weight),
      "trf_blocks.#.norm1.shift": .block(.norm1Bias),
      "trf_blocks.#.att.W_query.weight": .third(0, .attentionInputWeight),
      "trf_blocks.#.att.W_query.bias": .third(0, .attentionInputBias),
      "trf_blocks.#.att.W_key.weight": .third(1, .attentionInputWeight),
      "trf_blocks.#.att.W_key.bias": .third(1, .attentionInputBias),
      "trf_blocks.#.att.W_value.weight": .third(2, .attentionInputWeight),
      "trf_blocks.#.att.W_value.bias": .third(2, .attentionInputBias),
      "trf_blocks.#.att.out_proj.weight": .block(.attentionOutputWeight),
      "trf_blocks.#.att.out_proj.bias": .block(.attentionOutputBias),
      "trf_blocks.#.norm2.scale": .block(.norm2Weight),
      "trf_blocks.#.norm2.shift": .block(.norm2Bias),
      "trf_blocks.#.ff.layer.0.weight": .block(.mlpInputWeight),
      "trf_blocks.#.ff.layer.0.bias": .block(.mlpInputBias),
      "trf_blocks.#.ff.layer.2.weight": .block(.mlpOutputWeight),
      "trf_blocks.#.ff.layer.2.bias": .block(.mlpOutputBias),
      "final_norm.scale": .whole(.finalNormWeight),
      "final_norm.shift": .whole(.finalNormBias),
    ]) { first, _ in first },
    masks: ["trf_blocks.#.att.mask"])

  /// `GPTModelFast` of the same book's package.
  static let raschkaFast = NameTable(
    family: "Raschka GPTModelFast",
    signature: ["tok_emb.weight", "trf_blocks.#.att.qkv.weight"],
    optionalPrefix: "",
    orientation: .outputInput,
    names: raschkaCommon.merging([
      "trf_blocks.#.norm1.weight": .block(.norm1Weight),
      "trf_blocks.#.norm1.bias": .block(.norm1Bias),
      "trf_blocks.#.att.qkv.weight": .block(.attentionInputWeight),
      "trf_blocks.#.att.qkv.bias": .block(.attentionInputBias),
      "trf_blocks.#.att.proj.weight": .block(.attentionOutputWeight),
      "trf_blocks.#.att.proj.bias": .block(.attentionOutputBias),
      "trf_blocks.#.norm2.weight": .block(.norm2Weight),
      "trf_blocks.#.norm2.bias": .block(.norm2Bias),
      "final_norm.weight": .whole(.finalNormWeight),
      "final_norm.bias": .whole(.finalNormBias),
    ]) { first, _ in first },
    masks: [])

  private static let raschkaCommon: [String: Meaning] = [
    "tok_emb.weight": .whole(.tokenEmbedding),
    "pos_emb.weight": .whole(.positionEmbedding),
    "trf_blocks.#.ff.layers.0.weight": .block(.mlpInputWeight),
    "trf_blocks.#.ff.layers.0.bias": .block(.mlpInputBias),
    "trf_blocks.#.ff.layers.2.weight": .block(.mlpOutputWeight),
    "trf_blocks.#.ff.layers.2.bias": .block(.mlpOutputBias),
    "out_head.weight": .whole(.headWeight),
    "out_head.bias": .whole(.headBias),
  ]

  /// Parts of names that tell a known kind of checkpoint that is refused, with the reason.
  static let refused: [(part: String, reason: String)] = [
    ("lora_magnitude_vector", "a DoRA adapter, which is not supported. Merge it into its base model first"),
    ("lora_A", "a LoRA adapter. Merge it into its base model (merge_and_unload) and save that"),
    ("lora.A", "a model with unmerged LoRA layers. Merge them into the linear layers first"),
    ("_packed_params", "a quantized model of PyTorch. Save the model before its quantization"),
    (".zero_point", "a quantized model of PyTorch. Save the model before its quantization"),
    (".qweight", "a quantized (GPTQ or AWQ) model. Take the unquantized one"),
    (".absmax", "a quantized (bitsandbytes) model. Take the unquantized one"),
    (".SCB", "a quantized (bitsandbytes) model. Take the unquantized one"),
    ("model/wte", "OpenAI's TensorFlow names. Convert it to PyTorch with transformers first"),
    ("model/h0/", "OpenAI's TensorFlow names. Convert it to PyTorch with transformers first"),
    ("crossattention", "a GPT-2 with cross-attention, which is not supported"),
    (
      "multiple_choice_head.",
      "a GPT2DoubleHeadsModel; only language models and sequence classifiers are read"
    ),
    ("qa_outputs.", "a GPT2ForQuestionAnswering; only language models and sequence classifiers are read"),
    (
      "classifier.weight",
      "a GPT2ForTokenClassification; only language models and sequence classifiers are read"
    ),
  ]
}
