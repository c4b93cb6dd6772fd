"""An alert as a mail: plain text, threaded by its incident, with headers into which nothing can be smuggled."""

from __future__ import annotations

import hashlib
import re
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP

from lapwing.notify._wording import title_of, whole_text
from lapwing.telling import Alert, Undeliverable

ADDRESS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}@(?:[A-Za-z0-9-]{1,63}\.)+[A-Za-z0-9-]{2,63}")
ADDRESS_CHARACTERS_MAX = 254
PLAIN = SMTP.clone(cte_type="7bit", max_line_length=78)
"""Every server takes it: 7 bits, short lines, CR LF."""


class Written(EmailMessage):
    """One mail, in a form that every server takes."""

    def __init__(self) -> None:
        super().__init__(policy=PLAIN)


def address_of(text: str) -> str:
    """A mail address, ASCII, without a name; raises `Undeliverable` for what is none."""
    text = text.strip()
    local, _, host = text.rpartition("@")
    dots = local.startswith(".") or local.endswith(".") or ".." in local
    if len(text) > ADDRESS_CHARACTERS_MAX or dots or not ADDRESS.fullmatch(text):
        raise Undeliverable("this is no mail address", "write it as name@example.org")
    return f"{local}@{host.lower()}"


def letter(alert: Alert, sender: str, to: str, key: str, unsubscribe: str | None) -> EmailMessage:
    """The mail to one reader.

    All mails of an incident refer to one that was never sent, which is how they stand together in a reader's inbox whichever
    of them arrives (RFC 5322, 3.6.4).
    """
    domain = sender.rpartition("@")[2]
    mail = Written()
    mail["From"] = f"Lapwing <{sender}>"
    mail["To"] = to
    mail["Subject"] = title_of(alert)
    mail["Date"] = datetime.fromtimestamp(alert.at_us // 1_000_000, UTC)
    mail["Message-ID"] = f"<{key}@{domain}>"
    if alert.incident:
        thread = hashlib.sha256(alert.incident.encode()).hexdigest()[:32]
        mail["In-Reply-To"] = mail["References"] = f"<incident.{thread}@{domain}>"
    mail["Auto-Submitted"] = "auto-generated"
    if alert.kind != "digest" and alert.severity in ("severe", "extreme"):
        mail["Importance"] = "high"
    if unsubscribe:
        mail["List-Unsubscribe"] = f"<{unsubscribe}>"
        if unsubscribe.startswith("https:"):
            mail["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    mail.set_content(whole_text(alert) + "\n")
    return mail
