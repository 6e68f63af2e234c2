"""Lists the leaves of every message, as Python's own parser of mail reads them: what ours must find as well.

usage: parts.py > parts.tsv        (Python 3.11 and nothing else)

One line a leaf: the message, the type, the file's name, and the SHA-256 of the octets once they are decoded.
"""

import email
import hashlib
from pathlib import Path

MAIL = Path(__file__).parent / "mail"


def main():
    for path in sorted(MAIL.rglob("*.eml")):
        for part in email.message_from_bytes(path.read_bytes()).walk():
            if not part.is_multipart():
                octets = part.get_payload(decode=True)
                print(path.relative_to(MAIL), part.get_content_type(), part.get_filename() or "-", hashlib.sha256(octets).hexdigest(), sep="\t")


main()
