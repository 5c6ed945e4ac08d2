import FoundationEssentials
import GPT2
import Testing

@Suite("Files of tensors")
struct CheckpointFileTests {
  struct Expected: Decodable {
    var dtype: String
    var shape: [Int]
    var bytes: [UInt8]
  }

  @Test("types, strides and shapes of every kind give PyTorch's bytes")
  func bytesAreThoseOfPyTorch() throws {
    let expected = try JSONDecoder().decode(
      [String: Expected].self, from: Data(CheckpointFixture.data("dtypes.json")))
    let file = try CheckpointFile.open(path: CheckpointFixture.path("dtypes.pth"))
    #expect(file.format == "torch-zip")
    #expect(file.tensors.map(\.name).sorted() == expected.keys.sorted())
    for tensor in file.tensors {
      let wanted = try #require(expected[tensor.name])
      #expect(tensor.dtype == wanted.dtype)
      #expect(tensor.shape == wanted.shape)
      #expect(try tensor.bytes() == wanted.bytes, "\(tensor.name)")
      var pieces: [UInt8] = []
      try tensor.forEachPiece { pieces += $0 }
      #expect(pieces == wanted.bytes, "\(tensor.name)")
    }
    #expect(try file.floats(of: "stepped") == [1, 3, 11, 13])
    #expect(try file.floats(of: "nested.0.inner") == [1, 0])
  }

  @Test("pieces of a large transposed tensor are those of the whole")
  func piecesJoinToTheWhole() throws {
    let tensors = ["large": SafetensorsWriter.Tensor(shape: [1100, 2003])]
    let file = try TemporaryFile(SafetensorsWriter.bytes(tensors))
    let tensor = try #require(try CheckpointFile.open(path: file.path).tensors.first)
    let whole = try tensor.bytes()
    var pieces: [UInt8] = []
    var count = 0
    try tensor.forEachPiece {
      pieces += $0
      count += 1
    }
    #expect(count > 1)
    #expect(pieces == whole)
    #expect(try tensor.floats() == tensors["large"]?.values)
  }

  static let sharedFixtures = URL(filePath: CheckpointFixture.directory)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent()
    .appending(path: "shared/data/torch-fixtures").path

  @Test(
    "files of other projects and PyTorch versions are read as torch.load reads them",
    .enabled(
      if: FileManager.default.fileExists(atPath: sharedFixtures + "/expected.json"),
      "shared/data/torch-fixtures is not beside the checkout"))
  func sharedFixturesAreReadAsTorchReadsThem() throws {
    struct Tensor: Decodable {
      var dtype: String
      var shape: [Int]
      var values: [Number]?
      var quantized: Bool?
    }
    struct File: Decodable { var tensors: [String: Tensor] }
    let json = try Data(contentsOf: URL(filePath: Self.sharedFixtures + "/expected.json"))
    let files = try JSONDecoder().decode([String: File].self, from: json)
    #expect(files.count > 30)
    for (name, expected) in files {
      let file = try CheckpointFile.open(path: "\(Self.sharedFixtures)/\(name)")
      #expect(file.tensors.map(\.name).sorted() == expected.tensors.keys.sorted(), "\(name)")
      for tensor in file.tensors {
        let wanted = try #require(expected.tensors[tensor.name])
        if wanted.quantized == true {
          #expect(tensor.refusal != nil)
          continue
        }
        #expect(tensor.dtype == "torch.\(wanted.dtype)")
        #expect(tensor.shape == wanted.shape)
        let values = try tensor.floats().map { $0.isNaN ? "nan" : "\($0)" }
        #expect(
          values == wanted.values?.map { $0.value.isNaN ? "nan" : "\($0.value)" }, "\(name) \(tensor.name)")
      }
    }
  }

  /// A number, a boolean, or "nan", "inf", "-inf", as f32.
  struct Number: Decodable {
    var value: Float

    init(from decoder: any Decoder) throws {
      let container = try decoder.singleValueContainer()
      if let flag = try? container.decode(Bool.self) {
        value = flag ? 1 : 0
      } else if let number = try? container.decode(Double.self) {
        value = Float(number)
      } else {
        value = try #require(Float(try container.decode(String.self)))
      }
    }
  }
}
