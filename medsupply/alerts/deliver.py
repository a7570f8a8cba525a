"""One conversation with the relay: verified TLS, one recipient, and what each answer means for the mail.

What is wrong with the recipient (5xx to RCPT that says so) is for ever. What is wrong with the relay, the sender
address, TLS or the login concerns every mail: the queue is kept, and no mail is ever given up for it. What is said of
one mail (4xx, a line that drops) is tried again for 72 hours. A refusal by policy, or one that names neither address
nor content, may be either: of this mail, or of us by a relay that takes nothing any more. The sender sees which by what
becomes of others.
"""

from __future__ import annotations

import contextlib
import re
import smtplib
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime
from functools import cached_property
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from medsupply.alerts import links
from medsupply.alerts.conversation import Conversation, ConversationInTLS
from medsupply.alerts.headers import MAIL_POLICY
from medsupply.alerts.mails import HELD
from medsupply.errors import MailRefused, MailUnavailable
from medsupply.settings import Settings

TIMEOUT = 30.0
# The enhanced code (RFC 3463) with which an answer begins, and its subjects that are of the address or content alone;
# others are of the system, the network, the protocol or a policy.
ENHANCED = re.compile(r"\s*5\.((\d{1,3})\.\d{1,3})\b")
OF_THIS_MAIL = ("1", "2", "6")
# Of the sender's address, which some relays name only when they are told the recipient.
OF_SENDER = ("1.7", "1.8")
# What RFC 5321 has for a recipient that cannot be, or not here.
OF_RECIPIENT = (550, 551, 552, 553)
LOCAL = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True)
class Channel:
    """A relay, and what it is trusted by: read once, a conversation is a fraction of reading all authorities."""

    url: str
    timeout: float = TIMEOUT

    @cached_property
    def trust(self) -> ssl.SSLContext:
        return ssl.create_default_context()


class RelayDown(MailUnavailable):
    """No conversation came about: no other mail would fare better now, and nothing is said about this one."""


class LineDropped(MailUnavailable):
    """The conversation broke in the middle of a mail: the relay's fault, or what this mail does to it."""


class Denied(MailUnavailable):
    """Refused, perhaps not for this mail's sake: by a relay that takes nothing from us any more, or it alone."""


class ChannelBroken(MailUnavailable):
    """TLS, login or sender address fail: no mail can go out until a person has looked. The queue is kept."""


def message_of(row: dict[str, Any], settings: Settings, now: datetime) -> EmailMessage:
    """The mail as it is handed over: text and HTML, stable Message-ID, thread of its episode, one-click ending."""
    message = EmailMessage(MAIL_POLICY)
    message["Subject"] = " ".join(str(row["subject"]).split())
    message["From"] = settings.mail_from
    message["To"] = row["recipient"]
    message["Date"] = format_datetime(now)
    message["Message-ID"] = row["message_id"]
    message["Auto-Submitted"] = "auto-generated"
    # A hold is told to operations and to readers; these may end what they get like any other mail.
    to_operations = row["kind"] == "operations" and row["recipient"] == settings.operator_mail
    of_service = row["kind"] == "operations" and not str(row["alert_id"] or "").startswith(HELD)
    if not (to_operations or of_service or row["stands_in"]):
        end = links.link(settings, row["recipient"], links.END, row["language"])
        message["List-Unsubscribe"] = f"<{end}>"
        message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"  # RFC 8058: a POST ends it, a GET only asks
    if row["thread"]:
        message["In-Reply-To"] = row["thread"]
        message["References"] = row["thread"]
    message.set_content(row["body_text"])
    message.add_alternative(row["body_html"], subtype="html")
    # Setting content drops every Content header that stood there before.
    message["Content-Language"] = row["language"]
    return message


def hand_over(channel: Channel, message: EmailMessage, recipient: str) -> None:
    """Hand one mail to the relay.

    Raises MailRefused (never), ChannelBroken and RelayDown (no mail at all now), Denied (perhaps no mail at all),
    LineDropped or MailUnavailable (this mail not now).
    """
    relay = _connected(channel)
    try:
        _transaction(relay, message, recipient)
    except smtplib.SMTPHeloError as error:
        raise RelayDown(f"The relay does not serve us now ({error.smtp_code})", "The sender tries again") from error
    except (OSError, smtplib.SMTPException) as error:
        # Also an answer that is none: smtplib calls a line without an end 500, but nobody has refused this mail.
        raise LineDropped(f"The relay ended the conversation ({error})", "The sender tries again") from error
    finally:
        # What the relay says to QUIT changes nothing: a mail it has taken is taken, one it has not is not.
        with contextlib.suppress(OSError, smtplib.SMTPException):
            relay.quit()
        relay.close()


def _transaction(relay: smtplib.SMTP, message: EmailMessage, recipient: str) -> None:
    try:
        refused = relay.send_message(message, to_addrs=[recipient])
    except smtplib.SMTPRecipientsRefused as error:
        refused = error.recipients
    except smtplib.SMTPSenderRefused as error:
        if 500 <= error.smtp_code < 600:
            raise _broken(f"The relay refuses the sender address ({error.smtp_code})") from error
        raise RelayDown(
            f"The relay takes nothing from the sender address now ({error.smtp_code})", "The sender tries again"
        ) from error
    except smtplib.SMTPDataError as error:
        raise _by_code(error.smtp_code, error.smtp_error, ()) from error
    for code, said in refused.values():
        raise _by_code(code, said, OF_RECIPIENT)


def _connected(channel: Channel) -> smtplib.SMTP:
    """A conversation that is ready for a mail. What goes wrong here concerns every mail."""
    try:
        return _opened(channel)
    except ssl.SSLEOFError as error:
        raise RelayDown("The relay ended the conversation", "The sender tries again") from error
    except ssl.SSLError as error:
        raise _broken(f"TLS with the relay failed ({getattr(error, 'verify_message', '') or error.reason})") from error
    except smtplib.SMTPAuthenticationError as error:
        if 400 <= error.smtp_code < 500:
            raise RelayDown(
                f"The relay cannot check the login now ({error.smtp_code})", "The sender tries again"
            ) from error
        raise _broken(f"The relay refuses the login ({error.smtp_code})") from error
    except smtplib.SMTPNotSupportedError as error:
        raise _broken(f"The relay lacks what is required ({error})") from error
    except smtplib.SMTPResponseException as error:
        raise RelayDown(f"The relay does not serve us now ({error.smtp_code})", "The sender tries again") from error
    except (OSError, smtplib.SMTPException) as error:
        raise RelayDown(f"The relay cannot be reached ({error})", "The sender tries again") from error
    except ValueError as error:
        # A port, host, password or challenge that cannot be read: no mail's fault. The text may hold the password.
        raise _broken(f"The relay cannot be spoken to as it is set ({type(error).__name__})") from error


def _opened(channel: Channel) -> smtplib.SMTP:
    """Verified TLS and login; without TLS only with a relay on this machine that says so."""
    parts = urlsplit(channel.url)
    host = parts.hostname or "localhost"
    relay: smtplib.SMTP
    if parts.scheme == "smtps":
        relay = ConversationInTLS(host, parts.port or 465, timeout=channel.timeout, context=channel.trust)
    else:
        relay = Conversation(host, parts.port or 587, timeout=channel.timeout)
    try:
        plain = parse_qs(parts.query).get("starttls") == ["off"] and host in LOCAL
        if parts.scheme != "smtps" and not plain:
            relay.starttls(context=channel.trust)
        if parts.username:
            relay.login(unquote(parts.username), unquote(parts.password or ""))
        relay.ehlo_or_helo_if_needed()
    except BaseException:
        relay.close()
        raise
    return relay


def _by_code(code: int, said: bytes | str, of_recipient: Sequence[int]) -> MailRefused | MailUnavailable:
    text = said.decode(errors="replace") if isinstance(said, bytes) else said
    if not 500 <= code < 600:
        return MailUnavailable(f"The relay does not take it now ({code} {text})", "The sender tries again")
    if _of_this_mail(code, text, of_recipient):
        return MailRefused(f"The relay refuses it for good ({code} {text})", "Correct the address")
    return Denied(f"The relay refuses it by policy ({code} {text})", "Check what the relay allows")


def _of_this_mail(code: int, text: str, of_recipient: Sequence[int]) -> bool:
    """By the enhanced code where there is one ("5.1.1 unknown in relay recipient table" is a dead address)."""
    enhanced = ENHANCED.match(text)
    if enhanced:
        return enhanced[2] in OF_THIS_MAIL and enhanced[1] not in OF_SENDER
    return code in of_recipient and "relay" not in text.lower()


def _broken(reason: str) -> ChannelBroken:
    return ChannelBroken(reason, "Check MEDSUPPLY_SMTP_URL and the relay's certificate; the queue is kept")
