#!/usr/bin/env bash
# Makes the small archives in this folder: each holds `plan.txt`, and those with a lock open with `heron42`.
# Needs: 7z gcab zstd compress xz bzip2 gzip lzma tar, python3 with `rars`. Times and names are fixed, keys and salts are not.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
export TZ=UTC

{ echo 'amber heron by the river'; seq -s ' ' 1 400; } > plan.txt
mkdir notes
echo 'wren on the wall' > notes/second.txt
touch -d 2024-01-01 plan.txt notes notes/second.txt
rm -f "$here"/plan.*

for packer in gzip:gz bzip2:bz2 xz:xz lzma:lzma 'zstd -q:zst' compress:Z; do
    ${packer%:*} -c < plan.txt > "$here/plan.txt.${packer#*:}"
done
cat "$here/plan.txt.gz" "$here/plan.txt.gz" > "$here/twice.txt.gz"
for kind in v7 ustar pax gnu; do tar --format=$kind --owner=0 --group=0 -cf "$here/plan.$kind.tar" plan.txt notes; done
truncate -s 200K sparse.bin && printf 'heron in the gap' | dd of=sparse.bin bs=1 seek=150000 conv=notrunc status=none
tar --format=gnu --sparse --owner=0 --group=0 -cf "$here/plan.sparse.tar" sparse.bin
tar --owner=0 --group=0 -cJf "$here/plan.tar.xz" plan.txt notes

seven() { 7z a -bd -bso0 "$@"; }
for method in lzma lzma2 bzip2 ppmd deflate copy; do seven -m0=$method "$here/plan.$method.7z" plan.txt notes; done
seven -m0=bcj -m1=lzma2 "$here/plan.bcj.7z" plan.txt
seven -pheron42 "$here/plan.locked.7z" plan.txt notes
seven -pheron42 -mhe=on "$here/plan.hidden.7z" plan.txt notes
for method in Deflate64 BZip2 LZMA PPMd; do seven -tzip -mm=$method "$here/plan.${method,,}.zip" plan.txt; done
seven -tzip -pheron42 -mem=AES256 "$here/plan.aes.zip" plan.txt notes
seven -tzip -pheron42 -mem=ZipCrypto "$here/plan.zipcrypto.zip" plan.txt notes
gcab -c "$here/plan.stored.cab" plan.txt notes/second.txt
gcab -c -z "$here/plan.mszip.cab" plan.txt notes/second.txt

python3 - "$here" <<'PYTHON'
import lzma, struct, subprocess, sys, zlib
here = sys.argv[1]
text = open('plan.txt', 'rb').read()

def zip_of(name, method, packed):
    """A zip with one member, packed by a method that the usual programs do not write."""
    fields = struct.pack('<HHHHHIIIHH', 20, 0, method, 0, 0x5821, zlib.crc32(text), len(packed), len(text), 8, 0)
    local = b'PK\3\4' + fields + b'plan.txt' + packed
    central = b'PK\1\2' + b'\x14\0' + fields + b'\0' * 14 + b'plan.txt'
    end = b'PK\5\6\0\0\0\0\1\0\1\0' + struct.pack('<IIH', len(central), len(local), 0)
    open(f'{here}/{name}', 'wb').write(local + central + end)

zip_of('plan.xz.zip', 95, lzma.compress(text))
zip_of('plan.zstd.zip', 93, subprocess.run(['zstd', '-qc'], input=text, capture_output=True, check=True).stdout)

import rars
for kind in ['rar15', 'rar20', 'rar29', 'rar50']:
    for lock in ['', '.locked']:
        builder = rars.RarBuilder(kind, password='heron42' if lock else None)
        builder.add_bytes(text, 'plan.txt', mtime=1704067200)
        builder.add_bytes(open('notes/second.txt', 'rb').read(), 'notes/second.txt', mtime=1704067200)
        builder.write(f'{here}/plan.{kind}{lock}.rar')
PYTHON
