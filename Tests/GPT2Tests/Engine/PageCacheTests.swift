import Testing

@testable import GPT2

/// A page cache by reference, since the macros of the tests take no mutation.
private final class SharedCache {
  private var cache: PageCache

  init(pageCount: Int) { cache = PageCache(pageCount: pageCount) }

  var availableCount: Int { cache.availableCount }
  var sharedCount: Int { cache.sharedCount }
  func allocate() -> Int32? { cache.allocate() }
  func share(_ key: PageCache.Key) -> Int32? { cache.share(key) }
  func insert(_ page: Int32, at key: PageCache.Key) -> Bool { cache.insert(page, at: key) }
  func release(_ pages: [Int32]) { cache.release(pages) }
  func removeAll() { cache.removeAll() }
}

@Suite struct PageCacheTests {
  private func key(_ text: Int32, after parent: Int32? = nil, salt: UInt64 = 0) -> PageCache.Key {
    PageCache.Key(after: parent, salt: salt, tokens: [Int32](repeating: text, count: 16)[...])
  }

  @Test func pagesAreHandedOutOnceUntilTheyAreGivenBack() {
    let cache = SharedCache(pageCount: 3)
    let pages = (0..<3).compactMap { _ in cache.allocate() }
    #expect(Set(pages) == [0, 1, 2])
    #expect(cache.allocate() == nil)
    cache.release([pages[1]])
    #expect(cache.availableCount == 1)
    #expect(cache.allocate() == pages[1])
  }

  @Test func aTextIsSharedUnderItsOwnParentAndSaltOnly() throws {
    let cache = SharedCache(pageCount: 4)
    let first = try #require(cache.allocate())
    let second = try #require(cache.allocate())
    #expect(cache.insert(first, at: key(1)))
    #expect(cache.insert(second, at: key(2, after: first)))
    #expect(!cache.insert(3, at: key(1)), "there is one already")
    #expect(cache.share(key(1)) == first)
    #expect(cache.share(key(2, after: first)) == second)
    #expect(cache.share(key(2)) == nil)
    #expect(cache.share(key(1, salt: 9)) == nil)
  }

  @Test func anUnusedTextStaysUntilItsMemoryIsNeededAndGoesFromItsEnd() throws {
    let cache = SharedCache(pageCount: 3)
    let first = try #require(cache.allocate())
    let second = try #require(cache.allocate())
    _ = cache.insert(first, at: key(1))
    _ = cache.insert(second, at: key(2, after: first))
    cache.release([first, second])
    #expect(cache.availableCount == 3)
    #expect(cache.sharedCount == 2)
    #expect(cache.allocate() == 2, "the page that was free goes first")
    #expect(cache.allocate() == second)
    #expect(cache.share(key(2, after: first)) == nil)
    #expect(cache.share(key(1)) == first)
    #expect(cache.allocate() == nil, "a page in use is never taken")
  }

  @Test func theLeastRecentlyUsedTextGoesFirst() throws {
    let cache = SharedCache(pageCount: 3)
    let pages = try (0..<3).map { text in
      let page = try #require(cache.allocate())
      _ = cache.insert(page, at: key(Int32(text)))
      return page
    }
    for page in pages { cache.release([page]) }
    #expect(cache.share(key(0)) == pages[0])
    cache.release([pages[0]])
    #expect(cache.allocate() == pages[1])
    #expect(cache.allocate() == pages[2])
    #expect(cache.allocate() == pages[0])
  }

  @Test func whatIsForgottenIsFreeUnlessItIsInUse() throws {
    let cache = SharedCache(pageCount: 2)
    let used = try #require(cache.allocate())
    let unused = try #require(cache.allocate())
    _ = cache.insert(used, at: key(1))
    _ = cache.insert(unused, at: key(2))
    cache.release([unused])
    cache.removeAll()
    #expect(cache.sharedCount == 0)
    #expect(cache.availableCount == 1)
    cache.release([used])
    #expect(cache.availableCount == 2)
    #expect(cache.share(key(1)) == nil)
  }

  /// Random sequences that come, grow, share and go, against sets that are kept by hand.
  @Test(arguments: 0..<30)
  func noPageIsEverHeldTwiceOrLost(seed: Int) {
    var generator = SplitMix(seed: UInt64(seed))
    let count = 5 + Int(generator.next() % 20)
    let cache = SharedCache(pageCount: count)
    /// The pages of each sequence and how many of them are in the tree.
    var sequences: [(pages: [Int32], shared: Int)] = []
    for _ in 0..<2000 {
      switch generator.next() % 4 {
      case 0:
        sequences.append(([], 0))
      case 1 where !sequences.isEmpty:
        cache.release(sequences.remove(at: Int(generator.next() % UInt64(sequences.count))).pages)
      case _ where !sequences.isEmpty:
        let index = Int(generator.next() % UInt64(sequences.count))
        let (pages, shared) = sequences[index]
        let key = key(Int32(generator.next() % 3), after: pages.last)
        if shared == pages.count, let page = cache.share(key) {
          sequences[index] = (pages + [page], shared + 1)
        } else {
          let available = cache.availableCount
          guard let page = cache.allocate() else {
            #expect(available == 0)
            continue
          }
          #expect(cache.availableCount == available - 1)
          #expect(!sequences.contains { $0.pages.contains(page) })
          let isShared = shared == pages.count && cache.insert(page, at: key)
          sequences[index] = (pages + [page], shared + (isShared ? 1 : 0))
        }
      default: break
      }
      #expect(cache.availableCount == count - Set(sequences.flatMap(\.pages)).count)
    }
    for sequence in sequences { cache.release(sequence.pages) }
    #expect(cache.availableCount == count)
    #expect(Set((0..<count).compactMap { _ in cache.allocate() }).count == count)
  }
}
