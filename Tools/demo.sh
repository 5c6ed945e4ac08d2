#!/usr/bin/env bash
# Starts the embedded service with the bundled models, sends requests as a client would and shows the answers.
# The service stays up until Ctrl-C; ONESHOT=1 stops it after the answers. PORT names the port (default: 8080 if
# it is free, else any free one).
set -euo pipefail
cd "$(dirname "$0")/.."
gpt2=.build/release/gpt2

port_is_free() { ! (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }
port=${PORT:-8080}
if [ -z "${PORT:-}" ] && ! port_is_free "$port"; then
  while port=$((20000 + RANDOM % 20000)); ! port_is_free "$port"; do :; done
fi
url=http://127.0.0.1:$port

log=$(mktemp)
"$gpt2" serve --port "$port" 2>"$log" &
server=$!
trap 'kill "$server" 2>/dev/null; wait "$server" 2>/dev/null; rm -f "$log"' EXIT
trap 'exit 0' INT TERM

# A checkpoint of the user's is converted before the service is ready: no time limit while it lives.
until "$gpt2" healthcheck --url "$url/ready" >/dev/null 2>&1; do
  kill -0 "$server" 2>/dev/null || { cat "$log" >&2; exit 1; }
  sleep 0.1
done

ask() {
  printf '\n$ curl %s/generate -d %s\n' "$url" "'$1'"
  curl --silent --show-error --fail-with-body "$url/generate" -H 'content-type: application/json' \
    ${API_KEY:+-H "x-api-key: $API_KEY"} -d "$1"
  echo
}
ask '{"prompt": "The knight drew his sword and", "max_new_tokens": 50, "temperature": 0.8, "top_k": 40}'
ask '{"prompt": "The king", "task_name": "got", "max_new_tokens": 40, "temperature": 0.8, "top_p": 0.9}'
ask '{"prompt": "WINNER!! Claim your free prize now, call 09061701461", "task_name": "spam"}'

[ -n "${ONESHOT:-}" ] && exit 0
printf '\nThe service runs at %s until Ctrl-C.\n' "$url"
wait "$server"
