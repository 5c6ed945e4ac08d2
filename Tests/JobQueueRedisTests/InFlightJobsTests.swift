import JobQueue
import JobQueueRedis
import Testing

@Suite("What a worker holds, compared with its list")
struct InFlightJobsTests {
  @Test func `Only what is not held is unknown, each copy for itself`() {
    var jobs = InFlightJobs()
    _ = jobs.add(payload: [1], envelope: nil, priority: .default)
    _ = jobs.add(payload: [2], envelope: nil, priority: .default)
    jobs.beginComparison()
    #expect(jobs.endComparison(listed: [[1], [3], [1]]) == [[3], [1]])
  }

  @Test func `What was let go since the list was read is not unknown`() {
    var jobs = InFlightJobs()
    let job = jobs.add(payload: [1], envelope: nil, priority: .default)
    jobs.beginComparison()
    jobs.remove(job)
    #expect(jobs.endComparison(listed: [[1]]).isEmpty)
    jobs.beginComparison()
    #expect(jobs.endComparison(listed: [[1]]) == [[1]])
  }

  @Test func `Letting go twice counts once`() {
    var jobs = InFlightJobs()
    let first = jobs.add(payload: [1], envelope: nil, priority: .default)
    _ = jobs.add(payload: [1], envelope: nil, priority: .default)
    jobs.remove(first)
    jobs.remove(first)
    #expect(jobs.count == 1)
    jobs.beginComparison()
    #expect(jobs.endComparison(listed: [[1]]).isEmpty)
  }

  @Test func `A reader is told of a cancellation once`() {
    var jobs = InFlightJobs()
    let job = jobs.add(payload: [1], envelope: nil, priority: .default)
    let told = [jobs.noteCancelled(job.claimNumber), jobs.noteCancelled(job.claimNumber)]
    #expect(told == [true, false])
    jobs.remove(job)
    #expect(jobs.noteCancelled(job.claimNumber) == false)
  }

  @Test func `Adopted jobs are handed out once, in order`() {
    var jobs = InFlightJobs()
    for byte in 1...3 {
      let job = jobs.add(payload: [UInt8(byte)], envelope: nil, priority: .low)
      jobs.handOut(job)
    }
    #expect(jobs.takeAdopted(upTo: 2).map(\.payload) == [[1], [2]])
    #expect(jobs.takeAdopted(upTo: 2).map(\.payload) == [[3]])
    #expect(jobs.takeAdopted(upTo: 2).isEmpty)
  }
}
