import Glibc
import JobQueue

extension RedisConfiguration {
  /// The password to show now: a file is read anew each time.
  func password() throws(RedisFailure) -> String? {
    guard let path = passwordFile else { return endpoint.password }
    guard let file = fopen(path, "re") else {
      throw RedisFailure(
        kind: .notConnected, message: "REDIS_PASSWORD_FILE can't be read: \(String(cString: strerror(errno)))"
      )
    }
    defer { fclose(file) }
    var line: UnsafeMutablePointer<CChar>?
    var capacity = 0
    let length = getline(&line, &capacity, file)
    defer { free(line) }
    let password = line.map { String(cString: $0).prefix { $0 != "\n" && $0 != "\r\n" } } ?? ""
    guard length > 0, !password.isEmpty else {
      throw RedisFailure(
        kind: .notConnected, message: "REDIS_PASSWORD_FILE has no password in its first line")
    }
    return String(password)
  }
}
