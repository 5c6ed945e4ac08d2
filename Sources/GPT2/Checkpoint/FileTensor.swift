/// A tensor that lies in a mapped file: where its elements are, without having read any.
///
/// Element `(i0, i1, …)` is at `start + (i0·strides[0] + i1·strides[1] + …)·elementType.size`. Everything
/// was checked against the storage when the value was made, so reading needs no more checks. Transposed
/// and narrowed views are the same type.
package struct FileTensor: Sendable {
  /// The dotted path in the file, as in `state_dict.transformer.wte.weight`.
  package let name: String
  /// As PyTorch prints it: `torch.float32`.
  package let dtype: String
  package private(set) var shape: [Int]
  /// Why the tensor can't be read (quantized, sparse, …), or nil; reading such a tensor throws this.
  package let refusal: String?

  /// The innermost dictionary or module tree that holds the tensor, as in `state_dict`, and the name in
  /// there.
  let container: String
  let key: String
  let file: MappedFile
  let elementType: ElementType
  /// In elements, none negative.
  private(set) var strides: [Int]
  /// The byte of the first element in the file.
  private(set) var start: Int

  /// The name in the file: `path` is the dotted path, made of the container's path and the key in there.
  struct Name {
    var path: String
    var container: String
    var key: String
  }

  /// Throws `corruptFile` if an element would lie outside `storage`, a range of bytes of the file.
  init(
    name: Name, file: MappedFile, type: ElementType, shape: [Int], strides: [Int], offset: Int,
    storage: Range<Int>
  ) throws(GPT2Error) {
    self.name = name.path
    self.container = name.container
    self.key = name.key
    self.file = file
    self.elementType = type
    self.dtype = type.torchName
    self.shape = shape
    self.strides = strides
    self.refusal = nil
    let problem = GPT2Error(
      .corruptFile,
      "tensor \(name.path): shape \(shape), strides \(strides) and offset \(offset) do not fit into its "
        + "storage of \(storage.count) bytes")
    guard shape.count == strides.count, offset >= 0, shape.allSatisfy({ $0 >= 0 }),
      strides.allSatisfy({ $0 >= 0 }), storage.lowerBound >= 0, storage.upperBound <= file.count,
      FileTensor.checkedProduct(shape) != nil
    else { throw problem }
    let elements = storage.count / type.size
    var last = offset
    if !shape.contains(0) {
      for (size, stride) in zip(shape, strides) {
        let (reach, overflow) = (size - 1).multipliedReportingOverflow(by: stride)
        let (sum, overflow2) = last.addingReportingOverflow(reach)
        guard !overflow, !overflow2 else { throw problem }
        last = sum
      }
      guard last < elements else { throw problem }
    } else {
      guard offset <= elements else { throw problem }
    }
    self.start = storage.lowerBound + offset * type.size
  }

  /// A tensor that is there but can't be read.
  init(name: Name, file: MappedFile, dtype: String, shape: [Int], refusal: String) {
    self.name = name.path
    self.container = name.container
    self.key = name.key
    self.file = file
    self.elementType = .uint8
    self.dtype = dtype
    self.shape = shape
    self.strides = shape.map { _ in 0 }
    self.start = 0
    self.refusal = refusal
  }

  /// The same elements under another name.
  init(_ other: FileTensor, named name: Name) {
    self.name = name.path
    self.container = name.container
    self.key = name.key
    self.file = other.file
    self.elementType = other.elementType
    self.dtype = other.dtype
    self.shape = other.shape
    self.strides = other.strides
    self.start = other.start
    self.refusal = other.refusal
  }

  /// The number of elements.
  package var count: Int { shape.reduce(1, &*) }

  /// The product if it fits into half of an `Int` (so that byte counts fit as well), with a 0 anywhere
  /// giving 0.
  static func checkedProduct(_ sizes: [Int]) -> Int? {
    var product = 1
    for size in sizes where size != 0 {
      let (next, overflow) = product.multipliedReportingOverflow(by: size)
      guard !overflow, next <= Int.max / 32 else { return nil }
      product = next
    }
    return sizes.contains(0) ? 0 : product
  }

  /// Rows become columns; no byte moves.
  func transposed() -> FileTensor {
    var view = self
    view.shape.reverse()
    view.strides.reverse()
    return view
  }

  /// The rows of the range along the first dimension.
  func rows(_ range: Range<Int>) -> FileTensor {
    guard let rows = shape.first, range.lowerBound >= 0, range.upperBound <= rows else { return self }
    var view = self
    view.shape[0] = range.count
    view.start += range.isEmpty ? 0 : range.lowerBound * strides[0] * elementType.size
    return view
  }

  /// Whether both are the same elements of the same file in the same order.
  func isSameMemory(as other: FileTensor) -> Bool {
    file === other.file && start == other.start && shape == other.shape && strides == other.strides
      && elementType == other.elementType
  }

  /// From the first to behind the last byte that an element uses.
  var extent: Range<Int> {
    guard !shape.contains(0) else { return start..<start }
    let last = zip(shape, strides).reduce(0) { $0 + ($1.0 - 1) * $1.1 }
    return start..<start + (last + 1) * elementType.size
  }
}
