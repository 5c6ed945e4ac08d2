import Testing
import ThreadExecutor

@Suite("An executor with its own thread")
struct ThreadExecutorTests {
  private actor Counter {
    private let executor: ThreadExecutor
    private(set) var value = 0
    nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    init() throws { executor = try ThreadExecutor(name: "test-counter") }

    func add(_ amount: Int) { value += amount }
  }

  @Test func `Jobs of many tasks run one after another`() async throws {
    let counter = try Counter()
    await withTaskGroup { group in
      for _ in 0..<1_000 { group.addTask { await counter.add(1) } }
    }
    #expect(await counter.value == 1_000)
  }

  @Test func `Executors come and go`() async throws {
    for _ in 0..<200 {
      let counter = try Counter()
      await counter.add(1)
      #expect(await counter.value == 1)
    }
  }

  @Test func `A raised flag ends a wait, and is lowered by it`() {
    let flag = WaitableFlag()
    flag.raise()
    #expect(flag.wait(atMost: .seconds(3600)))
    #expect(flag.wait(atMost: .milliseconds(1)) == false)
    DedicatedThread.start(named: "test-raise") { flag.raise() }
    flag.wait()
  }
}
