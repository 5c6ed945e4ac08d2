import JobWire

extension JobRequest {
  /// Jobs of different API keys share no computed beginnings, or the time of an answer would tell one what another
  /// asked. The gateway puts eight hexadecimal digits of the key's scope and a dash before the id; a UUID, which begins
  /// alike, is an id that a producer chose.
  var cacheSalt: UInt64 {
    guard let id, let dash = id.firstIndex(of: "-"), id[..<dash].utf8.count == 8,
      let scope = UInt64(id[..<dash], radix: 16),
      id.split(separator: "-").map(\.utf8.count) != [8, 4, 4, 4, 12]
    else { return 0 }
    return scope + 1
  }
}
