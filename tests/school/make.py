"""Makes the messages that carry pictures, documents and archives, and the pictures that stand in for known ones.

usage: make.py        (needs Pillow; writes below the folder it lies in, the same octets every time)

The messages without attachments are written by hand: change those in an editor.
"""

from email.message import EmailMessage
from email.policy import EmailPolicy
from pathlib import Path

import pictures
from attachments import TYPES, archive, docx, encrypted_archive, mp4, pdf, pptx

HERE = Path(__file__).parent
AMIRA = "Amira Khan <amira.khan@willowbrook.example>"
BEN = "Ben Carter <ben.carter@willowbrook.example>"
CHLOE = "Chloe Evans <chloe.evans@willowbrook.example>"
DANIEL = "Daniel Osei <daniel.osei@willowbrook.example>"
ELLA = "Ella Wright <ella.wright@willowbrook.example>"
CLASS_7B = "Class 7B <class-7b@willowbrook.example>"
MORGAN = "J. Morgan <j.morgan@willowbrook.example>"
PATEL = "S. Patel <s.patel@willowbrook.example>"
HEAD = "Headteacher <head@willowbrook.example>"
OFFICE = "Willowbrook School Office <office@willowbrook.example>"


def main():
    known_1, known_2 = pictures.landscape("mill"), pictures.landscape("harbour")
    known_1_jpeg, known_2_jpeg = pictures.jpeg(known_1, 85), pictures.jpeg(known_2, 85)
    (HERE / "known").mkdir(exist_ok=True)
    (HERE / "known/mill.jpg").write_bytes(known_1_jpeg)
    (HERE / "known/harbour.jpg").write_bytes(known_2_jpeg)

    ordinary()
    lessons()
    held(known_1_jpeg, pictures.jpeg(known_1.resize((320, 240)), 40), known_2_jpeg)
    unread()


def ordinary():
    talk = pptx(["The water cycle", "Evaporation, condensation, precipitation", "Thank you for listening. Any questions?"],
                pictures.jpeg(pictures.landscape("river", 480, 360), 70))
    letter("ordinary/group-project", "Tue, 10 Nov 2026 17:02:07 +0000", CHLOE, [DANIEL, ELLA], "geography slides",
           "hi, here are my three slides, can you both add yours by friday? chloe",
           [("water-cycle.pptx", talk)])
    letter("ordinary/nature-photo", "Sun, 08 Nov 2026 14:31:07 +0000", AMIRA, [PATEL], "Habitat homework",
           "Dear Mrs Patel, this is the wood behind our house. I counted eleven trees and two birds. Amira",
           [("wood.jpg", pictures.jpeg(pictures.landscape("wood"), 75))])
    proofs = archive({"lane.jpg": pictures.jpeg(pictures.landscape("lane", 480, 360), 70),
                      "field.jpg": pictures.jpeg(pictures.landscape("field", 480, 360), 70),
                      "read-me.txt": b"Two proofs for the prospectus. Please choose one.\r\n"})
    letter("ordinary/prospectus-proofs", "Wed, 11 Nov 2026 10:20:07 +0000", "Lens & Light <studio@lensandlight.example>", [OFFICE],
           "Proofs for the prospectus", "Dear Office, two proofs are attached in one archive. Which shall we print?",
           [("proofs.zip", proofs)])
    minutes = docx(["Staff meeting, 12 November", "Present: all teaching staff. Apologies: none.",
                    "1. Reports are due on 4 December.", "2. The fire drill took three minutes; the target is two and a half.",
                    "3. Mrs Patel leads the Year 9 options evening."])
    letter("ordinary/staff-meeting", "Fri, 13 Nov 2026 08:05:07 +0000", HEAD, [MORGAN, PATEL], "Minutes of the staff meeting",
           "Dear both, the minutes are attached. Corrections to the office, please.", [("minutes.docx", minutes)])
    newsletter()


def newsletter():
    """HTML with a picture that belongs into it (multipart/related inside multipart/alternative)."""
    message = envelope("ordinary/museum-newsletter", "Mon, 16 Nov 2026 07:00:07 +0000", "Town Museum <news@townmuseum.example>", [MORGAN],
                       "Half price for schools until Easter")
    message.set_content("Free handling sessions for schools: Roman glass, a Viking comb, a Victorian school desk.\n", cte="7bit")
    message.add_alternative('<html><body><img src="cid:banner" alt="The museum on its hill"><h1>Half price for schools</h1>'
                            "<p>Free handling sessions: Roman glass, a Viking comb, a Victorian school desk.</p></body></html>\n",
                            subtype="html", cte="quoted-printable")
    html = message.get_payload()[1]
    html.add_related(pictures.png(pictures.landscape("museum", 320, 120).quantize(64)), "image", "png", cid="<banner>")
    html.set_boundary("=_related")
    save("ordinary/museum-newsletter", message)


def lessons():
    essay = docx([
        "Is Romeo and Juliet a play about love or about hate?",
        "Shakespeare lets the Prologue tell us that the lovers will take their life, so that we watch how it happens and not whether.",
        "Tybalt kills Mercutio, and Romeo kills Tybalt: hate begets hate. Juliet threatens to kill herself rather than marry Paris, and "
        "the Friar gives her a potion that looks like death.",
        "When Romeo believes that she is dead he buys poison. \"Here's to my love!\" he says, and dies with a kiss. Juliet wakes and "
        "stabs herself with his dagger: \"This is thy sheath; there rust, and let me die.\"",
        "Only when two children are dead do the families shake hands. It is a play about what hate costs love.",
    ])
    letter("lessons/romeo-and-juliet", "Mon, 02 Nov 2026 18:20:07 +0000", ELLA, [MORGAN], "Romeo and Juliet essay",
           "Dear Sir, my essay is attached. I was not sure about the ending. Ella", [("romeo-and-juliet.docx", essay)])


def held(known_1, known_1_small, known_2):
    letter("held/known-picture", "Thu, 12 Nov 2026 16:45:07 +0000", DANIEL, [BEN, CHLOE, ELLA], "look", "seen this one?",
           [("IMG_2041.jpg", known_1)])
    letter("held/known-picture-resized", "Thu, 12 Nov 2026 19:12:07 +0000", BEN, [AMIRA], "Fwd: look", "daniel sent me this",
           [("photo.jpg", known_1_small)])
    letter("held/known-picture-in-document", "Fri, 13 Nov 2026 11:30:07 +0000", "R. Stone <r.stone@webmail.example>", [OFFICE],
           "Application for the post of site manager", "Please find my application attached.",
           [("application.docx", docx(["Application", "I enclose a picture, as you asked."], known_2))])
    leaflet = docx(["Brothers, the caliphate calls you", "Pledge allegiance to the caliphate and leave the unbelievers behind.",
                    "Join the jihad. Martyrdom is the highest honour, and your family will be rewarded.",
                    "Ask for the handbook on the channel. Trust nobody at school."])
    letter("held/recruitment-leaflet", "Wed, 18 Nov 2026 20:40:07 +0000", DANIEL, [ELLA], "read this", "this is the leaflet i told you about",
           [("leaflet.docx", leaflet)])


def unread():
    letter("unread/encrypted-zip", "Tue, 10 Nov 2026 13:37:07 +0000", "Payroll Bureau <payroll@bureau.example>", [OFFICE],
           "Payslips for November", "Dear Office, the archive opens with the usual code.",
           [("payslips.zip", encrypted_archive("payslips.csv", b"name,net\r\nA. Example,1000.00\r\n", b"correct horse"))])
    damaged = bytearray(pictures.png(pictures.landscape("pond", 240, 180).quantize(64)))
    damaged[len(damaged) // 2:] = bytes(len(damaged) - len(damaged) // 2)
    letter("unread/damaged-picture", "Wed, 11 Nov 2026 19:05:07 +0000", ELLA, [MORGAN], "Poster", "Dear Sir, the poster for the play. Ella",
           [("poster.png", bytes(damaged))])
    letter("ordinary/invoice-pdf", "Thu, 12 Nov 2026 09:00:07 +0000", "Accounts <accounts@inkandpaper.example>", [OFFICE], "Invoice 40817",
           "Dear Office, our invoice for order 40817 is attached.", [("invoice-40817.pdf", pdf("Invoice 40817, total 40.45 pounds"))])
    letter("unread/sports-day-video", "Fri, 13 Nov 2026 15:30:07 +0000", PATEL, [CLASS_7B], "The relay race",
           "7B, somebody filmed your relay race. Well run!", [("relay.mp4", mp4())])


def letter(name, date, sender, recipients, subject, text, attachments):
    message = envelope(name, date, sender, recipients, subject)
    message.set_content(text + "\n", cte="7bit")
    for file_name, octets in attachments:
        main_type, subtype = TYPES[file_name.rpartition(".")[2]].split("/")
        message.add_attachment(octets, main_type, subtype, filename=file_name)
    save(name, message)


def envelope(name, date, sender, recipients, subject):
    message = EmailMessage(policy=EmailPolicy(linesep="\n"))
    message["From"], message["To"], message["Subject"], message["Date"] = sender, ", ".join(recipients), subject, date
    message["Message-ID"] = f"<{Path(name).name}.{date[5:7]}@{sender.rpartition('@')[2].rstrip('>')}>"
    return message


def save(name, message):
    message.set_boundary("=_" + Path(name).name)
    path = HERE / "mail" / f"{name}.eml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(bytes(message))


if __name__ == "__main__":
    main()
