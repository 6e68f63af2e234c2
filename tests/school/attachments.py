"""Documents and archives with only what their formats cannot do without, the same octets every time."""

import io
import zipfile
import zlib

SCHEMA = "http://schemas.openxmlformats.org/"
OFFICE_TYPE = "application/vnd.openxmlformats-officedocument."
TYPES = {
    "docx": OFFICE_TYPE + "wordprocessingml.document",
    "jpg": "image/jpeg",
    "mp4": "video/mp4",
    "pdf": "application/pdf",
    "png": "image/png",
    "pptx": OFFICE_TYPE + "presentationml.presentation",
    "zip": "application/zip",
}


def archive(members):
    """A zip whose members bear the date 1 January 1980, so that it is the same every time."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as zip_file:
        for name, content in members.items():
            zip_file.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
    return out.getvalue()


def docx(paragraphs, picture=None):
    body = "".join(f"<w:p><w:r><w:t>{escape(text)}</w:t></w:r></w:p>" for text in paragraphs)
    document = f'<w:document xmlns:w="{SCHEMA}wordprocessingml/2006/main"><w:body>{body}</w:body></w:document>'
    return office("word/document.xml", TYPES["docx"] + ".main+xml", document, {}, {"word/media/image1.jpeg": picture} if picture else {})


def pptx(titles, picture):
    names = f'xmlns:p="{SCHEMA}presentationml/2006/main" xmlns:a="{SCHEMA}drawingml/2006/main"'
    slides = {
        f"ppt/slides/slide{number}.xml": f"<p:sld {names}><p:cSld><p:spTree><p:sp><p:txBody><a:p><a:r><a:t>{escape(title)}</a:t></a:r></a:p>"
        "</p:txBody></p:sp></p:spTree></p:cSld></p:sld>"
        for number, title in enumerate(titles, 1)
    }
    return office("ppt/presentation.xml", TYPES["pptx"] + ".main+xml", f"<p:presentation {names}/>", slides, {"ppt/media/image1.jpeg": picture})


def office(main_name, main_type, main_part, more_parts, media):
    """The least of an Office Open XML package: its content types, what its main part is, and the parts."""
    types = (f'<Types xmlns="{SCHEMA}package/2006/content-types"><Default Extension="xml" ContentType="application/xml"/>'
             '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
             f'<Default Extension="jpeg" ContentType="image/jpeg"/><Override PartName="/{main_name}" ContentType="{main_type}"/></Types>')
    relation = f"{SCHEMA}officeDocument/2006/relationships/officeDocument"
    relations = (f'<Relationships xmlns="{SCHEMA}package/2006/relationships">'
                 f'<Relationship Id="rId1" Type="{relation}" Target="{main_name}"/></Relationships>')
    return archive({"[Content_Types].xml": types, "_rels/.rels": relations, main_name: main_part, **more_parts, **media})


def escape(text):
    return text.replace("&", "&amp;").replace("<", "&lt;")


def encrypted_archive(name, content, password):
    """A zip with one stored member under the traditional encryption (APPNOTE 6.1), which Python reads and does not write."""
    keys = [0x12345678, 0x23456789, 0x34567890]

    def update(octet):
        keys[0] = zlib.crc32(bytes([octet]), keys[0] ^ 0xFFFFFFFF) ^ 0xFFFFFFFF
        keys[1] = ((keys[1] + (keys[0] & 0xFF)) * 134775813 + 1) & 0xFFFFFFFF
        keys[2] = zlib.crc32(bytes([keys[1] >> 24]), keys[2] ^ 0xFFFFFFFF) ^ 0xFFFFFFFF

    def encrypt(octet):
        pad = keys[2] | 2
        update(octet)
        return octet ^ (pad * (pad ^ 1) >> 8 & 0xFF)

    for octet in password:
        update(octet)
    checksum = zlib.crc32(content)
    sealed = bytes(encrypt(octet) for octet in bytes(11) + bytes([checksum >> 24]) + content)

    # Stored plain by zipfile, then marked as encrypted: the two headers are as long as before.
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as zip_file:
        zip_file.writestr(zipfile.ZipInfo(name), sealed)
    octets = bytearray(out.getvalue())
    central = octets.index(b"PK\x01\x02")
    for flags, crc, size in ((6, 14, 22), (central + 8, central + 16, central + 24)):
        octets[flags] |= 1
        octets[crc:crc + 4] = checksum.to_bytes(4, "little")
        octets[size:size + 4] = len(content).to_bytes(4, "little")
    return bytes(octets)


def pdf(text):
    stream = f"BT /F1 12 Tf 72 720 Td ({text}) Tj ET".encode()
    bodies = [b"<< /Type /Catalog /Pages 2 0 R >>", b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
              b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>",
              b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream), b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"]
    out, offsets = b"%PDF-1.4\n", []
    for number, body in enumerate(bodies, 1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    rows = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    count = len(bodies) + 1
    return out + b"xref\n0 %d\n0000000000 65535 f \n%strailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (count, rows, count, len(out))


def mp4():
    """The boxes of a film without a frame: enough for whoever looks at the octets to call it one."""
    boxes = [(b"ftyp", b"isom\0\0\2\0isomiso2mp41"), (b"free", b""), (b"mdat", bytes(2048))]
    return b"".join((8 + len(body)).to_bytes(4, "big") + kind + body for kind, body in boxes)
