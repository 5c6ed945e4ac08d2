import Gateway
import Glibc
import Synchronization
import Testing

/// How keys are written down, and looked up.
@Suite struct APIKeysTests {
  /// `printf %s secret | sha256sum`
  static let digestOfSecret = "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b"

  @Test("A key is known by its digest as it is by itself, and its jobs have the same scope")
  func digests() throws {
    for line in [
      "alice:secret", "alice:sha256=\(Self.digestOfSecret)",
      "alice : sha256=\(Self.digestOfSecret.uppercased())  ",
    ] {
      let caller = try #require(try APIKeys(key: nil, file: line).caller(presenting: "secret"))
      #expect(caller.name == "alice")
      // Ids that clients keep begin with it. `printf 'scope of %s' DIGEST | sha256sum | cut -c 1-8`
      #expect(caller.scope == "97566dbf")
    }
    // Whoever reads the file can't call.
    let keys = try APIKeys(key: nil, file: "alice:sha256=\(Self.digestOfSecret)")
    #expect(keys.caller(presenting: Self.digestOfSecret) == nil)
    #expect(keys.caller(presenting: "sha256=\(Self.digestOfSecret)") == nil)
    #expect(try APIKeys(key: "sha256=\(Self.digestOfSecret)").caller(presenting: "secret") != nil)
  }

  @Test("Keys come from all three settings, and a list may be separated by commas and lines")
  func sources() throws {
    let keys = try APIKeys(
      key: "k1,k2", list: "a:ka, b : kb,,\r\nkc,\n# d:kd,e:ke\n f:kf:x,#g:kg", file: "h:kh,x\n\t\n  i:ki\r\n")
    let names = ["k1,k2", "ka", "kb", "kc", "kf:x", "kh,x", "ki"].map { keys.caller(presenting: $0)?.name }
    #expect(names[0] == "default")
    #expect(names[3]?.hasPrefix("key-") == true)
    #expect([1, 2, 4, 5, 6].map { names[$0] } == ["a", "b", "f", "h", "i"])
    for none in ["", "k1", "kd", "e:ke", "ke", "kg", "kh", "x", "#", "a"] {
      #expect(keys.caller(presenting: none) == nil)
    }
  }

  @Test("A key without a name is named by its scope, wherever it stands")
  func nameless() throws {
    let first = try #require(try APIKeys(key: nil, file: "k1").caller(presenting: "k1"))
    let second = try #require(try APIKeys(key: nil, list: "x:y,k1").caller(presenting: "k1"))
    #expect(first.name == "key-\(first.scope)")
    #expect(first == second)
  }

  @Test("Limits follow the key, in any order")
  func limits() throws {
    let keys = try APIKeys(
      key: "d",
      list: "a:ka requests_per_minute=60 tokens_per_minute=10000, kb tokens_per_minute=0",
      file: "c : kc\ttokens_per_minute=5   requests_per_minute=1000000000\n")
    #expect(
      keys.caller(presenting: "ka")?.limits == CallerLimits(requestsPerMinute: 60, tokensPerMinute: 10_000))
    #expect(keys.caller(presenting: "kb")?.limits == CallerLimits(tokensPerMinute: 0))
    #expect(
      keys.caller(presenting: "kc")?.limits
        == CallerLimits(requestsPerMinute: 1_000_000_000, tokensPerMinute: 5))
    #expect(keys.caller(presenting: "d")?.limits == CallerLimits())
  }

  static let mistakes: [(line: String, hint: String)] = [
    ("hunter2: ", "printable ASCII"), (":hunter2", "name"), ("a b:hunter2", "name"),
    ("\(String(repeating: "n", count: 65)):hunter2", "name"), ("ä:hunter2", "name"),
    ("a:hünter2", "printable ASCII"), ("a:hunter2 horse", "no spaces"), ("hunter2 # old", "no spaces"),
    ("a:hunter2 requests=5", "no spaces"),
    ("a:hunter2 requests_per_minute", "requests_per_minute must be a whole number from 0"),
    ("a:hunter2 requests_per_minute=", "requests_per_minute must be"),
    ("a:hunter2 requests_per_minute=hunter2", "requests_per_minute must be"),
    ("a:hunter2 tokens_per_minute=-1", "tokens_per_minute must be"),
    ("a:hunter2 tokens_per_minute=1.5", "tokens_per_minute must be"),
    ("a:hunter2 tokens_per_minute=1000000001", "to 1000000000"),
    ("a:hunter2 tokens_per_minute=1 tokens_per_minute=2", "twice"),
    ("a:sha256=hunter2", "64 hexadecimal digits"), ("a:sha256=", "64 hexadecimal digits"),
    ("a:sha256=\(digestOfSecret)0", "64 hexadecimal digits"),
    ("a:sha256=\(digestOfSecret.dropLast())g", "64 hexadecimal digits"),
    ("sha256=\(digestOfSecret.dropLast())", "64 hexadecimal digits"),
    ("a: requests_per_minute=5", "key is missing"), ("tokens_per_minute=5", "key is missing"),
    ("a:good", "the same key as"), ("good:hunter2 requests_per_minute=1", "other limits"),
  ]

  @Test(
    "A mistake is told with its line and what is allowed, and nothing of the key", arguments: mistakes.indices
  )
  func refused(index: Int) {
    let (line, hint) = Self.mistakes[index]
    let file = #expect(throws: GatewayError.self) {
      try APIKeys(key: nil, file: "# keys\n\ngood:good\n\(line)\n")
    }
    #expect(file?.setting == "API_KEYS_FILE line 4")
    let list = #expect(throws: GatewayError.self) { try APIKeys(key: nil, list: "good:good,, \(line),x") }
    #expect(list?.setting == "API_KEYS entry 2")
    for error in [file, list] {
      #expect(error?.message.contains(hint) == true, "\(error?.message ?? "")")
      #expect(error?.description.contains("hunter2") == false)
      #expect(error?.description.contains(Self.digestOfSecret.dropLast()) == false)
    }
  }

  @Test("A list without any key stops the start", arguments: [" ", ",", "# a:b,c:d", "#a\n,", "\n\t\n"])
  func emptyList(list: String) {
    let error = #expect(throws: GatewayError.self) { try APIKeys(key: "k", list: list) }
    #expect(error?.setting == "API_KEYS")
  }

  @Test(
    "A file that can't be read says why",
    arguments: [
      ("/nowhere/keys", "No such file"), ("/tmp", "directory"), ("/dev/zero", "more than"),
      ("/proc/self/fd/{pipe}", "no regular file"),
    ])
  func unreadableFile(path: String, reason: String) throws {
    var ends: [Int32] = [0, 0]
    try #require(pipe(&ends) == 0)
    defer { for end in ends { close(end) } }
    let path = path.split(separator: "{pipe}", omittingEmptySubsequences: false).joined(
      separator: "\(ends[0])")
    let error = #expect(throws: GatewayError.self) { try APIKeys.load(key: nil, filePath: path) }
    #expect(error?.setting == "API_KEYS_FILE")
    #expect(error?.message.contains(path) == true)
    #expect(error?.message.contains(reason) == true, "\(error?.message ?? "")")
  }

  @Test("Keys of one name are several keys of one caller")
  func rotation() throws {
    let keys = try APIKeys(key: nil, file: "a:old requests_per_minute=5\na:new requests_per_minute=5")
    let (old, new) = (keys.caller(presenting: "old"), keys.caller(presenting: "new"))
    #expect(old?.name == new?.name)
    #expect(old?.limits == new?.limits)
    #expect(old?.scope != new?.scope)
  }

  @Test(
    "Every look-up compares with every key, whichever it is", arguments: ["k0", "k7", "k15", "", "nobody"])
  func comparisons(key: String) throws {
    let keys = try APIKeys(key: nil, list: (0..<16).map { "n\($0):k\($0)" }.joined(separator: ","))
    let compared = Mutex<[String]>([])
    let caller = keys.caller(presenting: key) { stored, presented in
      compared.withLock { $0.append(stored.hex) }
      return stored.difference(from: presented)
    }
    #expect(caller?.name == (key.first == "k" ? "n\(key.dropFirst())" : nil))
    #expect(compared.withLock { $0 } == (0..<16).map { KeyDigest(of: "k\($0)").hex })
  }

  @Test("Digests differ if any bit does, and by nothing else")
  func difference() throws {
    let digest = KeyDigest(of: "secret")
    #expect(digest.hex == Self.digestOfSecret)
    #expect(digest.difference(from: try #require(KeyDigest(hex: digest.hex))) == 0)
    let digits = Array(Self.digestOfSecret)
    for index in digits.indices {
      for bit in 0..<4 {
        var changed = digits
        let value = try #require(changed[index].hexDigitValue)
        changed[index] = try #require(String(value ^ (1 << bit), radix: 16).first)
        let other = try #require(KeyDigest(hex: String(changed)))
        #expect(digest.difference(from: other) != 0)
        #expect(other.difference(from: digest) != 0)
      }
    }
  }
}
