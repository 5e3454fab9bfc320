"""Takes mails on loopback and writes each, as it came, to a numbered file, and beside it what a reader sees of it.

Usage: smtp_server.py FOLDER [PASSWORD]
Prints its port, then serves until its standard input ends. With a password it wants the user "desk" to log in.
"""

import asyncio
import email
import email.policy
import json
import pathlib
import sys

from aiosmtpd.smtp import SMTP, AuthResult


def letter(content):
    """What a mail program shows of a mail."""
    message = email.message_from_bytes(content, policy=email.policy.default)

    def header(name):
        return str(message[name] or "")

    def body(kind):
        part = message.get_body((kind,))
        return part.get_content() if part else ""

    return {
        "subject": header("Subject"),
        "from": header("From"),
        "to": header("To"),
        "message_id": header("Message-ID"),
        "references": header("References").split(),
        "text": body("plain"),
        "html": body("html"),
    }


class Writer:
    def __init__(self, folder):
        self.folder = folder
        self.count = 0

    async def handle_DATA(self, server, session, envelope):
        self.count += 1
        part = self.folder / f".{self.count:04}.part"
        part.write_bytes(envelope.original_content)
        text = json.dumps(letter(envelope.original_content))
        (self.folder / f"{self.count:04}.json").write_text(text)
        part.rename(self.folder / f"{self.count:04}.eml")
        return "250 kept"


async def main():
    folder = pathlib.Path(sys.argv[1])
    password = sys.argv[2].encode() if len(sys.argv) > 2 else None

    def authenticate(server, session, envelope, mechanism, data):
        return AuthResult(success=data.login == b"desk" and data.password == password)

    writer = Writer(folder)

    def session():
        return SMTP(
            writer,
            hostname="localhost",
            authenticator=authenticate,
            auth_required=password is not None,
            auth_require_tls=False,
        )

    loop = asyncio.get_running_loop()
    server = await loop.create_server(session, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    server.close()


asyncio.run(main())
