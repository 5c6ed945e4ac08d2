import Testing

@testable import CLI

@Suite struct AvailableCPUsTests {
  @Test(arguments: [
    ("max 100000\n", nil), ("200000 100000\n", 2), ("150000 100000\n", 2), ("100000 100000\n", 1),
    ("5000 100000", 1), ("0 100000", nil), ("", nil), ("100000", nil), ("a b", nil),
  ])
  func aQuotaOfTimeIsRoundedUpToWholeCPUs(text: String, count: Int?) {
    #expect(AvailableCPUs.quota(max: text) == count)
  }

  @Test func aNegativeQuotaOfVersionOneIsNoLimit() {
    #expect(AvailableCPUs.quota(time: "-1\n", period: "100000\n") == nil)
    #expect(AvailableCPUs.quota(time: "250000\n", period: "100000\n") == 3)
  }

  @Test func theSmallestQuotaOfAGroupAndThoseAboveItCounts() {
    let files = [
      "/sys/fs/cgroup/a/b/cpu.max": "max 100000", "/sys/fs/cgroup/a/cpu.max": "300000 100000",
      "/sys/fs/cgroup/cpu.max": "400000 100000",
    ]
    #expect(AvailableCPUs.quota(groups: "0::/a/b\n") { files[$0] } == 3)
    #expect(AvailableCPUs.quota(groups: "0::/\n") { files[$0] } == 4)
    #expect(AvailableCPUs.quota(groups: "0::/c\n") { _ in nil } == nil)
    #expect(AvailableCPUs.quota(groups: "") { files[$0] } == nil)
  }

  @Test func theControllerOfVersionOneIsFoundAmongItsLines() {
    let files = [
      "/sys/fs/cgroup/cpu/docker/x/cpu.cfs_quota_us": "200000\n",
      "/sys/fs/cgroup/cpu/docker/x/cpu.cfs_period_us": "100000\n",
      "/sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1\n", "/sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
    ]
    let groups = "5:memory:/docker/x\n4:cpu,cpuacct:/docker/x\n0::/\n"
    #expect(AvailableCPUs.quota(groups: groups) { files[$0] } == 2)
  }

  @Test(arguments: [
    ("0", 1), ("0-3", 4), ("0-1,4,6-7", 5), ("", nil), ("x", nil), ("3-1", nil),
  ])
  func theCPUsThatAProcessMayRunOnAreCounted(list: String, count: Int?) {
    let status = "Name:\tgpt2\nCpus_allowed:\tff\nCpus_allowed_list:\t\(list)\nMems_allowed_list:\t0\n"
    #expect(AvailableCPUs.affinity(status: status) == count)
  }

  @Test func thereIsAlwaysOne() {
    #expect(AvailableCPUs.count >= 1)
  }
}
