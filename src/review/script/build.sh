#!/usr/bin/env bash
# Builds ../pages/desk.js from desk.js, what it imports, and age-encryption, both pinned with their integrity hashes in package-lock.json.
# usage: build.sh [--check]    with --check: fails when what is checked in is not what this makes.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d "${TMPDIR:-/tmp}/mailwarden-script.XXXX")
trap 'rm -rf "$work"' EXIT
cp "$here"/{*.js,package.json,package-lock.json} "$work"
(cd "$work" && npm ci --no-audit --no-fund --silent)
"$work/node_modules/.bin/esbuild" "$work/desk.js" --bundle --format=iife --target=es2022 --minify --legal-comments=none --outfile="$work/out.js" --log-level=warning
{
    echo "/* mailwarden (MIT OR Apache-2.0), with age-encryption (BSD-3-Clause) and @noble/*, @scure/* (MIT): see script/LICENSES */"
    cat "$work/out.js"
} >"$work/desk.js"
if [[ ${1:-} == --check ]]; then
    cmp "$work/desk.js" "$here/../pages/desk.js"
else
    cp "$work/desk.js" "$here/../pages/desk.js"
    for package in age-encryption $(cd "$work/node_modules" && ls -d @noble/* @scure/*); do
        printf '== %s %s\n\n' "$package" "$(node -p "require('$work/node_modules/$package/package.json').version")"
        cat "$work/node_modules/$package/LICENSE"
        echo
    done >"$here/LICENSES"
fi
