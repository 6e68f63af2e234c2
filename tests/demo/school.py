"""The made-up school's mail: brings it into the mailboxes, and looks into them.

usage: school.py deliver first|second [PAUSE]      half of the messages, PAUSE seconds after each
       school.py find FILE MAILBOX                 the folders in which a message lies
       school.py notice MAILBOX                    the newest notice that mailwarden sent to a mailbox

IMAP_PORT, SMTP_PORT, CA_FILE and MASTER_PASSWORD_FILE say where; run.sh sets them.
"""

import csv
import email
import email.policy
import email.utils
import imaplib
import os
import smtplib
import ssl
import sys
import time
from collections import namedtuple
from pathlib import Path

SCHOOL = Path(__file__).parent.parent / "school"
NOTICES_FROM = "mailwarden@willowbrook.example"
Copy = namedtuple("Copy", "file mailbox folder verdict category why")


def expected():
    """Every line of expected.tsv."""
    with open(SCHOOL / "expected.tsv", encoding="utf-8") as table:
        rows = csv.reader((line for line in table if not line.startswith("#")), delimiter="\t")
        assert next(rows) == list(Copy._fields)
        return [Copy(*row) for row in rows]


def read(file):
    """A message as it travels, its lines ended by CRLF."""
    octets = (SCHOOL / "mail" / file).read_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    return octets, email.message_from_bytes(octets, policy=email.policy.default)


def deliver(half, pause=0.0):
    """Recipients get theirs through the SMTP server; the sender's own copy is put into Sent, as mail programs do."""
    copies = {}
    for copy in expected():
        copies.setdefault(copy.file, []).append(copy)
    for file in list(copies)[0 if half == "first" else 1::2]:
        octets, message = read(file)
        recipients = [copy.mailbox for copy in copies[file] if copy.folder == "INBOX"]
        with smtplib.SMTP("127.0.0.1", int(os.environ["SMTP_PORT"])) as smtp:
            smtp.sendmail(message["From"].addresses[0].addr_spec, recipients, octets)
        for copy in copies[file]:
            if copy.folder != "INBOX":
                with mailbox(copy.mailbox) as imap:
                    date = imaplib.Time2Internaldate(message["Date"].datetime)
                    kind, answer = imap.append(copy.folder, r"(\Seen)", date, octets)
                    assert kind == "OK", answer
        time.sleep(pause)


def mailbox(address):
    """Logged in as the master user."""
    imap = imaplib.IMAP4_SSL("localhost", int(os.environ["IMAP_PORT"]), ssl_context=ssl.create_default_context(cafile=os.environ["CA_FILE"]))
    imap.login(f"{address}*scanner", Path(os.environ["MASTER_PASSWORD_FILE"]).read_text().strip())
    return imap


def message_ids(imap, folder):
    """The UID and the Message-ID of everything in a folder."""
    imap.select(folder, readonly=True)
    _, answer = imap.uid("FETCH", "1:*", "(UID BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)])")
    found = []
    for item in answer:
        if isinstance(item, tuple):
            uid = int(item[0].split(b"UID ")[1].split()[0])
            found.append((uid, email.message_from_bytes(item[1], policy=email.policy.default)["Message-ID"]))
    return found


def find(file, address):
    _, message = read(file)
    with mailbox(address) as imap:
        for folder in ("INBOX", "Sent"):
            if any(message_id == message["Message-ID"] for _, message_id in message_ids(imap, folder)):
                print(folder)


def notice(address):
    with mailbox(address) as imap:
        imap.select("INBOX", readonly=True)
        _, answer = imap.uid("SEARCH", "FROM", NOTICES_FROM)
        for uid in answer[0].split()[-1:]:
            _, fetched = imap.uid("FETCH", uid.decode(), "(BODY.PEEK[])")
            message = email.message_from_bytes(fetched[0][1], policy=email.policy.default)
            for name in ("From", "To", "Subject"):
                print(f"{name}: {message[name]}")
            print()
            print(message.get_body(("plain",)).get_content().rstrip())


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["deliver", ("first" | "second") as half, *pause]:
            deliver(half, *map(float, pause))
        case ["find", file, address]:
            find(file, address)
        case ["notice", address]:
            notice(address)
        case _:
            sys.exit(__doc__)
