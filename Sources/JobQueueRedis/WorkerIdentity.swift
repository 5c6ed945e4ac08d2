import Glibc

/// Names for workers and gateways: the host and a random number of this start, since in containers process ids
/// are all 1 and host names come back.
enum WorkerIdentity {
  static func make() -> String {
    var buffer = [CChar](repeating: 0, count: 256)
    let known = gethostname(&buffer, buffer.count - 1) == 0
    let host = String(decoding: buffer.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    // `#` and `:` would be read as separators.
    let plain = String(
      host.map { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-") ? $0 : "-" }.prefix(48))
    let number = UInt32.random(in: .min ... .max)
    return "\(known && !plain.isEmpty ? plain : "host")-\(String(number, radix: 16))"
  }
}
