/// What the elements of a tensor in a checkpoint are, with PyTorch's names.
package enum ElementType: String, Sendable, CaseIterable {
  case float64, float32, float16, bfloat16
  case int64, int32, int16, int8, uint8, bool
  case uint64, uint32, uint16
  case complex128, complex64, complex32
  case float8E4M3 = "float8_e4m3fn"
  case float8E5M2 = "float8_e5m2"

  /// Bytes of one element.
  package var size: Int {
    switch self {
    case .complex128: 16
    case .float64, .int64, .uint64, .complex64: 8
    case .float32, .int32, .uint32, .complex32: 4
    case .float16, .bfloat16, .int16, .uint16: 2
    case .int8, .uint8, .bool, .float8E4M3, .float8E5M2: 1
    }
  }

  /// Whether the elements can be read as f32.
  var isReal: Bool {
    switch self {
    case .complex128, .complex64, .complex32, .float8E4M3, .float8E5M2: false
    default: true
    }
  }

  /// What `str(tensor.dtype)` prints.
  package var torchName: String { "torch.\(rawValue)" }

  /// The type behind a class such as `torch.FloatStorage`; nil for quantized and unknown ones.
  init?(storageClass name: String) {
    switch name {
    case "DoubleStorage": self = .float64
    case "FloatStorage": self = .float32
    case "HalfStorage": self = .float16
    case "BFloat16Storage": self = .bfloat16
    case "LongStorage": self = .int64
    case "IntStorage": self = .int32
    case "ShortStorage": self = .int16
    case "CharStorage": self = .int8
    case "ByteStorage": self = .uint8
    case "BoolStorage": self = .bool
    case "ComplexDoubleStorage": self = .complex128
    case "ComplexFloatStorage": self = .complex64
    default: return nil
    }
  }

  /// The type behind a safetensors `dtype`.
  init?(safetensorsName name: String) {
    switch name {
    case "F64": self = .float64
    case "F32": self = .float32
    case "F16": self = .float16
    case "BF16": self = .bfloat16
    case "I64": self = .int64
    case "I32": self = .int32
    case "I16": self = .int16
    case "I8": self = .int8
    case "U64": self = .uint64
    case "U32": self = .uint32
    case "U16": self = .uint16
    case "U8": self = .uint8
    case "BOOL": self = .bool
    case "F8_E4M3": self = .float8E4M3
    case "F8_E5M2": self = .float8E5M2
    case "C64": self = .complex64
    default: return nil
    }
  }
}
