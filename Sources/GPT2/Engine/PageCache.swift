/// Which pages of the K/V memory are free, which belong to running sequences, and which hold the beginning of a text
/// that a later sequence may share instead of computing it again.
///
/// Shared pages form a tree: the child of a page is the page of the 16 tokens that came after it. Pages that no
/// sequence uses any more stay in the tree until their memory is needed; then the least recently used go first,
/// the ends of texts before their beginnings.
struct PageCache {
  /// A place in the tree.
  struct Key: Hashable {
    /// The page of the text before it; nil for the first page.
    let parent: Int32?
    /// Keeps the texts of different owners apart.
    let salt: UInt64
    let tokens: SIMD16<Int32>

    /// `tokens`: 16 of them.
    init(after parent: Int32?, salt: UInt64, tokens: ArraySlice<Int32>) {
      self.parent = parent
      self.salt = salt
      self.tokens = SIMD16(tokens)
    }
  }

  private struct Page {
    /// Sequences that use it.
    var users: Int32 = 0
    /// Its place in the tree, if it has one.
    var key: Key?
    var children: Int32 = 0
    /// Neighbours in the list of those that can be evicted at once.
    var older = none
    var newer = none
  }

  private static let none: Int32 = -1

  private var pages: [Page]
  private var free: [Int32]
  private var tree: [Key: Int32] = [:]
  /// Pages in the tree that no sequence uses. A used page's ancestors are used too, so all of these can be evicted.
  private var unusedCount = 0
  private var oldest = none
  private var newest = none

  init(pageCount: Int) {
    pages = Array(repeating: Page(), count: pageCount)
    free = Array((0..<Int32(pageCount)).reversed())
  }

  /// How many pages hold a text that no sequence uses.
  var keptCount: Int { unusedCount }

  /// How many pages `allocate` could hand out.
  var availableCount: Int { free.count + unusedCount }

  /// How many pages hold a text that can be shared.
  var sharedCount: Int { tree.count }

  /// A page of its own for a sequence; nil if all are in use.
  mutating func allocate() -> Int32? {
    guard let page = free.popLast() ?? evict() else { return nil }
    pages[Int(page)] = Page(users: 1)
    return page
  }

  /// The page at this place, for one more sequence, if there is one.
  mutating func share(_ key: Key) -> Int32? {
    guard let page = tree[key] else { return nil }
    if pages[Int(page)].users == 0 {
      unusedCount -= 1
      if pages[Int(page)].children == 0 { unlink(page) }
    }
    pages[Int(page)].users += 1
    return page
  }

  /// Puts a sequence's page into the tree, now that it holds these tokens. False if there is one like it already.
  /// The sequence uses the key's parent as well.
  mutating func insert(_ page: Int32, at key: Key) -> Bool {
    guard tree[key] == nil else { return false }
    tree[key] = page
    pages[Int(page)].key = key
    if let parent = key.parent { pages[Int(parent)].children += 1 }
    return true
  }

  /// A sequence no longer uses its pages.
  mutating func release(_ sequence: [Int32]) {
    // Ends first: they are the first to be evicted.
    for page in sequence.reversed() {
      pages[Int(page)].users -= 1
      guard pages[Int(page)].users == 0 else { continue }
      if pages[Int(page)].key == nil {
        free.append(page)
      } else {
        unusedCount += 1
        if pages[Int(page)].children == 0 { link(page, asOldest: false) }
      }
    }
  }

  /// Forgets all texts that can be shared; the pages in use stay with their sequences.
  mutating func removeAll() {
    tree.removeAll()
    for page in pages.indices where pages[page].key != nil {
      let users = pages[page].users
      pages[page] = Page(users: users)
      if users == 0 { free.append(Int32(page)) }
    }
    unusedCount = 0
    oldest = Self.none
    newest = Self.none
  }

  private mutating func evict() -> Int32? {
    guard oldest != Self.none else { return nil }
    let page = oldest
    unlink(page)
    unusedCount -= 1
    guard let key = pages[Int(page)].key else { return page }
    tree[key] = nil
    if let parent = key.parent {
      pages[Int(parent)].children -= 1
      if pages[Int(parent)].children == 0, pages[Int(parent)].users == 0 { link(parent, asOldest: true) }
    }
    return page
  }

  private mutating func link(_ page: Int32, asOldest: Bool) {
    let neighbour = asOldest ? oldest : newest
    pages[Int(page)].older = asOldest ? Self.none : neighbour
    pages[Int(page)].newer = asOldest ? neighbour : Self.none
    if neighbour == Self.none {
      oldest = page
      newest = page
    } else if asOldest {
      pages[Int(neighbour)].older = page
      oldest = page
    } else {
      pages[Int(neighbour)].newer = page
      newest = page
    }
  }

  private mutating func unlink(_ page: Int32) {
    let (older, newer) = (pages[Int(page)].older, pages[Int(page)].newer)
    if older == Self.none { oldest = newer } else { pages[Int(older)].newer = newer }
    if newer == Self.none { newest = older } else { pages[Int(newer)].older = older }
    pages[Int(page)].older = Self.none
    pages[Int(page)].newer = Self.none
  }
}
