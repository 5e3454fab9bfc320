"""Takes mails on loopback and writes each, as it came, to a numbered file.

Usage: smtp_server.py FOLDER [PASSWORD]
Prints its port, then serves until its standard input ends. With a password it wants the user "desk" to log in.
"""

import asyncio
import pathlib
import sys

from aiosmtpd.smtp import SMTP, AuthResult


class Writer:
    def __init__(self, folder):
        self.folder = folder
        self.count = 0

    async def handle_DATA(self, server, session, envelope):
        self.count += 1
        part = self.folder / f".{self.count:04}.part"
        part.write_bytes(envelope.original_content)
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
