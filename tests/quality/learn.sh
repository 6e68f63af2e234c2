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
"$program" rules learn --rules rules --hashsets hashsets --to rules "$@" tests/quality/open
