import FoundationEssentials
import GPT2
import Testing

@Suite("Refused files")
struct RefusalTests {
  @Test("a file that is no checkpoint is refused with what it is and what is allowed")
  func otherKindsAreNamed() throws {
    var tar = [UInt8](repeating: 0x61, count: 512)
    tar.replaceSubrange(257..<262, with: Array("ustar".utf8))
    let cases: [(bytes: [UInt8], says: String)] = [
      (Array("Hello, I am no model.\n".utf8), "a text file"),
      (Array("<!DOCTYPE html><html>".utf8), "a web page"),
      (Array(#"{"n_layer": 12}"#.utf8), "a JSON text"),
      (Array("version https://git-lfs.github.com/spec/v1\noid sha256:0\n".utf8), "git lfs pull"),
      (Array("GGUF".utf8) + [3, 0, 0, 0], "GGUF"),
      (tar, "a tar archive"),
      ([0x1F, 0x8B, 8, 0], "gzip"),
      ([UInt8](repeating: 0, count: 64), "zero bytes"),
      ([0x93] + Array("NUMPY".utf8), "a NumPy array"),
      ([0x50, 0x4B, 5, 6] + [UInt8](repeating: 0, count: 18), "empty or damaged zip"),
      ([7, 1, 9, 200], "no format that is known"),
    ]
    for (bytes, says) in cases {
      let error = try #require(try openingError(bytes))
      #expect(error.code == .unsupportedFormat)
      #expect(error.message.contains(says), "\(error.message)")
    }
  }

  @Test("a missing file, an empty file and an empty directory each have their own message")
  func unreadableFilesAreNamed() throws {
    let missing = try #require(checkpointError { try CheckpointFile.open(path: "/nowhere/model.pth") })
    #expect(missing.code == .fileUnreadable)
    #expect(missing.message == "/nowhere/model.pth: no such file")
    let empty = try #require(try openingError([]))
    #expect(empty.code == .corruptFile)
    let file = try TemporaryFile([1], name: "readme.txt")
    let directory = URL(filePath: file.path).deletingLastPathComponent().path
    let noModel = try #require(checkpointError { try CheckpointFile.open(path: directory) })
    #expect(noModel.message.contains("should hold model.safetensors"))
    let device = try #require(checkpointError { try CheckpointFile.open(path: "/dev/null") })
    #expect(device.message.contains("not a regular file"))
  }

  @Test(
    "a pickle that calls os.system is refused by that name, and not executed",
    arguments: ["refused-os-system.pth", "refused-os-system.pkl"])
  func maliciousPicklesAreRefused(name: String) throws {
    let error = try #require(checkpointError { try GPT2Checkpoint(path: CheckpointFixture.path(name)) })
    #expect(error.code == .unsupportedFormat)
    #expect(error.message.contains("posix.system"))
    #expect(error.message.contains("Nothing was executed"))
    #expect(!FileManager.default.fileExists(atPath: "/tmp/the-pickle-was-executed"))
  }

  @Test(
    "kinds of model files that are not supported are refused by name",
    arguments: [
      ("refused-plain.pkl", "a plain Python pickle"), ("refused-lora.safetensors", "a LoRA adapter"),
      ("refused-tensorflow.safetensors", "OpenAI's TensorFlow names"),
      ("refused-quantized.pth", "a quantized model of PyTorch"),
      ("refused-script.pth", "a TorchScript program"),
      ("refused-deflated.pth", "is compressed"),
    ])
  func unsupportedModelsAreNamed(name: String, says: String) throws {
    let error = try #require(checkpointError { try GPT2Checkpoint(path: CheckpointFixture.path(name)) })
    #expect(error.code == .unsupportedFormat)
    #expect(error.message.contains(says), "\(error.message)")
  }

  @Test("a quantized tensor is listed, and refused when it is read")
  func quantizedTensorsAreRefused() throws {
    let file = try CheckpointFile.open(path: CheckpointFixture.path("refused-quantized.pth"))
    let tensor = try #require(file.tensors.first { $0.refusal != nil })
    #expect(tensor.name == "linear._packed_params._packed_params.0")
    #expect(checkpointError { try tensor.bytes() }?.message.contains("_rebuild_qtensor") == true)
  }

  @Test("a truncated file is refused as truncated")
  func truncatedFilesAreNamed() throws {
    for name in ["hf-state-dict.pth", "hf-base.safetensors", "raschka-legacy.pth"] {
      let bytes = try CheckpointFixture.data(name)
      let error = try #require(try openingError(Array(bytes.prefix(bytes.count * 2 / 3))))
      #expect(error.code == .corruptFile)
      #expect(error.message.contains("truncated"), "\(error.message)")
    }
  }

  @Test("a changed pickle does not match its checksum")
  func damagedPicklesAreNamed() throws {
    var bytes = try CheckpointFixture.data("hf-state-dict.pth")
    let pattern = Array("ln_1.weight".utf8)
    let index = try #require(bytes.indices.first { bytes[$0...].starts(with: pattern) })
    bytes[index] = UInt8(ascii: "m")
    #expect(try openingError(bytes)?.message.contains("checksum") == true)
  }

  @Test("safetensors headers that lie are refused")
  func lyingHeadersAreRefused() throws {
    func entry(_ shape: String, _ offsets: String, _ dtype: String = "F32") -> String {
      #"{"dtype":"\#(dtype)","shape":\#(shape),"data_offsets":\#(offsets)}"#
    }
    let data = [UInt8](repeating: 1, count: 16)
    let good = #"{"a":\#(entry("[2]", "[0,8]")),"b":\#(entry("[2]", "[8,16]")),"__metadata__":{"k":"v"}}"#
    #expect(try openingError(SafetensorsWriter.file(header: good, data: data)) == nil)
    for header in [
      #"{"a":\#(entry("[2]", "[0,8]"))}"#,  // bytes left over
      #"{"a":\#(entry("[2]", "[8,16]"))}"#,  // a hole
      #"{"a":\#(entry("[4]", "[0,16]")),"b":\#(entry("[2]", "[8,16]"))}"#,  // an overlap
      #"{"a":\#(entry("[5]", "[0,16]"))}"#, #"{"a":\#(entry("[-4]", "[0,16]"))}"#,
      #"{"a":\#(entry("[4]", "[0,17]"))}"#, #"{"a":\#(entry("[4]", "[16,0]"))}"#,
      #"{"a":\#(entry("[4]", "[0]"))}"#, #"{"a":\#(entry("[4]", "[0,16]", "Q4"))}"#,
      #"{"a":\#(entry("[4611686018427387904,4]", "[0,16]"))}"#,
      #"{"a":\#(entry("[9223372036854775808]", "[0,16]"))}"#,
      #"{"a":\#(entry("[0,9223372036854775807]", "[0,0]")),"b":\#(entry("[4]", "[0,16]"))}"#,
      #"{"a":{}}"#, "{", "{}", #"{"a":1}"#, String(repeating: "{\"a\":", count: 10000),
    ] {
      let error = try openingError(SafetensorsWriter.file(header: header, data: data))
      #expect(error != nil, "\(header.prefix(100))")
    }
  }
}
