import JobQueueRedis
import Testing

@Suite("Whom to connect to")
struct RedisTopologyTests {
  private let a = HostAndPort(host: "a", port: 1)
  private let b = HostAndPort(host: "b", port: 1)
  private let c = HostAndPort(host: "c", port: 1)
  private let d = HostAndPort(host: "d", port: 1)

  @Test func `The servers that were named are tried in their order, each once`() {
    #expect(RedisTopology(seeds: [b, a, b], isCluster: true).candidates == [b, a])
  }

  @Test func `A node that was named as the right one comes first until it fails`() {
    var topology = RedisTopology(seeds: [a, b], isCluster: false)
    topology.noteConnected(to: a)
    topology.noteRedirection(to: c)
    #expect(topology.isCluster)
    #expect(topology.candidates == [c, a, b])
    topology.noteConnected(to: c)
    #expect(topology.candidates == [c, a, b])
    topology.noteFailure(of: c)
    #expect(topology.candidates == [a, b])
    #expect(topology.current == nil)
  }

  @Test func `Nodes that the cluster told of are tried after those that were named`() {
    var topology = RedisTopology(seeds: [a], isCluster: true)
    topology.learn([b, a, c])
    #expect(topology.candidates == [a, b, c])
    topology.learn([])
    #expect(topology.candidates == [a, b, c])
    topology.learn([d])
    #expect(topology.candidates == [a, d])
  }

  @Test func `Each node is asked in turn while they know nobody who has the queue`() {
    var topology = RedisTopology(seeds: [a, b], isCluster: true)
    topology.learn([c, b])
    var asked: [HostAndPort] = []
    for _ in 0..<4 {
      if let next = topology.candidates.first {
        asked.append(next)
        topology.noteConnected(to: next)
      }
      topology.noteConfusion()
    }
    #expect(asked == [a, b, c, a])
  }
}
