/// The parts of Prometheus's text format, version 0.0.4.
enum MetricText {
  /// The beginning of a line up to the value.
  static func head(of metric: MetricDescription, line: MetricLine, labels: [String]) -> [UInt8] {
    var pairs = zip(metric.labels, labels).map { ($0.name, $1) }
    if let bound = line.upperBound { pairs.append(("le", bound)) }
    var text = metric.name + line.suffix
    if !pairs.isEmpty {
      text += "{" + pairs.map { "\($0)=\"\(escaped($1, quotes: true))\"" }.joined(separator: ",") + "}"
    }
    return Array("\(text) ".utf8)
  }

  /// The two lines above all series of a metric.
  static func comments(of metric: MetricDescription) -> String {
    "# HELP \(metric.name) \(escaped(metric.help, quotes: false))\n"
      + "# TYPE \(metric.name) \(metric.kind.rawValue)\n"
  }

  /// Whole numbers have no fraction, whichever type they have.
  static func number(_ number: MetricNumber) -> String {
    switch number {
    case .integer(let value): String(value)
    case .real(let value): Int(exactly: value).map { String($0) } ?? value.description
    }
  }

  /// Quotes stay as they are in help texts.
  private static func escaped(_ text: String, quotes: Bool) -> String {
    var result = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\\": result += "\\\\"
      case "\n": result += "\\n"
      case "\"" where quotes: result += "\\\""
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result
  }
}
