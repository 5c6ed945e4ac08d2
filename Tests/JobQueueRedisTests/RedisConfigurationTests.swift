import JobQueue
import JobQueueRedis
import Testing

@Suite("Settings of the queue on Redis")
struct RedisConfigurationTests {
  @Test(arguments: [
    ("redis://localhost", "redis://localhost:6379/0"),
    ("redis://10.0.0.1:7000/2", "redis://10.0.0.1:7000/2"),
    ("redis://[::1]:7000/", "redis://[::1]:7000/0"),
    ("redis://me:secret@host", "redis://host:6379/0"),
    ("redis://:p%40s%3a@host:1", "redis://host:1/0"),
    ("redis+unix:///run/r@dis.sock", "redis+unix:///run/r@dis.sock"),
    ("unix://u:p@/run/redis.sock", "redis+unix:///run/redis.sock"),
    ("redis+sentinel://u:p@a,b:7,[::1]:8/main/3", "redis+sentinel://a:26379,b:7,[::1]:8/main/3"),
    ("redis+cluster://u:p@a,b:7/", "redis+cluster://a:6379,b:7"),
  ])
  func `An address is read, and shown without its password`(_ url: String, _ shown: String) throws {
    #expect(try RedisEndpoint(url: url).description == shown)
  }

  @Test func `User and password are percent-decoded`() throws {
    let endpoint = try RedisEndpoint(url: "redis://us%20er:p%40s%2Fs:x@host")
    #expect(endpoint.user == "us er")
    #expect(endpoint.password == "p@s/s:x")
    #expect(try RedisEndpoint(url: "redis://:only@host").user == nil)
  }

  @Test(arguments: [
    "", "localhost:6379", "http://host", "redis://", "redis://host:0", "redis://host:65536", "redis://host:x",
    "redis://host/db", "redis://host/-1", "redis://a:%zz@host", "redis://::1", "redis+sentinel://host",
    "redis+sentinel://host/", "redis+sentinel://host,/name", "redis+cluster://", "redis+cluster://a,b:x",
    "redis+unix://relative", "rediss://host",
  ])
  func `A wrong address is refused by name and without its password`(_ url: String) {
    let error = #expect(throws: JobQueueError.self) { try RedisEndpoint(url: url) }
    #expect(error?.code == .invalidConfiguration)
    #expect(error?.message.contains("REDIS_URL") == true)
    #expect(error?.message.contains("%zz") == false)
  }

  @Test func `TLS is refused with the way around it`() {
    let error = #expect(throws: JobQueueError.self) { try RedisEndpoint(url: "rediss://host") }
    #expect(error?.message.contains("proxy") == true)
  }

  @Test func `The defaults are valid, and wrong values are named`() throws {
    try RedisConfiguration().validate()
    let wrong: [(WritableKeyPath<RedisConfiguration, Int>, String)] = [
      (\.maxAttempts, "MAX_ATTEMPTS"), (\.limits.capacity, "QUEUE_CAP"),
    ]
    for (setting, name) in wrong {
      var configuration = RedisConfiguration()
      configuration[keyPath: setting] = 0
      let error = #expect(throws: JobQueueError.self) { try configuration.validate() }
      #expect(error?.message.contains(name) == true)
    }
    for namespace in ["", "a}b", "a b", "ä", String(repeating: "a", count: 65)] {
      var configuration = RedisConfiguration()
      configuration.namespace = namespace
      #expect(throws: JobQueueError.self) { try configuration.validate() }
    }
    var configuration = RedisConfiguration()
    configuration.lease = .seconds(5)
    #expect(throws: JobQueueError.self) { try configuration.validate() }
  }
}
