#!/bin/sh
# Measures the rules by all samples that there are, and writes docs/quality.md. Arguments go on to `rules measure`.
set -eu
cd "$(dirname "$0")/../.."
program=${MAILWARDEN:-target/debug/mailwarden}
corpus=${MAILWARDEN_CORPUS:-../shared}/text-data
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

# Ordinary mail of real people: too large to ship.
for set in sa_ham sms; do
    if [ -f "$corpus/$set.jsonl.gz" ]; then
        gzip -dc "$corpus/$set.jsonl.gz" >"$folder/$set.jsonl"
        set -- "$@" --ordinary "$folder/$set.jsonl"
    else
        echo "test data absent: $set.jsonl.gz; name its folder's parent in MAILWARDEN_CORPUS" >&2
        set -- "$@" --absent "wrong alarms on the ordinary mail \`$set\`, which was not there"
    fi
done
"$program" rules measure --rules rules --hashsets hashsets --report docs/quality.md "$@" tests/quality
