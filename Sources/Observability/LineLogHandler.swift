package import Logging

/// Writes each event as one line, as JSON or for people. Nothing in a message or in metadata can begin a line
/// of its own or move a terminal's cursor: control characters are escaped. Nor can it fill a disk: long texts are cut.
package struct LineLogHandler: LogHandler {
  package enum Style: Sendable {
    case json, text
  }

  /// How many bytes a message, a name or a value of metadata has at most.
  package static let maxTextBytes = 4096

  package var logLevel: Logger.Level
  package var metadata: Logger.Metadata = [:]
  package var metadataProvider: Logger.MetadataProvider?
  private let label: String
  private let style: Style
  private let write: @Sendable ([UInt8]) -> Void

  package init(label: String, level: Logger.Level, style: Style, write: @escaping @Sendable ([UInt8]) -> Void)
  {
    self.label = label
    self.logLevel = level
    self.style = style
    self.write = write
  }

  package subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  package func log(event: LogEvent) {
    var all = metadata
    if let provided = metadataProvider?.get() { all.merge(provided) { _, new in new } }
    if let own = event.metadata { all.merge(own) { _, new in new } }
    if let error = event.error { all["error"] = "\(error)" }
    // Hummingbird's own name of a request beside ours.
    all["hb.request.id"] = nil
    let fields = all.sorted { $0.key < $1.key }.map { ($0.key, $0.value.description) }
    switch style {
    case .json: write(json(event, fields))
    case .text: write(text(event, fields))
    }
  }

  private func json(_ event: LogEvent, _ fields: [(String, String)]) -> [UInt8] {
    var line = Array("{".utf8)
    let own = [
      ("time", Timestamp.now()), ("level", event.level.rawValue), ("logger", label),
      ("message", event.message.description),
    ]
    var taken = Set(own.map(\.0) + fields.map(\.0))
    let rest = fields.map { name, value in
      var unique = name
      if own.contains(where: { $0.0 == name }) {
        repeat { unique = "_" + unique } while !taken.insert(unique).inserted
      }
      return (unique, value)
    }
    for (index, field) in (own + rest).enumerated() {
      line.append(contentsOf: (index == 0 ? "\"" : ",\"").utf8)
      append(field.0, to: &line)
      line.append(contentsOf: "\":\"".utf8)
      append(field.1, to: &line)
      line.append(UInt8(ascii: "\""))
    }
    line.append(contentsOf: "}\n".utf8)
    return line
  }

  private func text(_ event: LogEvent, _ fields: [(String, String)]) -> [UInt8] {
    let time = Timestamp.now().dropFirst(11).prefix(8)
    var line = Array("\(time) \(event.level.rawValue) ".utf8)
    append(event.message.description, to: &line)
    for (name, value) in fields {
      line.append(contentsOf: "  ".utf8)
      append(name, to: &line)
      line.append(UInt8(ascii: "="))
      append(value, to: &line)
    }
    line.append(UInt8(ascii: "\n"))
    return line
  }

  private func append(_ text: String, to line: inout [UInt8]) {
    JSONText.append(text, to: &line, limit: Self.maxTextBytes)
  }
}
