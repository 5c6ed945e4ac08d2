extension Model {
  /// The bytes of weights that one step of one token reads: all but the rows of the embeddings that no token
  /// stands at.
  package var weightBytesPerStep: Int {
    let positions = 4 * config.contextLength * config.width
    guard case .languageModel(tied: true) = head else {
      let tokens = PackedMatrix.packedBytes(
        quantization, inputs: config.width, outputs: config.vocabularySize)
      return weightsBytes - positions - tokens
    }
    return weightsBytes - positions
  }
}
