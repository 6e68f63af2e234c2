"""The school's SMTP server, as small as it can be: what is accepted here has been delivered by Dovecot.

usage: relay.py SMTP_PORT LMTP_PORT

There is no queue: Dovecot's answer, good or bad, is the sender's answer.
"""

import asyncio
import smtplib
import sys

from aiosmtpd.smtp import SMTP


class Relay:
    def __init__(self, lmtp_port):
        self.lmtp_port = lmtp_port

    async def handle_RCPT(self, server, session, envelope, address, options):
        """Asks Dovecot at once, so that an unknown recipient is refused alone."""
        code, reason = await asyncio.to_thread(self.knows, address)
        if code == 250:
            envelope.rcpt_tos.append(address)
        return f"{code} {reason.decode('ascii', 'replace')}"

    async def handle_DATA(self, server, session, envelope):
        try:
            await asyncio.to_thread(self.deliver, envelope)
        except smtplib.SMTPResponseException as refusal:
            return f"{refusal.smtp_code} {refusal.smtp_error.decode('ascii', 'replace')}"
        return "250 2.0.0 Delivered"

    def knows(self, address):
        with self.dovecot() as dovecot:
            dovecot.ehlo_or_helo_if_needed()
            dovecot.mail("")
            return dovecot.rcpt(address)

    def deliver(self, envelope):
        """One recipient at a time: smtplib reads one answer to DATA, and LMTP gives one for each."""
        with self.dovecot() as dovecot:
            for recipient in envelope.rcpt_tos:
                dovecot.sendmail(envelope.mail_from, recipient, envelope.original_content)

    def dovecot(self):
        return smtplib.LMTP("127.0.0.1", self.lmtp_port)


async def serve(smtp_port, lmtp_port):
    relay = Relay(lmtp_port)
    loop = asyncio.get_running_loop()
    listener = await loop.create_server(lambda: SMTP(relay, hostname="localhost"), "127.0.0.1", smtp_port)
    await listener.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(*map(int, sys.argv[1:3])))
