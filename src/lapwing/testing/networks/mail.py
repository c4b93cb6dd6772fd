"""A mail server on loopback: STARTTLS with a certificate of its own authority, logins, and the refusals of real ones.

It needs aiosmtpd, which speaks SMTP as RFC 5321 has it.
"""

from __future__ import annotations

import ssl
import tempfile
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any, Self

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from lapwing.testing.networks.fake import SYSTEM_US

DAY = timedelta(days=1)


class MailFake:
    """A server for one user; `answers` says what it answers to a recipient instead of taking the mail, each once."""

    def __init__(self, user: str = "alerts", password: str = "word") -> None:  # noqa: S107
        """Nothing arrived."""
        self.user, self.password = user, password
        self.answers: dict[str, list[str]] = {}
        self.received: list[tuple[str, EmailMessage]] = []
        """Who got what, in order; what came under a Message-ID that the recipient has is dropped, and counted."""
        self.repeats = 0
        self.authority, own = _certificate()
        with tempfile.TemporaryDirectory() as folder:  # the ssl module reads keys from files alone
            path = Path(folder) / "server.pem"
            path.write_bytes(own)
            self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._context.load_cert_chain(path)
        self._controller: Any = None

    def __enter__(self) -> Self:
        """Listen on a free port of loopback, in a thread of its own."""
        self._controller = _OnAnyPort(
            self, hostname="127.0.0.1", port=0, tls_context=self._context, authenticator=self._admit,
            require_starttls=True, auth_required=True,
        )  # fmt: skip
        self._controller.start()
        return self

    def __exit__(self, *_: object) -> None:
        """End it."""
        self._controller.stop()

    @property
    def port(self) -> int:
        """The port on 127.0.0.1."""
        return int(self._controller.port)

    async def handle_RCPT(  # noqa: N802
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        """Answer to a recipient."""
        if self.answers.get(address):
            return self.answers[address].pop(0)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Take a mail."""
        content = envelope.content
        assert isinstance(content, bytes)
        mail = message_from_bytes(content, policy=policy.default)
        for to in envelope.rcpt_tos:
            if any(to == had and old["Message-ID"] == mail["Message-ID"] for had, old in self.received):
                self.repeats += 1
            else:
                self.received.append((to, mail))
        return "250 2.0.0 taken"

    def _admit(self, _server: SMTP, _session: Session, _envelope: Envelope, _how: str, given: Any) -> AuthResult:
        assert isinstance(given, LoginPassword)
        right = (given.login.decode(), given.password.decode()) == (self.user, self.password)
        return AuthResult(success=right, handled=False)


class _OnAnyPort(Controller):
    """A controller that takes whatever port is free."""

    def _trigger_server(self) -> None:
        """Say where we are to whoever wants to know: the port that was asked for is 0."""
        server: Any = self.server
        self.port = server.sockets[0].getsockname()[1]
        super()._trigger_server()  # type: ignore[no-untyped-call]


def _certificate() -> tuple[str, bytes]:
    """Make an authority's certificate, and one for this machine with its key, both as PEM."""
    now = datetime.fromtimestamp(SYSTEM_US() // 1_000_000, UTC)
    own, root = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "an authority of its own")])
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    dated = x509.CertificateBuilder().not_valid_before(now - DAY).not_valid_after(now + DAY).issuer_name(issuer)
    authority = (
        dated.subject_name(issuer)
        .public_key(root.public_key())
        .serial_number(1)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(root, hashes.SHA256())
    )
    leaf = (
        dated.subject_name(subject)
        .public_key(own.public_key())
        .serial_number(2)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), critical=False)
        .sign(root, hashes.SHA256())
    )
    key = own.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return authority.public_bytes(Encoding.PEM).decode(), key + leaf.public_bytes(Encoding.PEM)
