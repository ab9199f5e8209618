#!/bin/sh
# Runs the shell blocks of docs/aws.md, which is its argument, with the AWS command line of Debian 12, in a folder of its own. Prints 'ok'
# at the end.
set -eu
export AWS_PAGER= PATH="/usr/bin:$PATH"
fail() { echo "failed: $*" >&2; cat errors.txt >&2; exit 1; }

awk '/^```sh$/ { on = 1; next } /^```$/ { on = 0 } on' "$1" > guide-lines.sh
[ -s guide-lines.sh ] || fail "no lines"
sh -eu guide-lines.sh > output.txt 2> errors.txt || fail "exit $?"
[ "$(grep -c '^first$' output.txt)" = 2 ] || fail "the secret was read $(grep -c '^first$' output.txt) times"
grep -q '(AccessDeniedException).*role/Shop-Api/.* on resource: api-key because no identity-based policy allows the secretsmanager:GetSecretValue action' errors.txt || fail "no denial"
echo ok
