#!/bin/sh
# The AWS command line, version 2.9 of Debian 12. Prints 'ok' at the end.
set -eu
aws=/usr/bin/aws
export AWS_PAGER=
fail() { echo "failed: $*" >&2; exit 1; }

arn=$($aws secretsmanager create-secret --name cli/one --secret-string first --query ARN --output text)
case $arn in arn:aws:secretsmanager:*:secret:cli/one-??????) ;; *) fail "arn $arn" ;; esac
[ "$($aws secretsmanager get-secret-value --secret-id "$arn" --query SecretString --output text)" = first ] || fail read
$aws secretsmanager put-secret-value --secret-id cli/one --secret-string second >/dev/null
[ "$($aws secretsmanager get-secret-value --secret-id cli/one --version-stage AWSPREVIOUS --query SecretString --output text)" = first ] || fail previous
$aws secretsmanager update-secret --secret-id cli/one --description words --secret-string third >/dev/null
[ "$($aws secretsmanager describe-secret --secret-id cli/one --query Description --output text)" = words ] || fail update
third=$($aws secretsmanager get-secret-value --secret-id cli/one --query VersionId --output text)
second=$($aws secretsmanager get-secret-value --secret-id cli/one --version-stage AWSPREVIOUS --query VersionId --output text)
$aws secretsmanager update-secret-version-stage --secret-id cli/one --version-stage AWSCURRENT --move-to-version-id "$second" --remove-from-version-id "$third" >/dev/null
[ "$($aws secretsmanager get-secret-value --secret-id cli/one --query SecretString --output text)" = second ] || fail roll-back
[ "$($aws secretsmanager list-secret-version-ids --secret-id cli/one --include-deprecated --query 'length(Versions)')" = 3 ] || fail versions
$aws secretsmanager tag-resource --secret-id cli/one --tags Key=team,Value=red
[ "$($aws secretsmanager describe-secret --secret-id cli/one --query 'Tags[0].Value' --output text)" = red ] || fail tag
$aws secretsmanager untag-resource --secret-id cli/one --tag-keys team
[ "$($aws secretsmanager describe-secret --secret-id cli/one --query 'length(Tags)')" = 0 ] || fail untag
[ "$($aws secretsmanager get-random-password --password-length 20 --exclude-punctuation --query 'length(RandomPassword)')" = 20 ] || fail password
$aws secretsmanager list-secrets --query 'SecretList[].Name' --output text | grep -q cli/one || fail list
$aws secretsmanager delete-secret --secret-id cli/one --recovery-window-in-days 7 >/dev/null
if $aws secretsmanager get-secret-value --secret-id cli/one 2>message.txt; then fail "read a deleted secret"; fi
grep -q 'marked for deletion' message.txt || fail "message: $(cat message.txt)"
$aws secretsmanager restore-secret --secret-id cli/one >/dev/null
$aws secretsmanager delete-secret --secret-id cli/one --force-delete-without-recovery >/dev/null
if $aws secretsmanager describe-secret --secret-id cli/one 2>message.txt; then fail "described a purged secret"; fi
grep -q ResourceNotFoundException message.txt || fail "message: $(cat message.txt)"
$aws sts get-caller-identity --query Account --output text | grep -Eq '^[1-9][0-9]{11}$' || fail sts
echo ok
