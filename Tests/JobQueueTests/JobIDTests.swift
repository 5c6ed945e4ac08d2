import JobQueue
import JobQueueConformance
import Testing

@Suite("Names")
struct JobIDTests {
  @Test(arguments: ["a", "A-z_09", String(repeating: "x", count: 64)])
  func `An id of the alphabet is taken as it is`(_ string: String) {
    #expect(JobID(string)?.rawValue == string)
  }

  @Test(arguments: ["", "a b", "a:b", "ä", "a\u{0}", "a\n", "{a}", String(repeating: "x", count: 65)])
  func `Anything else is no id`(_ string: String) {
    #expect(JobID(string) == nil)
  }

  @Test(arguments: ["", "a b", "a\n", "ä", String(repeating: "x", count: 257)])
  func `A reply address is short printable ASCII`(_ string: String) {
    #expect(ReplyAddress(string) == nil)
    #expect(ReplyAddress("{gpt2}:reply:x") != nil)
  }

  @Test func `Of sixteen claims each list is the first of one at least`() {
    let orders = (0..<16).map(JobPriority.order(forClaim:))
    #expect(orders.filter { $0 == [.low, .default, .high] }.count == 1)
    #expect(orders.filter { $0 == [.default, .low, .high] }.count == 1)
    #expect(orders.filter { $0 == [.high, .default, .low] }.count == 14)
  }
}

@Suite("Readers of events")
struct JobEventHubTests {
  @Test func `A reader that falls behind gets a clean beginning and the result`() async {
    let hub = JobEventHub(capacity: 3)
    let events = hub.subscribe(to: .test("a"))
    for sequence in 1...5 { hub.publish(.progress(sequence: sequence, body: []), of: .test("a")) }
    var iterator = events.makeAsyncIterator()
    #expect(await iterator.next() == .progress(sequence: 1, body: []))
    hub.publish(.progress(sequence: 6, body: []), of: .test("a"))
    hub.publish(.finished(result: [1]), of: .test("a"))
    var rest: [JobEvent] = []
    while let event = await iterator.next() { rest.append(event) }
    #expect(
      rest == [.progress(sequence: 2, body: []), .progress(sequence: 3, body: []), .finished(result: [1])])
  }

  @Test func `A stream that is gone is forgotten`() {
    let hub = JobEventHub()
    var events: JobEventStream? = hub.subscribe(to: .test("a"))
    #expect(hub.waitingIDs == [.test("a")])
    withExtendedLifetime(events) {}
    events = nil
    #expect(events == nil)
    #expect(hub.waitingIDs.isEmpty)
  }

  @Test func `After closing every stream is at its end`() async {
    let hub = JobEventHub()
    let early = hub.subscribe(to: .test("a"))
    hub.close()
    let late = hub.subscribe(to: .test("b"))
    for events in [early, late] {
      var iterator = events.makeAsyncIterator()
      #expect(await iterator.next() == nil)
    }
  }
}
