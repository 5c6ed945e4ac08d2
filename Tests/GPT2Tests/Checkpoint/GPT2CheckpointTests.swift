import FoundationEssentials
import GPT2
import Testing

@Suite("GPT-2 checkpoints")
struct GPT2CheckpointTests {
  static let names = [
    "hf-state-dict.pth", "hf-container.pth", "hf-base.safetensors", "hf-object.pth",
    "hf-shared-name.safetensors",
    "hf-classifier", "hf-parts", "raschka-column-major.pth", "raschka-training.pth", "raschka-object.pth",
    "raschka-spam.pth", "raschka-legacy.pth", "raschka-fast.safetensors", "nanogpt.pt", "mingpt.pt",
  ]

  @Test("every form gives exactly the numbers that PyTorch put in", arguments: names)
  func everyFormGivesTheSameModel(name: String) throws {
    let fixture = try CheckpointFixture()
    let expected = try #require(fixture.reference.files[name])
    let overrides = CheckpointOverrides(heads: expected.overrideHeads ? expected.heads : nil)
    let checkpoint = try GPT2Checkpoint(path: CheckpointFixture.path(name), overrides: overrides)
    let config = checkpoint.config
    #expect(config.heads == expected.heads)
    #expect(config.width == fixture.reference.config["width"])
    #expect(config.layers == fixture.reference.config["layers"])
    #expect(config.vocabularySize == fixture.reference.config["vocabulary"])
    #expect(config.contextLength == fixture.reference.config["context"])
    #expect(config.innerWidth == 4 * config.width)
    #expect(config.activation.rawValue == expected.activation ?? "gelu_tanh")
    #expect(checkpoint.format == expected.format)
    switch checkpoint.head {
    case .languageModel(let tied):
      #expect(expected.head == (tied ? "tied" : "untied"))
    case .classifier(let labels, let bias):
      #expect(labels == expected.labels)
      #expect(bias == (expected.head == "spam"))
      #expect(try checkpoint.values(of: .headBias) == fixture.expected(.headBias, expected))
    }
    for tensor in CheckpointFixture.allTensors(layers: config.layers) {
      #expect(try checkpoint.values(of: tensor) == fixture.expected(tensor, expected), "\(tensor)")
    }
  }

  @Test("the list of fixtures is complete")
  func fixturesAreAllTested() throws {
    #expect(try CheckpointFixture().reference.files.keys.sorted() == Self.names.sorted())
  }

  @Test("a model directory gives its tokenizer files, padding and end-of-text ids")
  func directoryGivesItsSettings() throws {
    let checkpoint = try GPT2Checkpoint(path: CheckpointFixture.path("hf-classifier"))
    #expect(checkpoint.padTokenID == 9)
    #expect(checkpoint.endOfTextID == 7)
    #expect(checkpoint.modelType == "gpt2")
    let files = try #require(checkpoint.tokenizerFiles)
    #expect(files.vocabulary.hasSuffix("hf-classifier/vocab.json"))
    #expect(files.merges.hasSuffix("hf-classifier/merges.txt"))
    let byFile = try GPT2Checkpoint(path: CheckpointFixture.path("hf-classifier/model.safetensors"))
    #expect(byFile.padTokenID == 9)
  }

  @Test(
    "the number of heads is the setting's, else the file's, else the model name's, else 64 wide with a note")
  func headsAreResolvedInOrder() throws {
    let path = CheckpointFixture.path("hf-container.pth")
    #expect(try GPT2Checkpoint(path: path, overrides: .init(heads: 2)).config.heads == 2)
    #expect(try GPT2Checkpoint(path: path).config.heads == 3)
    #expect(try GPT2Checkpoint(path: CheckpointFixture.path("raschka-object.pth")).config.heads == 3)
    let unknown = try #require(
      checkpointError { try GPT2Checkpoint(path: CheckpointFixture.path("raschka-spam.pth")) })
    #expect(unknown.code == .notGPT2)
    #expect(unknown.message.contains("Set N_HEAD (--n-head)"))

    let wide = try TemporaryFile(SafetensorsWriter.gpt2(width: 128))
    let guessed = try GPT2Checkpoint(path: wide.path)
    #expect(guessed.config.heads == 2)
    #expect(
      guessed.notes.contains { $0.contains("2 heads were assumed") && $0.contains("set N_HEAD (--n-head)") })
    let misnamed = try GPT2Checkpoint(path: wide.path, overrides: .init(modelName: "gpt2-medium"))
    #expect(misnamed.config.heads == 2)
    #expect(misnamed.notes == guessed.notes)
    let odd = try #require(
      checkpointError { try GPT2Checkpoint(path: wide.path, overrides: .init(heads: 3)) })
    #expect(odd.message.contains("N_HEAD (--n-head) says 3 heads, which do not divide the width 128"))
  }

  @Test("a model name gives the heads of OpenAI's sizes")
  func modelNameGivesHeads() throws {
    let file = try TemporaryFile(SafetensorsWriter.gpt2(width: 1024, rows: 3))
    let checkpoint = try GPT2Checkpoint(path: file.path, overrides: .init(modelName: "gpt2-medium"))
    #expect(checkpoint.config.heads == 16)
    #expect(checkpoint.notes.contains { $0.contains("those of gpt2-medium") })
  }

  @Test("a missing, an unexpected and a misshapen tensor are refused by name")
  func wrongTensorsAreNamed() throws {
    let cases: [(change: (inout [String: SafetensorsWriter.Tensor]) -> Void, says: String)] = [
      ({ $0["h.0.mlp.c_fc.weight"] = nil }, "h.0.mlp.c_fc.weight is missing"),
      ({ $0["h.0.ln_1.bias"] = nil }, "h.0.ln_1.bias is missing"),
      ({ $0["ln_f.weight"] = nil }, "ln_f.weight is missing"),
      ({ $0["h.1.mlp.c_fc.bias"] = .init(shape: [8]) }, "h.1.ln_1.weight and 10 more are missing"),
      (
        { $0["h.0.attn.rotary.freqs"] = .init(shape: [2]) },
        "h.0.attn.rotary.freqs is no tensor of a GPT-2 model"
      ),
      (
        { $0["h.0.ln_2.weight"] = .init(shape: [63]) },
        "h.0.ln_2.weight has the shape [63]; this model needs [64]"
      ),
      (
        { $0["h.0.attn.c_attn.weight"] = .init(shape: [64, 190]) },
        "h.0.attn.c_attn.weight has the shape [64, 190]; this model needs [64, 192]"
      ),
      (
        { $0["h.0.attn.c_proj.weight"] = .init(shape: [62, 64]) },
        "h.0.attn.c_proj.weight has the shape [62, 64]; this model needs [64, 64]"
      ),
      ({ $0["wte.weight"] = .init(shape: [64]) }, "wte.weight is no matrix"),
      ({ $0["wpe.weight"] = .init(shape: [4, 63]) }, "wpe.weight has the shape [4, 63]"),
      ({ $0["transformer.wte.weight"] = .init(shape: [9, 64]) }, "the same tensor of the model twice"),
      ({ $0["lm_head.weight"] = .init(shape: [8, 64]) }, "lm_head.weight has 8 rows, the token embedding 9"),
      ({ $0["h.2.ln_1.weight"] = .init(shape: [64]) }, "but h.1.ln_1.weight and"),
      ({ $0["h.0.attn.c_attn.lora_A.weight"] = .init(shape: [2, 64]) }, "a LoRA adapter"),
    ]
    for (change, says) in cases {
      var tensors = SafetensorsWriter.gpt2Tensors(width: 64)
      change(&tensors)
      let file = try TemporaryFile(SafetensorsWriter.bytes(tensors))
      let error = try #require(checkpointError { try GPT2Checkpoint(path: file.path) }, "\(says)")
      #expect(error.message.contains(says), "\(error.message)")
      #expect(error.message.hasPrefix(file.path))
    }
  }

  @Test("a missing tensor is named with the prefix of the file's other names, and so is their family")
  func missingTensorsHaveTheFilesPrefix() throws {
    for (missing, prefix) in [
      ("h.0.attn.c_attn.weight", "transformer."), ("wte.weight", "module.transformer."),
      ("h.0.mlp.c_fc.bias", "model."), ("h.0.attn.c_attn.weight", ""),
    ] {
      var tensors = SafetensorsWriter.gpt2Tensors(width: 64)
      for (name, tensor) in tensors where name.hasPrefix("h.0.") {
        tensors[name.replacing("h.0.", with: "h.1.")] = tensor
      }
      tensors[missing] = nil
      var named = Dictionary(uniqueKeysWithValues: tensors.map { (prefix + $0.key, $0.value) })
      named[prefix.replacing("transformer.", with: "") + "lm_head.weight"] = .init(shape: [9, 64])
      let file = try TemporaryFile(SafetensorsWriter.bytes(named))
      let error = try #require(checkpointError { try GPT2Checkpoint(path: file.path) })
      #expect(error.code == .notGPT2)
      #expect(
        error.message.hasSuffix("it has the names of Hugging Face GPT-2, but \(prefix)\(missing) is missing"))
    }
  }

  @Test("a missing tensor of the book's is named, be it one of query, key and value, as its neighbours are")
  func missingTensorsOfTheBook() throws {
    for (missing, layers) in [
      ("trf_blocks.0.att.W_query.weight", "layers"), ("trf_blocks.1.att.W_key.bias", "layers"),
      ("trf_blocks.1.ff.layers.0.bias", "layers"), ("trf_blocks.1.ff.layer.2.weight", "layer"),
    ] {
      var tensors = SafetensorsWriter.raschkaTensors(width: 64, blocks: 2, layers: layers)
      let whole = try TemporaryFile(SafetensorsWriter.bytes(tensors))
      #expect(try GPT2Checkpoint(path: whole.path).config.layers == 2)
      #expect(tensors.removeValue(forKey: missing) != nil)
      let file = try TemporaryFile(SafetensorsWriter.bytes(tensors))
      let error = try #require(checkpointError { try GPT2Checkpoint(path: file.path) })
      #expect(
        error.message.hasSuffix("names of Raschka GPTModel, but \(missing) is missing"), "\(error.message)")
    }
  }

  @Test("names that are mostly no family's are listed beside those that are known")
  func unknownNamesAreListed() throws {
    let names = ["wte.weight", "encoder.0.weight", "encoder.1.weight"]
    let tensors = Dictionary(uniqueKeysWithValues: names.map { ($0, SafetensorsWriter.Tensor(shape: [2])) })
    let file = try TemporaryFile(SafetensorsWriter.bytes(tensors))
    let error = try #require(checkpointError { try GPT2Checkpoint(path: file.path) })
    #expect(error.message.contains("its 3 tensors (encoder.0.weight, "))
  }

  @Test("a value that is not finite is refused with the tensor's name when it is read")
  func nonFiniteValuesAreRefused() throws {
    for bad in [Float.nan, .infinity, -.infinity] {
      var tensors = SafetensorsWriter.gpt2Tensors(width: 64)
      tensors["h.0.ln_2.bias"]?.values[5] = bad
      let file = try TemporaryFile(SafetensorsWriter.bytes(tensors))
      let checkpoint = try GPT2Checkpoint(path: file.path)
      #expect(try checkpoint.values(of: .block(0, .norm1Bias)).count == 64)
      let error = try #require(checkpointError { try checkpoint.values(of: .block(0, .norm2Bias)) })
      #expect(error.message.contains("h.0.ln_2.bias: value 5"))
    }
  }

  @Test("settings that contradict the tensors or change the mathematics are refused")
  func contradictingSettingsAreRefused() throws {
    for (json, says) in [
      (#"{"n_layer": 2, "n_head": 2}"#, "config.json says n_layer is 2, but the tensors have 1"),
      (#"{"n_layer": 1, "n_embd": 65, "n_head": 1}"#, "n_embd is 65"),
      (#"{"scale_attn_by_inverse_layer_idx": true}"#, "only false is supported"),
      (#"{"activation_function": "relu"}"#, "activation_function is relu"),
      (#"{"n_head": 5}"#, "config.json says 5 heads"),
      (#"{"n_head":"#, "config.json is not the JSON"),
    ] {
      let file = try TemporaryFile(SafetensorsWriter.gpt2(width: 64), name: "model.safetensors")
      let directory = URL(filePath: file.path).deletingLastPathComponent()
      try Data(json.utf8).write(to: directory.appending(path: "config.json"))
      let error = try #require(checkpointError { try GPT2Checkpoint(path: directory.path) }, "\(json)")
      #expect(error.message.contains(says), "\(error.message)")
    }
  }

  @Test("labels and activation can be set")
  func overridesWin() throws {
    let checkpoint = try GPT2Checkpoint(
      path: CheckpointFixture.path("raschka-spam.pth"),
      overrides: .init(heads: 3, activation: .geluErf, labels: ["good", "bad"]))
    #expect(checkpoint.head == .classifier(labels: ["good", "bad"], bias: true))
    #expect(checkpoint.config.activation == .geluErf)
  }

  @Test("of several models in one file the user chooses one")
  func severalModelsNeedAChoice() throws {
    let path = CheckpointFixture.path("hf-container.pth")
    #expect(try GPT2Checkpoint(path: path, overrides: .init(stateDictKey: "state_dict")).config.heads == 3)
    let error = try #require(
      checkpointError { try GPT2Checkpoint(path: path, overrides: .init(stateDictKey: "ema")) })
    #expect(error.message.contains("STATE_DICT_KEY (--state-dict-key) is \"ema\""))
    #expect(error.message.contains("\"state_dict\""))

    let file = try TemporaryFile(Self.twice(CheckpointFixture.data("raschka-legacy.pth")))
    let several = try #require(
      checkpointError { try GPT2Checkpoint(path: file.path, overrides: .init(heads: 3)) })
    #expect(several.message.contains("it holds 2 models, in \"a"), "\(several.message)")
    #expect(several.message.contains("Choose one with STATE_DICT_KEY (--state-dict-key)"))
  }

  /// The legacy file with its object under the keys "a" and "b" of a dictionary.
  private static func twice(_ file: [UInt8]) throws -> [UInt8] {
    func start(of pattern: [UInt8], from: Int) throws -> Int {
      try #require((from..<file.count - 4).first { file[$0...].starts(with: pattern) })
    }
    let system = try start(of: [0x80, 2], from: try start(of: [0x80, 2], from: 15) + 2)
    let object = try start(of: [0x2E, 0x80, 2], from: system) + 3
    let end = try start(of: [0x2E, 0x80, 2, 0x5D], from: object)
    let before: [UInt8] = [0x7D, 0x28, 0x58, 1, 0, 0, 0, UInt8(ascii: "a")]
    let after: [UInt8] = [
      0x72, 0, 0xF0, 0, 0, 0x58, 1, 0, 0, 0, UInt8(ascii: "b"), 0x6A, 0, 0xF0, 0, 0, 0x75,
    ]
    return file[..<object] + before + file[object..<end] + after + file[end...]
  }

  @Test("the rows that nanoGPT pads the vocabulary with are dropped")
  func paddedVocabularyIsCut() throws {
    var tensors = SafetensorsWriter.gpt2Tensors(width: 4, rows: 50304, linear: true)
    tensors["lm_head.weight"] = tensors["wte.weight"]
    let file = try TemporaryFile(SafetensorsWriter.bytes(tensors))
    let checkpoint = try GPT2Checkpoint(path: file.path, overrides: .init(heads: 2))
    #expect(checkpoint.config.vocabularySize == 50257)
    #expect(checkpoint.head == .languageModel(tied: true))
    #expect(
      try checkpoint.values(of: .tokenEmbedding)
        == Array(tensors["wte.weight"]?.values.prefix(50257 * 4) ?? []))
    #expect(checkpoint.notes.contains { $0.contains("47 rows") })
  }
}
