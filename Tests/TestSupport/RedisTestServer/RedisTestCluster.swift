import Glibc

/// A cluster of servers without replicas on free loopback ports; ends with this object.
package final class RedisTestCluster: Sendable {
  package let nodes: [RedisTestServer]

  /// Starts a cluster of so many nodes that share the slots evenly, and waits until all of them agree.
  package init(nodes count: Int) throws {
    nodes = try (0..<count).map { _ in try Self.makeNode() }
    for (index, node) in nodes.enumerated() {
      let probe = try node.probe()
      try probe.send(
        "CLUSTER", "ADDSLOTSRANGE", "\(16384 * index / count)", "\(16384 * (index + 1) / count - 1)")
      for other in nodes where other.port != node.port { try Self.introduce(other, to: node) }
    }
    for node in nodes {
      let probe = try node.probe()
      try Self.wait("the cluster doesn't come up") {
        let info = try probe.send("CLUSTER", "INFO").string ?? ""
        return info.contains("cluster_state:ok") && info.contains("cluster_known_nodes:\(count)")
      }
    }
  }

  private static func makeNode() throws -> RedisTestServer {
    try RedisTestServer(arguments: [
      "--cluster-enabled", "yes", "--cluster-port", "\(RedisTestServer.freePort())",
      "--cluster-node-timeout", "2000", "--repl-diskless-sync-delay", "0",
    ])
  }

  private static func introduce(_ other: RedisTestServer, to node: RedisTestServer) throws {
    let busPort = try other.probe().send("CONFIG", "GET", "cluster-port").array?.last?.string ?? ""
    try node.probe().send("CLUSTER", "MEET", "127.0.0.1", "\(other.port)", busPort)
  }

  /// Starts a node that takes the place of another one when that is lost, and waits until it has its data.
  package func addReplica(of node: RedisTestServer) throws -> RedisTestServer {
    let replica = try Self.makeNode()
    try Self.introduce(node, to: replica)
    let id = try node.probe().send("CLUSTER", "MYID").string ?? ""
    let probe = try replica.probe()
    try Self.wait("the replica isn't accepted") {
      try probe.send("CLUSTER", "REPLICATE", id) == .text("OK")
    }
    try Self.wait("the replica doesn't get its data") {
      try probe.send("ROLE").array?.dropFirst(3).first?.string == "connected"
    }
    // Those that choose the successor must know of it.
    for other in nodes {
      try Self.wait("the cluster doesn't see the replica") {
        let list = try other.probe().send("CLUSTER", "REPLICAS", id).array?.compactMap(\.string) ?? []
        return list.contains { $0.contains(":\(replica.port)@") && $0.contains(" connected") }
      }
    }
    return replica
  }

  /// Lets a replica take the place of its node, without a loss. Nodes give up on that after five seconds if
  /// they weren't heard, hence it is asked for again.
  package static func promote(_ replica: RedisTestServer) throws {
    let probe = try replica.probe()
    for _ in 0..<5 {
      try probe.send("CLUSTER", "FAILOVER")
      for _ in 0..<600 {
        if (try? replica.probe().send("ROLE").array?.first?.string) == "master" { return }
        usleep(10_000)
      }
    }
    throw RedisTestServer.Failure(description: "the replica isn't promoted")
  }

  package func slot(of key: String) throws -> Int {
    try nodes[0].probe().send("CLUSTER", "KEYSLOT", key).integer ?? 0
  }

  /// The node that has the slot.
  package func owner(of slot: Int) -> RedisTestServer { nodes[slot * nodes.count / 16384] }

  /// Moves a slot, as a cluster that grows does: some keys are here and some are there meanwhile.
  package func move(slot: Int, from source: RedisTestServer, to target: RedisTestServer) throws {
    let (here, there) = (try source.probe(), try target.probe())
    let sourceID = try here.send("CLUSTER", "MYID").string ?? ""
    let targetID = try there.send("CLUSTER", "MYID").string ?? ""
    try there.send("CLUSTER", "SETSLOT", "\(slot)", "IMPORTING", sourceID)
    try here.send("CLUSTER", "SETSLOT", "\(slot)", "MIGRATING", targetID)
    try Self.wait("the slot doesn't become empty") {
      let keys = try here.send("CLUSTER", "GETKEYSINSLOT", "\(slot)", "5").array?.compactMap(\.string) ?? []
      for key in keys { try here.send("MIGRATE", "127.0.0.1", "\(target.port)", key, "0", "2000") }
      return keys.isEmpty
    }
    for node in [there, here] { try node.send("CLUSTER", "SETSLOT", "\(slot)", "NODE", targetID) }
  }

  private static func wait(_ problem: String, until isDone: () throws -> Bool) throws {
    for _ in 0..<3_000 {
      if try isDone() { return }
      usleep(5_000)
    }
    throw RedisTestServer.Failure(description: problem)
  }
}
