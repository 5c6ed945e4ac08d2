import Observability
import Testing

/// W3C Trace Context.
@Suite struct TraceContextTests {
  private static let trace = "4bf92f3577b34da6a3ce929d0e0e4736"
  private static let parent = "00f067aa0ba902b7"

  @Test("A header is read and written as it came")
  func roundTrip() throws {
    for flags in ["00", "01"] {
      let header = "00-\(Self.trace)-\(Self.parent)-\(flags)"
      let context = try #require(TraceContext(traceparent: header))
      #expect(context.traceID == Self.trace)
      #expect(context.parentID == Self.parent)
      #expect(context.isSampled == (flags == "01"))
      #expect(context.traceparent == header)
    }
  }

  @Test("Of flags, only the one for sampling is handed on")
  func unknownFlags() throws {
    let context = try #require(TraceContext(traceparent: "00-\(Self.trace)-\(Self.parent)-ff"))
    #expect(context.traceparent == "00-\(Self.trace)-\(Self.parent)-01")
  }

  @Test("A later version may have more fields, and is handed on as this one")
  func laterVersions() throws {
    for header in ["cc-\(Self.trace)-\(Self.parent)-01", "cc-\(Self.trace)-\(Self.parent)-01-what-else"] {
      let context = try #require(TraceContext(traceparent: header))
      #expect(context.traceparent == "00-\(Self.trace)-\(Self.parent)-01")
    }
  }

  @Test(
    "What W3C does not allow is no context",
    arguments: [
      "", "x", "00", "00-\(trace)-\(parent)", "00-\(trace)-\(parent)-", "00-\(trace)-\(parent)-1",
      "00-\(trace)-\(parent)-01-", "00-\(trace)-\(parent)-01-more", "ff-\(trace)-\(parent)-01",
      "0-\(trace)-\(parent)-01", "00-\(trace.uppercased())-\(parent)-01", "00-\(trace)-\(parent)-0G",
      "00-\(String(repeating: "0", count: 32))-\(parent)-01", "00-\(trace)-0000000000000000-01",
      "00-\(trace)0-\(parent)-01", " 00-\(trace)-\(parent)-01", "00-\(trace)-\(parent)-+1",
      "00-\(trace)-\(parent)-01\n", "cc-\(trace)-\(parent)-01more", "00_\(trace)_\(parent)_01",
      "00-\(String(repeating: "é", count: 16))-\(parent)-01",
    ])
  func invalid(header: String) {
    #expect(TraceContext(traceparent: header) == nil)
  }

  @Test("A child is in the same trace under a new parent, sampled as before")
  func child() throws {
    let context = try #require(TraceContext(traceparent: "00-\(Self.trace)-\(Self.parent)-01"))
    let children = (0..<100).map { _ in context.child() }
    #expect(children.allSatisfy { $0.traceID == Self.trace && $0.isSampled })
    #expect(Set(children.map(\.parentID) + [Self.parent]).count == 101)
    for child in children { #expect(TraceContext(traceparent: child.traceparent) == child) }
  }

  @Test("New traces are valid and differ")
  func new() {
    let contexts = (0..<100).map { _ in TraceContext() }
    #expect(Set(contexts.map(\.traceID)).count == 100)
    for context in contexts { #expect(TraceContext(traceparent: context.traceparent) == context) }
  }
}
