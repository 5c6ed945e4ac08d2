#!/usr/bin/env bash
# Jobs from the shell: one that is waited for, one that is streamed, one that is cancelled.
# usage: REDIS_URL=redis://127.0.0.1:6379 ./producer.sh 'The king'
set -euo pipefail
prompt=${1:-The king}
url=${REDIS_URL:-redis://127.0.0.1:6379}
queue="{${QUEUE_NAMESPACE:-gpt2}}"
redis() { redis-cli -u "$url" --no-auth-warning "$@"; }
new_id() { od -An -N8 -tx1 /dev/urandom | tr -d ' \n'; }
# A prompt as a JSON string. Any JSON tool does better: jq -n --arg p "$prompt" '{prompt: $p}'
quoted=$(printf '"%s"' "$(printf %s "$prompt" | sed 's/[\\"]/\\&/g' | awk 'NR > 1 { printf "\\n" } { printf "%s", $0 }')")

echo "== wait"
id=$(new_id)
redis LPUSH "$queue:q:default" "{\"id\":\"$id\",\"prompt\":$quoted,\"reply_to\":\"$queue:reply:$id\"}" > /dev/null
redis --raw BLPOP "$queue:reply:$id" 60 | tail -n 1

echo "== stream"
id=$(new_id) last=0-0
redis LPUSH "$queue:q:default" \
  "{\"id\":\"$id\",\"prompt\":$quoted,\"stream\":true,\"reply_to\":\"$queue:inbox:producer:$id\"}" > /dev/null
until [[ ${entries:-} == *$'\ndone\n'* ]]; do
  # Entries are: their number, then field, value, … of which d is a piece of the text or, at the end, the result.
  entries=$(redis --raw XREAD BLOCK 60000 STREAMS "$queue:inbox:producer:$id" "$last")
  [[ -n $entries ]] || { echo "no answer within a minute" >&2; exit 1; }
  grep -A 1 '^d$' <<< "$entries" | grep '^{'
  last=$(grep -E '^[0-9]+-[0-9]+$' <<< "$entries" | tail -n 1)
done

echo "== cancel"
id=$(new_id)
redis LPUSH "$queue:q:low" "{\"id\":\"$id\",\"prompt\":$quoted,\"max_new_tokens\":512,\"ignore_eos\":true}" > /dev/null
redis SET "$queue:cxl:$id" 1 EX 300 > /dev/null
until result=$(redis GET "$queue:res:$id") && [[ -n $result ]]; do sleep 0.1; done
echo "$result"
