"""E-mail, one for each alert and reader, through a server of yours (SMTP with STARTTLS or TLS, certificates verified).

A repeat has the same `Message-ID`, by which many servers and readers drop it. An address that does not exist (5.1.x) is
retired; 4yz answers are tried again. Python's own `smtplib` works in a thread: the server is the operator's, and a library
more would bring nothing.
Sources: RFC 5321, 3463, 3207, 8058.
"""

from __future__ import annotations

import asyncio
import re
import smtplib
import ssl
from contextlib import suppress
from email.message import EmailMessage
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from lapwing.hearing import BackOff, Disconnected
from lapwing.internet.addresses import is_this_machine
from lapwing.notify._letters import address_of, letter
from lapwing.settings import Secret
from lapwing.telling import Alert, ChannelRefused, Gone, Notifier, Recipient, Surroundings, Undeliverable, key_of
from lapwing.text.harmless import in_one_line, shortened

TIMEOUT_S = 20.0
"""For each step of the conversation."""
WHOLE_S = 90.0
SAID_MAX = 120
GREYLISTED = BackOff(first_s=120.0, max_s=3_600.0)
"""Many servers refuse a stranger's first attempt, and take it a few minutes later."""
UNKNOWN_CODES = (550, 551, 553)
NOBODY = re.compile(r"5\.1\.\d+")
"""The enhanced status that speaks of the recipient's address (RFC 3463)."""
PERMANENT = 500
CHANNEL = (smtplib.SMTPAuthenticationError, smtplib.SMTPSenderRefused)
"""What a server refuses us, and not a recipient."""
MAILBOX = re.compile(r"[^\s<>]+@[^\s<>]+")
"""Servers like to repeat the address, which belongs into no log."""


class Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A mail server, and who writes to whom."""

    host: Annotated[str, Meta(min_length=1, description="The server that takes our mail.")]
    port: Annotated[int, Meta(ge=1, le=65_535, description='Its port; 465 goes with `security = "tls"`.')] = 587
    security: Annotated[
        Literal["starttls", "tls", "none"],
        Meta(description="How the connection is encrypted; `none` only to this machine."),
    ] = "starttls"
    authority: Annotated[
        Secret | None, Meta(description="The certificate (PEM) of an authority of your own, `file:ca.pem`.")
    ] = None
    user: Annotated[str | None, Meta(description="The name to log in with.")] = None
    password: Annotated[Secret | None, Meta(description="The password to log in with.")] = None
    sender: Annotated[str, Meta(description="The address that mails are from.")] = msgspec.field(name="from")
    to: Annotated[list[str], Meta(description="Addresses to which every alert goes; each gets a mail of its own.")] = []
    unsubscribe: Annotated[
        Annotated[str, Meta(pattern=r"^(https://|mailto:)[\x21-\x3b\x3d\x3f-\x7e]+$")] | None,
        Meta(description="Where readers can take themselves off."),
    ] = None


async def send(options: Options, alert: Alert, recipient: Recipient, surroundings: Surroundings) -> None:
    """Hand one mail to the server."""
    sender, to = _sender(options), address_of(recipient.address)
    mail = letter(alert, sender, to, key_of(alert, recipient), options.unsubscribe)
    try:
        async with surroundings.time.within(WHOLE_S):
            await asyncio.to_thread(_delivered, options, mail, (sender, to))
    except TimeoutError:
        raise Disconnected(f"{options.host} did not take the mail in time") from None


def _sender(options: Options) -> str:
    try:
        return address_of(options.sender)
    except Undeliverable:
        raise ChannelRefused("`from` is no mail address", "write it as name@example.org") from None


def _delivered(options: Options, mail: EmailMessage, envelope: tuple[str, str]) -> None:
    """One conversation with the server; raises what its answer means."""
    sender, to = envelope
    try:
        server = _connected(options, sender.rpartition("@")[2])
        try:
            server.sendmail(sender, [to], mail.as_bytes())
            with suppress(smtplib.SMTPException, OSError):  # it has the mail; how it says goodbye does not matter
                server.quit()
        finally:
            server.close()
    except smtplib.SMTPRecipientsRefused as refused:
        code, text = refused.recipients[to]
        raise _meaning(options.host, code, text, recipient=True) from None
    except smtplib.SMTPResponseException as refused:
        if refused.smtp_code >= PERMANENT and isinstance(refused, CHANNEL):
            said = MAILBOX.sub("…", _words(refused.smtp_error))
            what = f"{options.host} refuses us ({refused.smtp_code} {shortened(in_one_line(said), SAID_MAX)})"
            raise ChannelRefused(what, "look at `from`, `user` and `password`") from None
        raise _meaning(options.host, refused.smtp_code, refused.smtp_error) from None
    except smtplib.SMTPNotSupportedError as missing:
        raise ChannelRefused(f"{options.host}: {missing}", "look at `security` and `port`") from None
    except UnicodeEncodeError:
        raise ChannelRefused("user and password must be ASCII to log in", "choose others") from None
    except ssl.SSLCertVerificationError as problem:
        raise Disconnected(f"{options.host}: its certificate is not valid ({problem.verify_message})") from None
    except (smtplib.SMTPException, OSError) as problem:
        why = getattr(problem, "strerror", None) or type(problem).__name__
        raise Disconnected(f"{options.host}: {why}") from None


def _words(text: bytes | str) -> str:
    return text.decode("ascii", "replace") if isinstance(text, bytes) else text


def _connected(options: Options, domain: str) -> smtplib.SMTP:
    """A connection that is encrypted and logged in."""
    context = ssl.create_default_context(cadata=options.authority or None)
    if options.security == "tls":
        server: smtplib.SMTP = smtplib.SMTP_SSL(options.host, options.port, domain, timeout=TIMEOUT_S, context=context)
    else:
        if options.security == "none" and options.host != "localhost" and not is_this_machine(options.host):
            raise ChannelRefused("mail is sent without encryption to this machine alone", "use starttls or tls")
        server = smtplib.SMTP(options.host, options.port, domain, timeout=TIMEOUT_S)
    try:
        if options.security == "starttls":
            server.starttls(context=context)
        if options.user and options.password:
            server.login(options.user, options.password)
    except BaseException:
        server.close()
        raise
    return server


def _meaning(host: str, code: int, text: bytes | str, *, recipient: bool = False) -> Exception:
    """What a refusal of the server is to us."""
    words = _words(text)
    said = shortened(in_one_line(MAILBOX.sub("…", words)), SAID_MAX)
    what = f"{host} answered {code} ({said})"
    if code < PERMANENT:
        return Disconnected(what, GREYLISTED)
    status = words.split()[0] if words.split() else ""
    unknown = bool(NOBODY.fullmatch(status)) or (code in UNKNOWN_CODES and not re.match(r"[245]\.\d+\.\d+", status))
    return Gone(what) if recipient and unknown else Undeliverable(what)


NOTIFIER = Notifier(
    options=Options,
    send=send,
    configured=lambda options: options.to,
    admitted=lambda _, address: address_of(address),
    parallel=2,
    shared=False,
    registers=False,
    example="""
[[channel]]
type = "mail"
name = "duty-officers"
host = "smtp.example.org"
user = "alerts"
password = "env:SMTP_PASSWORD"
from = "alerts@example.org"
to = ["duty@example.org"]
""",
)
