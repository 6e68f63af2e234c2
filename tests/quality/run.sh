#!/bin/sh
# Measures the rules by all samples that there are, and writes docs/quality.md. Arguments go on to `rules measure`.
set -eu
cd "$(dirname "$0")/../.."
program=${MAILWARDEN:-target/debug/mailwarden}
corpus=${MAILWARDEN_CORPUS:-../shared}/text-data
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

# Ordinary mail of real people: too large to ship. Weights are learnt from the odd lines (tests/quality/learn.sh).
for set in sa_ham sms; do
    if [ -f "$corpus/$set.jsonl.gz" ]; then
        gzip -dc "$corpus/$set.jsonl.gz" | awk 'NR % 2 == 0' >"$folder/$set.jsonl"
        gzip -dc "$corpus/$set.jsonl.gz" | awk 'NR % 2 == 1' >"$folder/$set-learnt.jsonl"
        set -- "$@" --ordinary "$folder/$set.jsonl" --ordinary "$folder/$set-learnt.jsonl"
    else
        echo "test data absent: $set.jsonl.gz; name its folder's parent in MAILWARDEN_CORPUS" >&2
        set -- "$@" --absent "wrong alarms on the ordinary mail \`$set\`, which was not there"
    fi
done
if [ -n "${MAILWARDEN_MODEL:-}" ]; then
    set -- "$@" --meaning "$MAILWARDEN_MODEL"
else
    echo "model absent: rules are measured alone; name its folder in MAILWARDEN_MODEL (docs/technician.md, \"Meaning\")" >&2
    set -- "$@" --absent "rules beside a model of what sentences mean, which was not there"
fi
"$program" rules measure --rules rules --hashsets hashsets --report docs/quality.md "$@" tests/quality
