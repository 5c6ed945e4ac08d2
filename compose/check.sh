#!/usr/bin/env bash
# Builds the image, starts the compose file with three workers, and checks it as its clients see it: 100 requests
# while a worker is killed, a job pushed past HTTP, and requests while Redis restarts. Exits 0 only if all was right.
#
#   GATEWAY_PORT    the port to publish; default: a free one
#   API_KEY         the key to ask for and to send; default: none
#   NO_BUILD=1      take the image that is there
#   BUILD_NETWORK   the network of the build, such as `host`
#   DOCKER          the docker command; default: docker
set -euo pipefail
cd "$(dirname "$0")/.."

docker=${DOCKER:-docker}
export COMPOSE_PROJECT_NAME=${COMPOSE_PROJECT_NAME:-gpt2-check-$$}
if "$docker" compose version >/dev/null 2>&1; then
  compose() { "$docker" compose -f compose/compose.yaml "$@"; }
else
  compose() { docker-compose -f compose/compose.yaml "$@"; }
fi

port_is_free() { ! (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }
if [ -z "${GATEWAY_PORT:-}" ]; then
  while GATEWAY_PORT=$((20000 + RANDOM % 20000)); ! port_is_free "$GATEWAY_PORT"; do :; done
fi
export GATEWAY_PORT API_KEY=${API_KEY:-}
export url=http://127.0.0.1:$GATEWAY_PORT answers
answers=$(mktemp -d)
# The answers are those of the bundled models, whatever this machine serves otherwise.
export MODELS_FOLDER=$answers/models CKPT_PATH='' GOT_CKPT_PATH='' SPAM_CKPT_PATH='' MODEL_NAME='' PAD_TO='' MAX_CTX=''
mkdir "$MODELS_FOLDER"

say() { echo "compose-check: $*"; }
fail() { say "FAILED: $*" >&2; exit 1; }
finish() {
  code=$?
  trap - EXIT
  [ "$code" = 0 ] || { compose ps; compose logs --tail 40; } >&2 || true
  compose down --volumes --remove-orphans >"$answers/down" 2>&1 || { cat "$answers/down" >&2; code=1; }
  rm -rf "$answers"
  exit "$code"
}
trap finish EXIT
trap 'exit 130' INT TERM

# until_true SECONDS WHAT COMMAND…
until_true() {
  local end=$((SECONDS + $1)) what=$2
  shift 2
  until "$@"; do
    [ "$SECONDS" -lt "$end" ] || fail "$what"
    sleep 0.3
  done
}

# The containers of a service, those that stopped too.
containers() {
  "$docker" ps --all --quiet --no-trunc --filter "label=com.docker.compose.service=$1" \
    --filter "label=com.docker.compose.project=$COMPOSE_PROJECT_NAME"
}
state() { "$docker" inspect --format "{{.State.$1}}" "$2"; }
# healthy SERVICE COUNT
healthy() {
  local container number=0
  for container in $(containers "$1"); do
    [ "$(state Health.Status "$container")" != healthy ] || number=$((number + 1))
  done
  [ "$number" = "$2" ]
}
# As a program that pushes jobs itself.
redis() {
  "$docker" exec "$(containers redis)" sh -c \
    'REDISCLI_AUTH=$(cat /secrets/producer/password) exec redis-cli --user producer "$@"' redis-cli "$@"
}
queue_status() { "$docker" exec "$(containers gateway)" /app/gpt2 queue status --json; }

# The four kinds of requests, and what must be in their answers. A seed makes the tokens the same from every worker.
bodies=(
  '{"prompt": "The knight drew his sword and", "max_new_tokens": 200, "temperature": 0.8, "top_k": 40, "seed": 7}'
  '{"prompt": "The king", "task_name": "got", "max_new_tokens": 200, "temperature": 0.8, "seed": 7}'
  '{"prompt": "WINNER!! Claim your free prize now, call 09061701461", "task_name": "spam"}'
  '{"prompt": "Are you still coming for dinner tonight?", "task_name": "spam"}'
)
expected=('"completion_tokens":200' '"completion_tokens":200' '"label":"spam"' '"label":"not spam"')

# ask NAME BODY: keeps the answer in a file, with the HTTP status behind it.
ask() {
  local key=()
  [ -z "$API_KEY" ] || key=(-H "x-api-key: $API_KEY")
  curl --silent --show-error --max-time 120 --write-out '\n%{http_code}\n' --output "$answers/$1.part" \
    "$url/generate" -H 'content-type: application/json' -H "idempotency-key: $1" ${key[@]+"${key[@]}"} \
    --data "$2" >"$answers/$1.status" 2>&1
  mv "$answers/$1.part" "$answers/$1.json"
}
export -f ask

# ask_many GROUP COUNT PARALLEL
ask_many() {
  for ((i = 0; i < $2; i++)); do printf '%s\0%s\0' "$1-$i" "${bodies[i % 4]}"; done \
    | xargs -0 -n 2 -P "$3" bash -c 'ask "$@"' ask || true
}

has() { grep -qE -- "$2" "$answers/$1.json"; }

# check_many GROUP COUNT: fails unless every answer is there and right.
check_many() {
  local name kind
  for ((i = 0; i < $2; i++)); do
    name=$1-$i kind=$((i % 4))
    [ -s "$answers/$name.json" ] || fail "$name has no answer: $(cat "$answers/$name.status")"
    if ! grep -qx 200 "$answers/$name.status" || ! has "$name" "\"id\":\"([0-9a-f]+-)?$name\"" \
      || ! has "$name" '"status":"completed"' || ! has "$name" "${expected[kind]}"; then
      fail "$name: $(tr '\n' ' ' <"$answers/$name.status") $(cat "$answers/$name.json")"
    fi
    [ "$kind" -ge 2 ] || grep -oE '"tokens":\[[0-9,]+\]' "$answers/$name.json" >>"$answers/tokens-$kind"
  done
  for kind in 0 1; do
    [ "$(sort -u "$answers/tokens-$kind" | wc -l)" = 1 ] || fail "the same seed gave different tokens"
  done
}
workers_of() { cat "$answers/$1"-*.json | grep -oE '"worker":"[^"]+"' | sort | uniq -c; }
answered() { [ "$(find "$answers" -name "$1-*.json" | wc -l)" -ge "$2" ]; }

if [ -z "${NO_BUILD:-}" ]; then
  say "building the image"
  DOCKER_BUILDKIT=1 "$docker" build ${BUILD_NETWORK:+--network "$BUILD_NETWORK"} --tag gpt2-service:latest .
fi
say "starting on $url"
compose up --detach --scale worker=3
until_true 60 "Redis did not get healthy" healthy redis 1
until_true 60 "the gateway did not get healthy" healthy gateway 1
until_true 120 "the workers did not get healthy" healthy worker 3
if [ -n "$API_KEY" ]; then
  status=$(curl --silent --output /dev/null --write-out '%{http_code}' "$url/generate" --data "${bodies[0]}")
  [ "$status" = 401 ] || fail "a request without the key got $status"
fi

say "100 requests; a worker hangs with a job in its hands, and is killed"
victim=$(containers worker | head -n 1)
hangs_with_a_job() {
  "$docker" kill --signal STOP "$victim" >/dev/null
  ! queue_status | grep -q "\"id\":\"${victim:0:12}-[^}]*\"running\":[1-9]" || return 0
  "$docker" kill --signal CONT "$victim" >/dev/null
  return 1
}
ask_many load 100 40 &
asking=$!
until_true 120 "the first answers did not come" answered load 5
until_true 30 "the worker never had a job in its hands" hangs_with_a_job
until_true 120 "60 answers did not come" answered load 60
"$docker" kill "$victim" >/dev/null
wait "$asking"
check_many load 100
workers_of load
[ "$(workers_of load | wc -l)" -ge 2 ] || fail "only one worker answered"
say "100 right answers"

say "a job pushed by redis-cli"
redis LPUSH '{gpt2}:q:default' \
  '{"id": "direct-1", "prompt": "The king", "max_new_tokens": 20, "reply_to": "{gpt2}:reply:direct-1"}' >/dev/null
redis BLPOP '{gpt2}:reply:direct-1' 30 >"$answers/reply"
grep -q '"completion_tokens":20' "$answers/reply" || fail "no reply to the pushed job: $(cat "$answers/reply")"
redis GET '{gpt2}:res:direct-1' >"$answers/direct"
grep -q '"status":"completed"' "$answers/direct" || fail "no result of the pushed job: $(cat "$answers/direct")"

say "Redis restarts during 24 requests"
ask_many outage 24 12 &
asking=$!
until_true 60 "the first answers did not come" answered outage 4
compose restart redis
wait "$asking"
check_many outage 24
redis GET '{gpt2}:res:direct-1' | cmp -s - "$answers/direct" || fail "Redis lost a result"
until_true 60 "the gateway did not get healthy again" healthy gateway 1
ask_many after 20 8
check_many after 20

say "stopping"
compose stop
for container in $(containers gateway) $(containers worker); do
  if [ "$container" != "$victim" ] && [ "$(state ExitCode "$container")" != 0 ]; then
    fail "container $container did not end by itself: exit code $(state ExitCode "$container")"
  fi
done
say "all right"
