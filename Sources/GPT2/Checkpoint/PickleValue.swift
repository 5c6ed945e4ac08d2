/// What a pickle describes. Scalars are here; whatever can be shared or nested is an index into
/// `PickleHeap`, so that a tied weight is one object met twice and that no depth of nesting can overflow
/// the stack.
enum PickleValue: Sendable {
  case none
  case bool(Bool)
  case int(Int)
  /// An integer that no tensor needs: wider than 64 bits.
  case hugeInteger
  case float(Double)
  case string(String)
  /// Bytes are skipped; no tensor needs them.
  case bytes
  case global(Int)
  case storage(Int)
  case tensor(Int)
  case object(Int)
}

/// A class or function that the pickle names. It is a name only; nothing is looked up or called.
struct PickleGlobal: Sendable, Equatable {
  var module: String
  var name: String

  var path: String { "\(module).\(name)" }

  /// Python 2's names are those of Python 3.
  var isBuiltin: Bool { module == "builtins" || module == "__builtin__" }

  /// Functions that no checkpoint needs and that malicious pickles call.
  var isDangerous: Bool {
    if isBuiltin {
      return ["eval", "exec", "execfile", "compile", "__import__", "open", "input", "breakpoint"].contains(
        name)
    }
    let root = module.split(separator: ".").first.map(String.init) ?? module
    return Self.dangerousModules.contains(root)
  }

  private static let dangerousModules: Set<String> = [
    "os", "posix", "nt", "subprocess", "commands", "pty", "runpy", "socket", "shutil", "ctypes", "importlib",
    "webbrowser", "code", "timeit", "pdb", "urllib", "requests", "sys", "signal", "multiprocessing",
    "asyncio",
  ]
}

/// A list, dictionary, tuple, set, or the record of an object that Python would have built.
struct PickleObject: Sendable {
  enum Kind: Sendable { case tuple, list, dictionary, set, record }

  var kind: Kind
  /// The elements; of a dictionary key, value, key, value.
  var items: [PickleValue] = []
  /// Of a record: the class or function, and its arguments.
  var callee: PickleValue = .none
  var arguments: PickleValue = .none
  /// What BUILD would have given to the object, typically its attributes.
  var state: PickleValue = .none
  /// Of a record that is also a dictionary: key, value, key, value.
  var pairs: [PickleValue] = []
}

/// Storage as the pickle names it, before its bytes are found in the file.
struct PickleStorage: Sendable {
  var key: String
  /// `FloatStorage`, `UntypedStorage`, …
  var className: String
  /// Elements of the whole storage; bytes where it is untyped.
  var count: Int
  /// The part that this value is (legacy files only), in elements.
  var view: Range<Int>
}

/// A tensor as the pickle describes it; `offset` and `strides` are in elements.
struct PickleTensor: Sendable {
  var storage: PickleStorage
  /// nil where the type is none that is known here.
  var type: ElementType?
  var typeName: String
  var offset: Int
  var shape: [Int]
  var strides: [Int]
}

/// Everything that a pickle has built.
struct PickleHeap: Sendable {
  var objects: [PickleObject] = []
  var globals: [PickleGlobal] = []
  var storages: [PickleStorage] = []
  var tensors: [PickleTensor] = []
  /// The first dangerous function that the pickle asks to call.
  var dangerousCall: PickleGlobal?

  func object(_ value: PickleValue, _ kind: PickleObject.Kind) -> PickleObject? {
    guard case .object(let index) = value, objects[index].kind == kind else { return nil }
    return objects[index]
  }

  func global(_ value: PickleValue) -> PickleGlobal? {
    guard case .global(let index) = value else { return nil }
    return globals[index]
  }

  /// The class of a record, also behind `copyreg._reconstructor`.
  func className(_ record: PickleObject) -> PickleGlobal? {
    guard let callee = global(record.callee) else { return nil }
    if callee.name == "_reconstructor", let first = object(record.arguments, .tuple)?.items.first {
      return global(first) ?? callee
    }
    return callee
  }

  /// Keys and values of a dictionary in the order of the keys' first appearance; the last value of a key
  /// counts.
  func entries(_ pairs: [PickleValue]) -> [(key: String, value: PickleValue)] {
    var order: [String: Int] = [:]
    var result: [(key: String, value: PickleValue)] = []
    for index in stride(from: 0, to: pairs.count - 1, by: 2) {
      let key = keyText(pairs[index], index: index / 2)
      if let known = order[key] {
        result[known].value = pairs[index + 1]
      } else {
        order[key] = result.count
        result.append((key, pairs[index + 1]))
      }
    }
    return result
  }

  /// A dictionary, or the attributes of a record, by name; nil for anything else.
  func attributes(_ value: PickleValue) -> [(key: String, value: PickleValue)]? {
    if let dictionary = object(value, .dictionary) { return entries(dictionary.items) }
    return object(value, .record).flatMap { attributes(of: $0) }
  }

  /// The attributes that BUILD would have given to the object of a record.
  func attributes(of record: PickleObject) -> [(key: String, value: PickleValue)]? {
    if let state = object(record.state, .dictionary) { return entries(state.items) }
    // The state of a class with slots is a pair of dictionaries.
    guard let pair = object(record.state, .tuple), pair.items.count == 2 else { return nil }
    let both = pair.items.compactMap { object($0, .dictionary)?.items }
    return both.isEmpty ? nil : entries(Array(both.joined()))
  }

  private func keyText(_ key: PickleValue, index: Int) -> String {
    switch key {
    case .string(let text): text
    case .int(let number): String(number)
    case .bool(let flag): flag ? "True" : "False"
    case .none: "None"
    case .float(let number): String(number)
    default: "#\(index)"
    }
  }
}
