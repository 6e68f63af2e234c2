"""Makes the files of this folder that are bombs, mazes and mistakes, of nothing but zeros and harmless words: the same octets every time.

usage: make.py        (Python 3.11 and nothing else)
"""

import bz2
import gzip
import io
import lzma
import struct
import zipfile
import zlib
from pathlib import Path

HERE = Path(__file__).parent
DATE = (2026, 9, 1, 8, 0, 0)
ZEROS = b"\0"


def main():
    archives()
    streams()
    deep_mail()
    damaged_mail()


def archives():
    nested = packed([("zeros.bin", ZEROS * 20_000_000)])
    for level in range(4):
        nested = packed([(f"{level}-{number}.zip", nested) for number in range(10)])
    write("zip-nested-10x5.zip", nested)

    deep = b"deep end\n"
    for level in range(60):
        deep = packed([("d.zip" if level else "d.txt", deep)], zipfile.ZIP_STORED)
    write("zip-depth-60.zip", deep)

    write("zip-overlap-2000.zip", overlapping(2000, 5_000_000))
    write("zip-slip.zip", packed([("../../../../tmp/evil.txt", b"x"), ("/abs/evil.txt", b"x"), ("..\\..\\evil.txt", b"x")]))
    honest = packed([("a.txt", b"A" * 5000)])
    write("zip-lies-size.zip", honest.replace(struct.pack("<I", 5000), struct.pack("<I", 10)))
    write("zip-dup-names.zip", packed([("same.txt", b"first"), ("same.txt", b"second")]))
    write("prepend-junk.zip", b"junk" * 500 + packed([("term.txt", b"hidden text\n")]))


def streams():
    tripled = ZEROS * 50_000_000
    for _ in range(3):
        tripled = gzip.compress(tripled, 9, mtime=0)
    write("gzip-triple.gz", tripled)
    write("bz2-bomb.bz2", bz2.compress(ZEROS * 100_000_000))
    write("xz-bomb.xz", lzma.compress(ZEROS * 100_000_000, preset=6))


def deep_mail():
    message = header("inner") + b"\r\nthe deepest text\r\n"
    for level in range(200):
        message = header(f"wrap {level}") + b"Content-Type: message/rfc822\r\n\r\n" + message
    write("mime-rfc822-depth-200.eml", message)

    part = b"text\r\n"
    for level in range(2000):
        boundary = b"b%d" % level
        separator = b"\r\n" if level else b"\r\n\r\n"
        part = b'Content-Type: multipart/mixed; boundary="%s"\r\n\r\n--%s%s%s\r\n--%s--\r\n' % (boundary, boundary, separator, part, boundary)
    write("mime-multipart-depth-2000.eml", header("deep") + part)


def damaged_mail():
    unending = b'--x\r\nContent-Type: text/plain\r\n\r\nfirst\r\n--x\r\nContent-Disposition: attachment; filename="a.txt"\r\n\r\nunterminated secret\r\n'
    write("no-final-boundary.eml", header("end") + b'Content-Type: multipart/mixed; boundary="x"\r\n\r\n' + unending)
    garbage = b"aGVsbG8g!!!!\r\n****d29y\r\n=bGQ=\r\n"
    write("b64-garbage.eml", header("garbage") + b"Content-Transfer-Encoding: base64\r\n\r\n" + garbage)
    raw = b"se\0cret \xff\xfe caf\xe9\r\n"
    write("nul-and-8bit.eml", header("raw") + b"Content-Type: text/plain; charset=utf-8\r\n\r\n" + raw)
    split = b"Content-Disposition: attachment; filename*0*=UTF-8''%e2%82%ac%20; filename*1=rates; filename*2=.exe\r\n"
    write("rfc2231-split-name.eml", header("split") + b"Content-Type: application/octet-stream\r\n" + split + b"Content-Transfer-Encoding: base64\r\n\r\nTVo=\r\n")
    twice = b"Content-Type: text/plain\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n\r\nhidden part\r\n--x--\r\n"
    write("dup-content-type.eml", header("twice") + twice)
    write("cr-only.eml", header("returns").replace(b"\r\n", b"\r") + b"\rbody with CR only\r")


def header(subject):
    fields = f"From: a@school.example\r\nTo: b@school.example\r\nSubject: {subject}\r\nDate: Tue, 1 Sep 2026 08:00:00 +0000\r\nMIME-Version: 1.0\r\n"
    return fields.encode()


def packed(files, method=zipfile.ZIP_DEFLATED):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, octets in files:
            entry = zipfile.ZipInfo(name, DATE)
            entry.compress_type = method
            archive.writestr(entry, octets)
    return out.getvalue()


def overlapping(entries, size):
    """A ZIP file all of whose entries are the same one stream (APPNOTE.TXT 4.3)."""
    deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
    stream = deflate.compress(ZEROS * size) + deflate.flush()
    crc, name = zlib.crc32(ZEROS * size), b"a"
    local = struct.pack("<IHHHHHIIIHH", 0x04034B50, 20, 0, 8, 0, 0, crc, len(stream), size, len(name), 0) + name + stream
    entry = struct.pack("<IHHHHHHIIIHHHHHII", 0x02014B50, 20, 20, 0, 8, 0, 0, crc, len(stream), size, len(name), 0, 0, 0, 0, 0, 0) + name
    directory = entry * entries
    return local + directory + struct.pack("<IHHHHIIH", 0x06054B50, 0, 0, entries, entries, len(directory), len(local), 0)


def write(name, octets):
    (HERE / name).write_bytes(octets)


main()
