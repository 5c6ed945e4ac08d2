import Observability
import Synchronization
import Testing

/// Values that are read when someone asks.
@Suite(.timeLimit(.minutes(1))) struct MetricCollectorTests {
  private static let depth = Metric<Gauge>(
    "depth", labels: [MetricLabel("list", oneOf: ["high", "low"])], help: "Depth.")
  private static let up = Metric<Gauge>("up", help: "Up.")

  @Test("Each question gets the values of its moment")
  func current() async {
    let registry = MetricsRegistry()
    let value = Atomic(0)
    registry.collect {
      let now = value.wrappingAdd(1, ordering: .relaxed).newValue
      return [Self.depth.sample("low", is: now), Self.depth.sample("high", is: 10 * now)]
    }
    for now in 1...2 {
      #expect(
        await MetricsTextTests.text(registry) == """
          # HELP depth Depth.
          # TYPE depth gauge
          depth{list="high"} \(10 * now)
          depth{list="low"} \(now)

          """)
    }
  }

  @Test(
    "A series that several tell occurs once, and a metric's lines stand together, wherever they come from")
  func duplicates() async {
    let registry = MetricsRegistry()
    registry.collect { [Self.depth.sample("low", is: 1), Self.depth.sample("low", is: 2)] }
    registry.collect { [Self.depth.sample("low", is: 3), Self.depth.sample("high", is: 4)] }
    registry.collect { [Self.up.sample(is: 0)] }
    registry.handle(for: Self.up).set(1)
    #expect(
      await MetricsTextTests.text(registry) == """
        # HELP depth Depth.
        # TYPE depth gauge
        depth{list="high"} 4
        depth{list="low"} 1
        # HELP up Up.
        # TYPE up gauge
        up 1

        """)
  }

  @Test("What hangs costs its own values and no others, and is not asked again until it has answered")
  func hanging() async {
    let registry = MetricsRegistry()
    let calls = Atomic(0)
    let (gate, opening) = AsyncStream<Void>.makeStream()
    registry.collect(deadline: .milliseconds(20), late: [Self.up.sample(is: 0)]) {
      calls.wrappingAdd(1, ordering: .relaxed)
      // Deaf to being cancelled, as a call to a foreign library would be.
      await Task { for await _ in gate { return } }.value
      return [Self.up.sample(is: 1)]
    }
    registry.collect { [Self.depth.sample("low", is: 7)] }
    for _ in 0..<3 {
      let text = await MetricsTextTests.text(registry)
      #expect(text.hasSuffix("up 0\n"))
      #expect(text.contains(#"depth{list="low"} 7"#))
    }
    #expect(calls.load(ordering: .relaxed) == 1)
    opening.finish()
    while await !MetricsTextTests.text(registry).hasSuffix("up 1\n") {}
  }

  @Test("Whoever no longer wants the answer does not wait for it")
  func cancelled() async {
    let registry = MetricsRegistry()
    let (entered, entering) = AsyncStream<Void>.makeStream()
    let (gate, opening) = AsyncStream<Void>.makeStream()
    registry.collect(deadline: .seconds(3600)) {
      entering.yield()
      await Task { for await _ in gate { return } }.value
      return []
    }
    let asking = Task { await registry.text() }
    var iterator = entered.makeAsyncIterator()
    await iterator.next()
    asking.cancel()
    #expect(await asking.value.isEmpty)
    opening.finish()
  }
}
