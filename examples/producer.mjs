// Jobs from Node, without any package: one that is waited for, one that is streamed, one that is cancelled.
// usage: REDIS_HOST=127.0.0.1 REDIS_PORT=6379 node producer.mjs 'The king'
import { randomUUID } from "node:crypto";
import { connect } from "node:net";
const queue = `{${process.env.QUEUE_NAMESPACE ?? "gpt2"}}`, prompt = process.argv[2] ?? "The king";
let received = Buffer.alloc(0), waiting = [];
const socket = connect(Number(process.env.REDIS_PORT ?? 6379), process.env.REDIS_HOST ?? "127.0.0.1");
// The reply of Redis at `at`: its value and where it ends; undefined while it is incomplete.
function reply(at) {
  const end = received.indexOf("\r\n", at), line = received.toString("utf8", at + 1, end), size = Number(line);
  if (end < 0) return;
  if (received[at] === 0x2d) throw new Error(line); // -
  if (received[at] === 0x24 && size >= 0) // $
    return received.length < end + 4 + size ? undefined : [received.toString("utf8", end + 2, end + 2 + size), end + 4 + size];
  if (received[at] !== 0x2a) return [size < 0 ? null : line, end + 2]; // *
  for (let items = [], item, next = end + 2; ; items.push(item[0]), next = item[1])
    if (items.length >= size) return [size < 0 ? null : items, next];
    else if (!(item = reply(next))) return;
}
socket.on("data", (data) => {
  for (let found = (received = Buffer.concat([received, data]), null); waiting.length && (found = reply(0)); waiting.shift()(found[0])) received = received.subarray(found[1]);
});
const redis = (...words) => new Promise((done) => (waiting.push(done), socket.write(
  `*${words.length}\r\n` + words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`).join(""))));
const push = (job, list = "default") => redis("LPUSH", `${queue}:q:${list}`, JSON.stringify({ prompt, ...job }));
const [wait, stream, cancel] = [randomUUID(), randomUUID(), randomUUID()], inbox = `${queue}:inbox:producer:${stream}`;
await push({ id: wait, reply_to: `${queue}:reply:${wait}` });
console.log("wait:", JSON.parse((await redis("BLPOP", `${queue}:reply:${wait}`, "60"))[1]).completion);
await push({ id: stream, stream: true, reply_to: inbox });
for (let last = "0-0", done = false; !done; )
  for (const [number, fields] of (await redis("XREAD", "BLOCK", "60000", "STREAMS", inbox, last))[0][1]) {
    const body = JSON.parse(fields[fields.indexOf("d") + 1]);
    [last, done] = [number, fields.includes("done")];
    process.stdout.write(done ? `\nstream: ${body.status}\n` : body.tokens.map((token) => token.text).join(""));
  }
await push({ id: cancel, max_new_tokens: 512, ignore_eos: true }, "low");
await redis("SET", `${queue}:cxl:${cancel}`, "1", "EX", "300");
for (var result; !result; ) result = await redis("GET", `${queue}:res:${cancel}`);
console.log("cancel:", JSON.parse(result).status);
socket.end();
