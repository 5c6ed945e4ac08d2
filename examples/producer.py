"""Jobs from Python: one that is waited for, one that is streamed, one that is cancelled.
usage: pip install redis; REDIS_URL=redis://127.0.0.1:6379 python producer.py 'The king'"""
import json, os, sys, time, uuid
import redis

prompt = sys.argv[1] if len(sys.argv) > 1 else "The king"
queue = "{%s}" % os.environ.get("QUEUE_NAMESPACE", "gpt2")
client = redis.Redis.from_url(os.environ.get("REDIS_URL", "redis://127.0.0.1:6379"), decode_responses=True)


def push(job, priority="default"):
    client.lpush(f"{queue}:q:{priority}", json.dumps(job))


def tokens(inbox):
    """The texts of the tokens as they come, and at the end the result."""
    last, count = "0-0", 0
    while entries := client.xread({inbox: last}, block=60000):
        for last, fields in entries[0][1]:
            piece = json.loads(fields["d"])
            if "done" in fields:
                return (yield piece)
            if piece["first"] <= count:  # behind a gap: its text comes with the result
                yield from (token["text"] for token in piece["tokens"][count - piece["first"] :])
                count = max(count, piece["first"] + len(piece["tokens"]))


wait, stream, cancel = (uuid.uuid4().hex for _ in range(3))
push({"id": wait, "prompt": prompt, "reply_to": f"{queue}:reply:{wait}"})
print("wait:", json.loads(client.blpop(f"{queue}:reply:{wait}", 60)[1])["completion"])

push({"id": stream, "prompt": prompt, "stream": True, "reply_to": f"{queue}:inbox:producer:{stream}"})
for event in tokens(f"{queue}:inbox:producer:{stream}"):
    print(event if isinstance(event, str) else f"\nstream: {event['status']}", end="", flush=True)

push({"id": cancel, "prompt": prompt, "max_new_tokens": 512, "ignore_eos": True}, "low")
client.set(f"{queue}:cxl:{cancel}", 1, ex=300)
while not (result := client.get(f"{queue}:res:{cancel}")):
    time.sleep(0.1)
print("\ncancel:", json.loads(result)["status"])
