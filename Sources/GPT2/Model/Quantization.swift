/// How a model file stores the weights of the linear layers; everything else stays in f32.
package enum Quantization: String, Sendable, CaseIterable {
  /// 8-bit weights in blocks of 64 inputs; activations become 8 bits per token as they run.
  case int8
  /// 4-bit weights in blocks of 32 inputs, for twice the speed of a single sequence at a loss that can be measured.
  case int4
  /// The reference: 32-bit floats throughout.
  case f32
}
