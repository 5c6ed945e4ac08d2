/// All series of one answer to Prometheus. Each metric's lines stand together and each series occurs once, wherever
/// they come from; otherwise Prometheus would refuse the whole answer.
struct Exposition {
  private struct Block {
    let metric: MetricDescription
    /// The lines, by the values of the labels.
    var series: [[String]: [UInt8]] = [:]
  }

  private var blocks: [String: Block] = [:]

  /// Adds a series, unless there is one of the same name and labels.
  mutating func add(_ metric: MetricDescription, labels: [String], lines: [UInt8]) {
    var block = blocks.removeValue(forKey: metric.name) ?? Block(metric: metric)
    if block.series[labels] == nil { block.series[labels] = lines }
    blocks[metric.name] = block
  }

  mutating func add(_ sample: MetricSample) {
    guard sample.isMeaningful else { return }
    var line = MetricText.head(of: sample.metric, line: MetricLine(), labels: sample.labels)
    line.append(contentsOf: MetricText.number(sample.number).utf8)
    line.append(UInt8(ascii: "\n"))
    add(sample.metric, labels: sample.labels, lines: line)
  }

  /// The text, sorted by name and then by the labels' values.
  var text: [UInt8] {
    var text: [UInt8] = []
    for (_, block) in blocks.sorted(by: { $0.key < $1.key }) {
      text.append(contentsOf: MetricText.comments(of: block.metric).utf8)
      for (_, lines) in block.series.sorted(by: { $0.key.lexicographicallyPrecedes($1.key) }) {
        text.append(contentsOf: lines)
      }
    }
    return text
  }
}
