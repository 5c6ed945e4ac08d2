/// How a model file stores the weights of the linear layers; everything else stays in f32.
package enum Quantization: String, Sendable, CaseIterable {
  /// Symmetric 8-bit weights, one scale per output channel; activations become 8 bits per token as they run.
  case int8
  /// The reference: 32-bit floats throughout.
  case f32
}
