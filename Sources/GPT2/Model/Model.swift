/// A model's weights and everything that is fixed about it, mapped from a `.gpt2` file and never changed.
///
/// Sendable because the pointers in `weights` lead only into `file`, which is mapped read-only and kept as
/// long as this object.
package final class Model: @unchecked Sendable {
  package let config: GPT2Config
  package let head: ModelHead
  package let quantization: Quantization
  package let metadata: ModelMetadata
  /// The tokenizer as it serialized itself; empty if the file has none.
  package let tokenizer: [UInt8]
  let weights: ModelWeights
  private let file: ModelFile

  /// The bytes of the file that hold weights.
  package var weightsBytes: Int { file.header.tensors.reduce(0) { $0 + $1.size } }

  /// Maps the file; `verifyingPayload` also reads and checks every byte of it.
  package static func load(path: String, verifyingPayload: Bool = false) throws(GPT2Error) -> Model {
    let file = try ModelFile(path: path)
    if verifyingPayload { try file.verifyPayload() }
    return Model(file, weights: try ModelWeights(file))
  }

  private init(_ file: ModelFile, weights: ModelWeights) {
    config = file.header.config
    head = file.header.head
    quantization = file.header.quantization
    metadata = file.header.metadata
    tokenizer = file.tokenizer
    self.weights = weights
    self.file = file
  }
}
