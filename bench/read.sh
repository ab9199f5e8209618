#!/bin/bash
# The authenticated, authorised, audited AWS read over TLS, against bare Kestrel over TLS; the same read at MANY secrets
# against 1,000; the server's idle memory; and the time from its start to its first TLS answer.
#   bench/read.sh                 MANY=1000000 ROUNDS=5 SECONDS_EACH=4 CONNECTIONS=64
# Needs: wrk, curl, python3-boto3, clang, a quiet machine, and about 2 GB below TMPDIR. Servers take turns, so that a machine
# whose speed drifts slows all of them; the median of the rounds is printed.
set -euo pipefail
export LC_ALL=C
here=$(realpath "$(dirname "$0")")
root=$(dirname "$here")
many=${MANY:-1000000} rounds=${ROUNDS:-5} seconds=${SECONDS_EACH:-4} connections=${CONNECTIONS:-64}

"$root/coffer" --build-only
coffer=$root/artifacts/coffer/coffer
bench=$root/artifacts/bench
dotnet publish "$here/Coffer.Bench" -c Release -o "$bench" -p:PublishAot=true -p:RunAnalyzers=false --nologo -v quiet

folder=$(mktemp -d)
pids=()
trap 'kill "${pids[@]}" 2>/dev/null || true; wait; rm -rf "$folder"' EXIT
median() { sort -n | awk '{ v[NR] = $1 } END { print (NR % 2) ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'; }

make() { # name, port, secrets: a server's folder with so many secrets
    local data=$folder/$1
    export COFFER_SOCKET=$data/coffer.sock
    "$coffer" init --data "$data" --listen "127.0.0.1:$2" >"$folder/$1.init"
    serve "$1" "$2"
    "$coffer" vault create shop-dev >/dev/null
    "$coffer" principal create reader --home shop-dev >/dev/null
    "$coffer" grant create reader reader shop-dev >/dev/null
    "$coffer" key create reader --kind access-key --json >"$folder/$1.key"
    stop
    "$bench/coffer-bench" fill "$data" shop-dev 0 "$3"
}

serve() { # name, port
    "$coffer" serve --data "$folder/$1" --listen "127.0.0.1:$2" --rate 0 >"$folder/$1.log" 2>&1 &
    server=$!
    pids+=("$server")
    until curl -sk -o /dev/null "https://127.0.0.1:$2/coffer/health"; do sleep 0.01; done
}

stop() { kill "$server"; wait "$server" || true; }

load() { # port, script: requests per second and p99 in ms
    wrk -t1 -c"$connections" -d"${seconds}s" --latency -s "$2" "https://127.0.0.1:$1/" >"$folder/wrk"
    grep -q 'not 200\|Non-2xx' "$folder/wrk" && { cat "$folder/wrk" >&2; tail -n 3 "$folder"/*.log >&2; exit 1; }
    awk '/Requests\/sec/ { r = $2 } $1 == "99%" { t = $2; l = t + 0; if (t ~ /us$/) l /= 1000; else if (t !~ /ms$/) l *= 1000 } END { print r, l }' "$folder/wrk"
}

sign() { # name, port, count: signed reads of 200 of the secrets
    local key secret
    key=$(python3 -c 'import json,sys; d=json.load(open(sys.argv[1])); print(d["credential"]["id"])' "$folder/$1.key")
    secret=$(python3 -c 'import json,sys; d=json.load(open(sys.argv[1])); print(d["secret"])' "$folder/$1.key")
    # shellcheck disable=SC2046
    /usr/bin/python3 "$here/sign.py" "$key" "$secret" "127.0.0.1:$2" "$folder/$1.lua" \
        $(awk -v n="$3" 'BEGIN { srand(7); for (i = 0; i < 200; i++) { s = int(rand() * n); printf "team%02d/secret-%07d\n", s % 100, s } }')
}

make few 18201 1000
make many 18202 "$many"

# From the start of the process to the first answer over TLS, and what it then holds without load.
starts=()
for _ in $(seq 20); do
    begin=${EPOCHREALTIME/./}
    "$coffer" serve --data "$folder/few" --listen 127.0.0.1:18201 >"$folder/few.log" 2>&1 &
    server=$!
    # A refused connection costs curl a few milliseconds; they are counted.
    until curl -sk -o /dev/null https://127.0.0.1:18201/coffer/health; do :; done
    starts+=($((${EPOCHREALTIME/./} - begin)))
    stop
done
printf 'first TLS answer after start, median of 20: %s ms\n' "$(printf '%s\n' "${starts[@]}" | median | awk '{ printf "%.1f", $1 / 1000 }')"

serve few 18201
sleep 5
printf 'idle: %s MB resident\n' "$(awk '/VmRSS/ { printf "%.1f", $2 / 1024 }' "/proc/$server/status")"
serve many 18202
"$bench/coffer-bench" bare 18200 "$folder/few/tls/server.pem" "$folder/few/tls/server.key" 200 &
pids+=("$!")
until curl -sk -o /dev/null https://127.0.0.1:18200/; do sleep 0.05; done

for round in $(seq 0 "$rounds"); do
    sign few 18201 1000
    sign many 18202 "$many"
    # The bare server gets the very same requests.
    a=$(load 18200 "$folder/few.lua") b=$(load 18201 "$folder/few.lua") c=$(load 18202 "$folder/many.lua")
    if [ "$round" -gt 0 ]; then echo "$a" >>"$folder/bare"; echo "$b" >>"$folder/one"; echo "$c" >>"$folder/two"; fi
done

for series in bare one two; do
    awk '{ print $1 }' "$folder/$series" | median >"$folder/$series.rate"
    awk '{ print $2 }' "$folder/$series" | median >"$folder/$series.p99"
done
awk -v bare="$(cat "$folder/bare.rate")" -v one="$(cat "$folder/one.rate")" -v two="$(cat "$folder/two.rate")" \
    -v p0="$(cat "$folder/bare.p99")" -v p1="$(cat "$folder/one.p99")" -v p2="$(cat "$folder/two.p99")" -v many="$many" 'BEGIN {
    printf "%-36s %10s %8s %8s\n", "over TLS", "reads/s", "ratio", "p99 ms"
    printf "%-36s %10.0f %8.2f %8.2f\n", "bare Kestrel", bare, 1, p0
    printf "%-36s %10.0f %8.2f %8.2f\n", "1,000 secrets", one, one / bare, p1
    printf "%-36s %10.0f %8.2f %8.2f\n", many " secrets", two, two / bare, p2
    printf "the read at %s secrets costs %+.0f %% of that at 1,000\n", many, (one / two - 1) * 100 }'
