#!/usr/bin/env bash
# Sees to it that Debian packages are installed: as root or through sudo it installs what is missing, otherwise it says what to type.
# usage: deps.sh PACKAGE...
set -euo pipefail

missing=()
for package in "$@"; do
    [[ $(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) == installed ]] || missing+=("$package")
done
[[ ${#missing[@]} == 0 ]] && exit 0

install=(env DEBIAN_FRONTEND=noninteractive apt-get install --yes --quiet --no-install-recommends "${missing[@]}")
if [[ $(id -u) == 0 ]]; then
    as_root=()
elif sudo --non-interactive true 2>/dev/null; then
    as_root=(sudo)
else
    echo "missing packages, type: sudo apt-get install --no-install-recommends ${missing[*]}" >&2
    exit 1
fi
echo "installing ${missing[*]}"
# On a fresh machine the package lists are missing too.
"${as_root[@]}" "${install[@]}" >/dev/null 2>&1 || { "${as_root[@]}" apt-get update --quiet >/dev/null && "${as_root[@]}" "${install[@]}" >/dev/null; }
