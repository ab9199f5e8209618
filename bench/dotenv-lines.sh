#!/bin/bash
# Processor time of reading .env files of growing length, to show that it grows in proportion.
#   bench/dotenv-lines.sh [FRONT]
set -euo pipefail
export LC_ALL=C
front=$(realpath "${1:-$(dirname "$0")/../artifacts/coffer/coffer}")
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
printf '%10s %10s %14s %12s\n' lines MiB "cpu ms" "us a line"
for lines in 1 10000 20000 40000 80000; do
    awk -v n="$lines" 'BEGIN { for (i = 1; i <= n; i++) printf "export NAME_%d = \"value %d of ${NAME_1-none}, with $$5 and \\\"quotes\\\"\" # note\n", i, i }' >f
    for _ in $(seq "${RUNS:-15}"); do /usr/bin/time -f '%U %S' "$front" env list --show --json --file f 2>&1 >/dev/null | awk '{ print ($1 + $2) * 1000 }'; done | sort -n >t
    ms=$(awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }' t)
    awk -v l="$lines" -v ms="$ms" -v b="$(stat -c %s f)" 'BEGIN { printf "%10d %10.2f %14.0f %12.2f\n", l, b / 1048576, ms, ms * 1000 / l }'
done
