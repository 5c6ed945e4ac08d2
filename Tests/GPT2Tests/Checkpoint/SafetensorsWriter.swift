import FoundationEssentials

/// Writes safetensors as the format's page says, independent of the reader under test.
enum SafetensorsWriter {
  struct Tensor {
    var shape: [Int]
    var values: [Float]

    init(shape: [Int]) {
      self.shape = shape
      values = (0..<shape.reduce(1, *)).map { Float($0 % 13) * 0.125 - 0.75 }
    }
  }

  static func bytes(_ tensors: [String: Tensor]) -> [UInt8] {
    var entries: [String] = []
    var data: [UInt8] = []
    for (name, tensor) in tensors.sorted(by: { $0.key < $1.key }) {
      let begin = data.count
      for value in tensor.values {
        withUnsafeBytes(of: value.bitPattern.littleEndian) { data.append(contentsOf: $0) }
      }
      entries.append(
        #""\#(name)":{"dtype":"F32","shape":\#(tensor.shape),"data_offsets":[\#(begin),\#(data.count)]}"#)
    }
    return file(header: "{\(entries.joined(separator: ","))}", data: data)
  }

  static func file(header: String, data: [UInt8]) -> [UInt8] {
    withUnsafeBytes(of: UInt64(header.utf8.count).littleEndian) { Array($0) } + Array(header.utf8) + data
  }

  /// One block with Hugging Face's names, and a vocabulary of `rows`; `linear` is nanoGPT's orientation.
  static func gpt2Tensors(width: Int, rows: Int = 9, linear: Bool = false) -> [String: Tensor] {
    var tensors: [String: Tensor] = [
      "wte.weight": .init(shape: [rows, width]), "wpe.weight": .init(shape: [4, width]),
      "h.0.attn.c_attn.weight": .init(shape: [width, 3 * width]),
      "h.0.attn.c_attn.bias": .init(shape: [3 * width]),
      "h.0.attn.c_proj.weight": .init(shape: [width, width]),
      "h.0.mlp.c_fc.weight": .init(shape: [width, 8]), "h.0.mlp.c_fc.bias": .init(shape: [8]),
      "h.0.mlp.c_proj.weight": .init(shape: [8, width]),
    ]
    for name in ["h.0.ln_1", "h.0.ln_2", "ln_f"] {
      tensors["\(name).weight"] = .init(shape: [width])
      tensors["\(name).bias"] = .init(shape: [width])
    }
    tensors["h.0.attn.c_proj.bias"] = .init(shape: [width])
    tensors["h.0.mlp.c_proj.bias"] = .init(shape: [width])
    for name in ["h.0.attn.c_attn.weight", "h.0.mlp.c_fc.weight", "h.0.mlp.c_proj.weight"] where linear {
      tensors[name]?.shape.reverse()
    }
    return tensors
  }

  /// The names of the book's `GPTModel`; `layers` is its word for the layers of the MLP.
  static func raschkaTensors(width: Int, blocks: Int, layers: String) -> [String: Tensor] {
    var tensors: [String: Tensor] = [
      "tok_emb.weight": .init(shape: [9, width]), "pos_emb.weight": .init(shape: [4, width]),
      "final_norm.scale": .init(shape: [width]), "final_norm.shift": .init(shape: [width]),
    ]
    for block in (0..<blocks).map({ "trf_blocks.\($0)" }) {
      for name in ["W_query", "W_key", "W_value", "out_proj"] {
        tensors["\(block).att.\(name).weight"] = .init(shape: [width, width])
        tensors["\(block).att.\(name).bias"] = .init(shape: [width])
      }
      for name in ["norm1.scale", "norm1.shift", "norm2.scale", "norm2.shift", "ff.\(layers).2.bias"] {
        tensors["\(block).\(name)"] = .init(shape: [width])
      }
      tensors["\(block).ff.\(layers).0.weight"] = .init(shape: [8, width])
      tensors["\(block).ff.\(layers).0.bias"] = .init(shape: [8])
      tensors["\(block).ff.\(layers).2.weight"] = .init(shape: [width, 8])
    }
    return tensors
  }

  static func gpt2(width: Int, rows: Int = 9) -> [UInt8] { bytes(gpt2Tensors(width: width, rows: rows)) }
}
