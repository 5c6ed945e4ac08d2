import CKernels
import Testing

struct PoolTests {
  /// What a job of these tests works on.
  final class Marks {
    let counts: UnsafeMutablePointer<Int32>
    let threads: Int

    init(_ count: Int, threads: Int) {
      counts = .allocate(capacity: count)
      counts.initialize(repeating: 0, count: count)
      self.threads = threads
    }

    deinit { counts.deallocate() }
  }

  @Test(arguments: [1, 2, 3, 8])
  func everyItemIsDoneOnceInManyShortJobs(_ threads: Int) throws {
    let pool = try #require(ck_pool_create(threads))
    defer { ck_pool_destroy(pool) }
    #expect(ck_pool_threads(pool) == threads)
    let marks = Marks(200, threads: threads)
    for round in 1...1000 {
      let count = round % 7 == 0 ? 200 : round % 37
      let grain = 1 + round % 3
      ck_pool_run(
        pool, count, grain,
        { job, begin, end, thread in
          guard let job else { return }
          let marks = Unmanaged<Marks>.fromOpaque(job).takeUnretainedValue()
          for item in begin..<end { marks.counts[item] += thread < marks.threads ? 1 : 1000 }
        }, Unmanaged.passUnretained(marks).toOpaque())
      let done = (0..<200).allSatisfy { marks.counts[$0] == ($0 < count ? 1 : 0) }
      #expect(done, "round \(round)")
      if !done { return }
      for item in 0..<count { marks.counts[item] = 0 }
    }
  }

  @Test func aPoolOfNoThreadsIsRefused() {
    #expect(ck_pool_create(0) == nil)
  }
}
