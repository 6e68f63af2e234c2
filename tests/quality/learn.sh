#!/bin/sh
# Learns the weights that are shipped, from the rules' examples, the open samples and one half of the ordinary mail: the other half, and
# the blind samples, are for measuring. Arguments go on to `rules learn`.
set -eu
cd "$(dirname "$0")/../.."
program=${MAILWARDEN:-target/debug/mailwarden}
corpus=${MAILWARDEN_CORPUS:-../shared}/text-data
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

for set in sa_ham sms; do
    gzip -dc "$corpus/$set.jsonl.gz" | awk 'NR % 2 == 1' >"$folder/$set.jsonl"
    set -- "$@" --ordinary "$folder/$set.jsonl"
done
# What sentences mean is learnt too where the model is there: both files belong together.
if [ -n "${MAILWARDEN_MODEL:-}" ]; then
    set -- "$@" --meaning "$MAILWARDEN_MODEL"
else
    echo "model absent: only words are learnt; name its folder in MAILWARDEN_MODEL (docs/technician.md, \"Meaning\")" >&2
fi
"$program" rules learn --rules rules --hashsets hashsets --to rules "$@" tests/quality/open
