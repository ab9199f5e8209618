#!/bin/bash
# What `coffer run` adds to the start of a program, and its peak memory.
#   bench/run-start.sh [FRONT]      FRONT: the native front; default artifacts/coffer/coffer, built by ./coffer
# With COFFER_SOCKET and REFERENCE=coffer://vault/name set, also with one secret resolved through the local socket.
# All commands take turns, so that a machine whose speed drifts slows all of them; the median of RUNS (default 200) is printed.
set -euo pipefail
export LC_ALL=C

front=$(realpath "${1:-$(dirname "$0")/../artifacts/coffer/coffer}")
[ -x "$front" ] || { echo "no front at $front: run ./coffer --build-only first" >&2; exit 1; }
readelf -h "$front" | grep -q 'Type:.*DYN' || { echo "$front is not a position-independent executable" >&2; exit 1; }
runs=${RUNS:-200}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
for i in $(seq 20); do printf 'NAME_%s="value %s of ${NAME_1-none}"\n' "$i" "$i"; done >.env

names=("/bin/true" "coffer run --env-file .env -- /bin/true" "coffer run --no-env-file -- /bin/true")
commands=("/bin/true" "$front run --env-file .env -- /bin/true" "$front run --no-env-file -- /bin/true")
if [ -n "${REFERENCE:-}" ]; then
    printf 'SECRET=%s\n' "$REFERENCE" >ref.env
    names+=("coffer run, one coffer:// reference, /bin/true")
    commands+=("$front run --env-file ref.env -- /bin/true")
fi

for ((i = -5; i < runs; i++)); do
    for c in "${!commands[@]}"; do
        start=${EPOCHREALTIME/./}
        ${commands[$c]}
        end=${EPOCHREALTIME/./}
        if ((i >= 0)); then echo $((end - start)) >>"times.$c"; fi
    done
done

median() { sort -n "$1" | awk '{ v[NR] = $1 } END { print (NR % 2) ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'; }
base=$(median times.0)
printf '%-50s %10s %12s %10s\n' "median of $runs" "ms" "ms more" "peak MiB"
for c in "${!commands[@]}"; do
    # The peak of the process that execs: time itself is small enough not to hide it.
    peak=$(for _ in 1 2 3 4 5; do /usr/bin/time -f %M ${commands[$c]} 2>&1; done | sort -n | sed -n 3p)
    m=$(median "times.$c")
    awk -v n="${names[$c]}" -v m="$m" -v b="$base" -v p="$peak" 'BEGIN { printf "%-50s %10.2f %12.2f %10.1f\n", n, m / 1000, (m - b) / 1000, p / 1024 }'
done
