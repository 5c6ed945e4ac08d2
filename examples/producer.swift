// Jobs from Swift, by redis-cli: one that is waited for, one that is streamed, one that is cancelled.
// usage: swiftc producer.swift && REDIS_URL=redis://127.0.0.1:6379 ./producer 'The king'
import Foundation

struct Job: Encodable {
  var id = UUID().uuidString, prompt = CommandLine.arguments.dropFirst().first ?? "The king"
  var reply_to: String?, stream: Bool?, max_new_tokens: Int?, ignore_eos: Bool?
}
let environment = ProcessInfo.processInfo.environment
let queue = "{\(environment["QUEUE_NAMESPACE"] ?? "gpt2")}"

/// The lines of the answer to a command.
func redis(_ words: String...) throws -> [String] {
  let process = Process(), output = Pipe(), url = environment["REDIS_URL"] ?? "redis://127.0.0.1:6379"
  process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
  process.arguments = ["redis-cli", "--no-auth-warning", "--raw", "-u", url] + words
  process.standardOutput = output
  try process.run()
  return String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self).components(separatedBy: "\n")
}
func push(_ job: Job, to list: String = "default") throws {
  _ = try redis("LPUSH", "\(queue):q:\(list)", String(decoding: JSONEncoder().encode(job), as: UTF8.self))
}
var (wait, stream, cancel) = (Job(), Job(stream: true), Job(max_new_tokens: 512, ignore_eos: true))
wait.reply_to = "\(queue):reply:\(wait.id)"
try push(wait)
print("wait:", try redis("BLPOP", wait.reply_to!, "60")[1])
stream.reply_to = "\(queue):inbox:producer:\(stream.id)"
try push(stream)
var (last, ended) = ("0-0", false)
while !ended {
  let lines = try redis("XREAD", "BLOCK", "60000", "STREAMS", stream.reply_to!, last)
  for (field, value) in zip(lines, lines.dropFirst()) where field == "d" { print("stream:", value) }
  last = lines.last { $0.contains("-") && $0.allSatisfy { $0.isNumber || $0 == "-" } } ?? last
  ended = lines.contains("done")
}
try push(cancel, to: "low")
_ = try redis("SET", "\(queue):cxl:\(cancel.id)", "1", "EX", "300")
while try redis("GET", "\(queue):res:\(cancel.id)")[0].isEmpty { usleep(100_000) }
print("cancel:", try redis("GET", "\(queue):res:\(cancel.id)")[0])
