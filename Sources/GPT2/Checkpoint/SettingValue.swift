/// A setting of a model as its checkpoint gives it: a value of `config.json`, or of a dictionary or
/// configuration object in a pickle.
enum SettingValue: Sendable, Equatable, Decodable {
  case null
  case bool(Bool)
  case int(Int)
  case double(Double)
  case string(String)
  case list([SettingValue])
  case object([String: SettingValue])

  init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    if container.decodeNil() {
      self = .null
    } else if let value = try? container.decode(Bool.self) {
      self = .bool(value)
    } else if let value = try? container.decode(Int.self) {
      self = .int(value)
    } else if let value = try? container.decode(Double.self) {
      self = .double(value)
    } else if let value = try? container.decode(String.self) {
      self = .string(value)
    } else if let value = try? container.decode([SettingValue].self) {
      self = .list(value)
    } else {
      self = .object(try container.decode([String: SettingValue].self))
    }
  }

  /// Numbers, texts, and dictionaries and lists of them, three levels deep; anything else is nil, and so
  /// is what comes behind the first 4096 values.
  init?(_ value: PickleValue, in heap: PickleHeap) {
    var budget = 4096
    self.init(value, in: heap, depth: 3, budget: &budget)
  }

  private init?(_ value: PickleValue, in heap: PickleHeap, depth: Int, budget: inout Int) {
    budget -= 1
    guard budget > 0 else { return nil }
    switch value {
    case .none: self = .null
    case .bool(let flag): self = .bool(flag)
    case .int(let number): self = .int(number)
    case .float(let number): self = .double(number)
    case .string(let text): self = .string(text)
    case .object where depth > 0:
      if let list = heap.object(value, .list) ?? heap.object(value, .tuple) {
        var items: [SettingValue] = []
        for item in list.items where budget > 0 {
          if let item = SettingValue(item, in: heap, depth: depth - 1, budget: &budget) { items.append(item) }
        }
        self = .list(items)
      } else if let entries = heap.attributes(value) {
        var object: [String: SettingValue] = [:]
        for entry in entries where budget > 0 {
          object[entry.key] = SettingValue(entry.value, in: heap, depth: depth - 1, budget: &budget)
        }
        self = .object(object)
      } else {
        return nil
      }
    default: return nil
    }
  }
}

/// Named settings of one source, with typed look-ups.
struct ModelSettings: Sendable, Equatable {
  /// For messages, as in "config.json".
  var source: String
  var values: [String: SettingValue]

  func int(_ names: String...) -> Int? {
    for name in names {
      if case .int(let value) = values[name] { return value }
    }
    return nil
  }

  func double(_ name: String) -> Double? {
    switch values[name] {
    case .double(let value): value
    case .int(let value): Double(value)
    default: nil
    }
  }

  func string(_ name: String) -> String? {
    guard case .string(let value) = values[name] else { return nil }
    return value
  }

  func bool(_ name: String) -> Bool? {
    guard case .bool(let value) = values[name] else { return nil }
    return value
  }

  func object(_ name: String) -> [String: SettingValue]? {
    guard case .object(let value) = values[name] else { return nil }
    return value
  }

  /// A number, or the first of a list of numbers.
  func firstInt(_ name: String) -> Int? {
    if case .list(let items) = values[name], case .int(let first) = items.first { return first }
    return int(name)
  }
}
