"""Compares what became of the school's mail with expected.tsv, copy by copy.

usage: verify.py CASES SCANS RELEASED
    CASES       the output of `mailwarden cases list --json`
    SCANS       the output of `mailwarden scan --json` over the school's mail
    RELEASED    the file of the message that was released, or an empty word

Ends with 0 only when every line came true and no case is left over.
"""

import json
import sys
from collections import Counter

import school

HELD = ("hold", "withhold")


def main(cases_file, scans_file, released):
    copies = school.expected()
    if not copies:
        sys.exit("verify: expected.tsv names no message")
    with open(cases_file, encoding="utf-8") as text:
        places = [Place(case, place) for case in json.load(text) for place in case["places"]]
    verdicts = {name_of(scan["path"]): scan["verdict"] for scan in values(open(scans_file, encoding="utf-8").read())}
    lying = lying_where(copies)

    wrong = []
    for copy in copies:
        uids = lying[copy.mailbox, copy.folder].get(school.read(copy.file)[1]["Message-ID"], [])
        fault = check(copy, uids, places, verdicts, copy.file == released)
        if fault:
            wrong.append((copy, fault))
    report(copies, wrong)
    for place in places:
        print(f"  left over: {place}")
    sys.exit(1 if wrong or places else 0)


class Place:
    """Where a case says that a copy lies, or lay."""

    def __init__(self, case, place):
        self.mailbox, self.folder, self.uid, self.state = place["mailbox"], place["folder"], place["uid"], place["state"]
        self.category, self.action, self.codename = case["category"], case["action"], case["codename"]

    def __str__(self):
        return f"{self.codename} ({self.category}, {self.action}): {self.mailbox} {self.folder} {self.uid} {self.state}"


def check(copy, uids, places, verdicts, released):
    """What is wrong with one copy; the place that accounts for it is taken out of `places`."""
    present = copy.verdict != "hold" or released
    if len(uids) != present:
        return f"lies {len(uids)} times in the mailbox"
    if copy.verdict == "incomplete" and verdicts.get(copy.file) != "incomplete":
        return f"`scan` says {verdicts.get(copy.file, 'nothing')}"

    here = [place for place in places if (place.mailbox, place.folder) == (copy.mailbox, copy.folder)]
    if copy.verdict == "hold":
        state = "released" if released else "removed"
        mine = [place for place in here if place.action in HELD and place.category == copy.category and place.state == state][:1]
    else:
        mine = [place for place in here if place.uid in uids]
    for place in mine:
        places.remove(place)

    has_case = [(place.category, place.action in HELD) for place in mine]
    wanted = {
        "clear": [[]],
        "flag": [[(copy.category, False)]],
        "hold": [[(copy.category, True)]],
        # Whether an unread message has a case is for the school to say: it is weekly business.
        "incomplete": [[], [("incomplete", False)]],
    }
    if has_case not in wanted[copy.verdict]:
        return "has " + (", ".join(str(place) for place in mine) or "no such case")
    return None


def lying_where(copies):
    """For every folder that expected.tsv names: Message-ID to UIDs."""
    lying = {}
    for address, folder in {(copy.mailbox, copy.folder) for copy in copies}:
        found = lying.setdefault((address, folder), {})
        with school.mailbox(address) as imap:
            for uid, message_id in school.message_ids(imap, folder):
                found.setdefault(message_id, []).append(uid)
    return lying


def values(text):
    """The JSON objects of a text, be they in an array or one a line."""
    decoder, at = json.JSONDecoder(), 0
    while text[at:].strip():
        at += len(text[at:]) - len(text[at:].lstrip())
        value, at = decoder.raw_decode(text, at)
        yield from value if isinstance(value, list) else [value]


def name_of(path):
    return "/".join(path.split("/")[-2:])


def report(copies, wrong):
    expected, failed = Counter(copy.verdict for copy in copies), Counter(copy.verdict for copy, _ in wrong)
    messages = Counter(verdict for _, verdict in {(copy.file, copy.verdict) for copy in copies})
    for verdict in expected:
        came_true = expected[verdict] - failed[verdict]
        print(f"  {verdict:<11} {messages[verdict]:>3} messages, {came_true:>3} of {expected[verdict]:>3} copies as expected")
    for copy, fault in wrong:
        print(f"  not true: {copy.file} in {copy.mailbox} {copy.folder}, expected {copy.verdict} {copy.category}: {fault}")


if __name__ == "__main__":
    main(*sys.argv[1:4])
