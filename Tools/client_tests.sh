#!/usr/bin/env bash
# The tests in Python: the service with clients that others wrote, and its page in a browser.
# GPT2_PROGRAM names the program, .build/debug/gpt2 if not set; GPT2_SCREENSHOTS where pictures of the page go.
set -euo pipefail
cd "$(dirname "$0")/.."
environment=.build/python
[ -x "$environment/bin/python" ] || python3 -m venv "$environment"
"$environment/bin/pip" install --quiet --disable-pip-version-check \
  --requirement Tests/Clients/requirements.txt --requirement Tests/Browser/requirements.txt
export GPT2_SCREENSHOTS=${GPT2_SCREENSHOTS:-$PWD/.build/screenshots}
"$environment/bin/python" -m pytest --quiet -p no:cacheprovider Tests/Clients
"$environment/bin/python" -m pytest --quiet -p no:cacheprovider Tests/Browser

# The page again, with the real service behind it.
export MODELS_DIR=$PWD/Models LOG_LEVEL=notice LOG_FORMAT=text
log=$(mktemp)
"${GPT2_PROGRAM:-.build/debug/gpt2}" serve --port 0 >"$log" 2>&1 &
service=$!
trap 'kill $service 2>/dev/null || true; rm -f "$log"' EXIT
until url=$(grep -o 'http://127\.0\.0\.1:[0-9]*' "$log"); do
  kill -0 $service || { cat "$log" >&2; exit 1; }
  sleep 0.1
done
GPT2_URL=$url "$environment/bin/python" -m pytest --quiet -p no:cacheprovider Tests/Browser
