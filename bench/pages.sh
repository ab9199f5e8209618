#!/bin/bash
# BatchGetSecretValue of 20 against single reads, in values per second of one run; and what a page of 100 of ListSecrets takes, plain and by
# a prefix of the name. Over TLS, one connection for the pages: the figure is what the client waits, the server's time and the wire's.
#   bench/pages.sh FOLDER KEY_ID SECRET_KEY          ROUNDS=3 SECONDS_EACH=4 CONNECTIONS=32 COFFER=artifacts/coffer/coffer
# FOLDER is a server's folder that `coffer-bench fill FOLDER shop-dev 0 N` filled; the key is one of a reader of shop-dev.
# Needs: wrk, curl, python3-boto3, a quiet machine.
set -euo pipefail
export LC_ALL=C
here=$(realpath "$(dirname "$0")")
data=$1 key=$2 secret=$3
coffer=${COFFER:-$here/../artifacts/coffer/coffer} rounds=${ROUNDS:-3} seconds=${SECONDS_EACH:-4} connections=${CONNECTIONS:-32}
address=127.0.0.1:18302
folder=$(mktemp -d)
median() { sort -n | awk '{ v[NR] = $1 } END { print (NR % 2) ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'; }

# shellcheck disable=SC2086
$coffer serve --data "$data" --listen "$address" --rate 0 >"$folder/log" 2>&1 &
server=$!
trap 'kill "$server" 2>/dev/null || true; wait; rm -rf "$folder"' EXIT
until curl -sk -o /dev/null "https://$address/coffer/health"; do sleep 0.05; done

names=$(awk 'BEGIN { srand(7); for (i = 0; i < 200; i++) { s = int(rand() * 1000); printf "team%02d/secret-%07d\n", s % 100, s } }')
load() { # connections: requests per second and median in ms
    wrk -t1 -c"$1" -d"${seconds}s" --latency -s "$folder/lua" "https://$address/" >"$folder/wrk"
    grep -q 'not 200\|Non-2xx' "$folder/wrk" && { cat "$folder/wrk" >&2; exit 1; }
    awk '/Requests\/sec/ { r = $2 } $1 == "50%" { t = $2; l = t + 0; if (t ~ /us$/) l /= 1000; else if (t !~ /ms$/) l *= 1000 } END { print r, l }' "$folder/wrk"
}

printf 'load before: %s\n' "$(cut -d' ' -f1-3 /proc/loadavg)"
for round in $(seq 0 "$rounds"); do
    # shellcheck disable=SC2086
    /usr/bin/python3 "$here/sign.py" "$key" "$secret" "$address" "$folder/lua" $names
    single=$(load "$connections")
    # shellcheck disable=SC2086
    BATCH=20 /usr/bin/python3 "$here/sign.py" "$key" "$secret" "$address" "$folder/lua" $names
    many=$(load "$connections")
    OPERATION=ListSecrets /usr/bin/python3 "$here/sign.py" "$key" "$secret" "$address" "$folder/lua" '{"MaxResults":100}'
    plain=$(load 1)
    OPERATION=ListSecrets /usr/bin/python3 "$here/sign.py" "$key" "$secret" "$address" "$folder/lua" '{"MaxResults":100,"Filters":[{"Key":"name","Values":["team42/"]}]}'
    prefix=$(load 1)
    [ "$round" = 0 ] || echo "${single% *} ${many% *} ${plain#* } ${prefix#* }" >>"$folder/rounds"
done
column() { awk -v n="$1" '{ print $n }' "$folder/rounds" | median; }
awk -v s="$(column 1)" -v b="$(column 2)" -v p="$(column 3)" -v q="$(column 4)" 'BEGIN {
    printf "single reads: %.0f values/s; batches of 20: %.0f values/s; ratio %.1f\n", s, b * 20, b * 20 / s
    printf "ListSecrets, page of 100: %.2f ms; by name prefix: %.2f ms (medians)\n", p, q }'
