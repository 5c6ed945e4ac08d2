/// Which servers a link may talk to, and which of them it tries first.
///
/// All keys of a queue are in one slot, so one node of a cluster has them all. Any node says which; that one
/// is tried first from then on, and when it is lost, all others that were ever named are asked who took its
/// place.
package struct RedisTopology: Sendable, Equatable {
  private let seeds: [HostAndPort]
  /// What the cluster said of itself the last time it was asked.
  private var members: [HostAndPort] = []
  /// The node that was named as the right one, until it fails.
  private var preferred: HostAndPort?
  /// The server of the present connection, or of the last one.
  package private(set) var current: HostAndPort?
  /// Whether a server behaves as a node of a cluster does.
  package private(set) var isCluster: Bool

  package init(seeds: [HostAndPort], isCluster: Bool) {
    self.seeds = seeds
    self.isCluster = isCluster
  }

  /// Whom to try, in this order, each once.
  package var candidates: [HostAndPort] { Self.unique((preferred.map { [$0] } ?? []) + seeds + members) }

  package mutating func noteConnected(to server: HostAndPort) { current = server }

  package mutating func noteFailure(of server: HostAndPort) {
    if preferred == server { preferred = nil }
    if current == server { current = nil }
  }

  /// Another node has the queue.
  package mutating func noteRedirection(to node: HostAndPort) {
    preferred = node
    isCluster = true
  }

  /// The node of the present connection thinks that nobody has the queue. One that was cut off from the
  /// others goes on thinking so, hence the next one is to be asked.
  package mutating func noteConfusion() {
    let all = Self.unique(seeds + members)
    let next = (current.flatMap { all.firstIndex(of: $0) } ?? -1) + 1
    preferred = all.isEmpty ? nil : all[next % all.count]
  }

  /// Takes in who is in the cluster; nobody means that it wasn't said.
  package mutating func learn(_ nodes: [HostAndPort]) {
    if !nodes.isEmpty { members = Self.unique(nodes) }
  }

  private static func unique(_ servers: [HostAndPort]) -> [HostAndPort] {
    var seen: Set<HostAndPort> = []
    return servers.filter { seen.insert($0).inserted }
  }
}

extension RedisTopology {
  /// Takes in the answer to `CLUSTER SLOTS`: ranges of slots, each with its nodes. Anything else changes
  /// nothing.
  mutating func learn(from slots: RedisReply?) {
    var nodes: [HostAndPort] = []
    for range in slots?.array ?? [] {
      for node in (range.array ?? []).dropFirst(2) {
        guard let fields = node.array, fields.count >= 2, let port = fields[1].integer else { continue }
        let name = fields[0].string ?? ""
        if let node = HostAndPort(redirection: "\(name):\(port)", from: current) { nodes.append(node) }
      }
    }
    learn(nodes)
  }
}
