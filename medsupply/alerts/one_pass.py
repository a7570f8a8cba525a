"""What one pass of the sender has met, and what an answer of the relay means beside those to others. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field

from medsupply.alerts import deliver
from medsupply.errors import MailRefused, MailUnavailable

# Mails refused by policy, none taken, before the rest of the batch is left: the relay takes nothing from us. So many
# addresses that are said to be dead, none taken between, are no more believed than that.
DENIED_IN_A_ROW = 5


@dataclass
class Pass:
    """What one pass has met: conversations that broke off running, what was denied since the relay last took a mail,
    what is tried once more since it took one, what has been tried, and which addresses are said to be ``dead`` since.

    A refusal by policy is the relay's own, and the queue is kept, unless the relay takes another mail after it in the
    same pass: then the mail is tried once more, and what is refused again means this recipient or content alone; the
    next person gets it at once. One domain or recipient that forbids it thus stops no other mail, and a relay that has
    stopped relaying for us, or whose quota is used up, kills none. Nor does one that calls everybody unknown, but for
    the first few.
    """

    dropped: int = 0
    denied: dict[str, str] = field(default_factory=dict)
    again: set[str] = field(default_factory=set)
    tried: set[str] = field(default_factory=set)
    dead: set[str] = field(default_factory=set)

    def judged(
        self, message_id: str, recipient: str, error: MailRefused | MailUnavailable | None
    ) -> MailRefused | MailUnavailable | None:
        """What an answer means beside those to others."""
        if message_id in self.again and isinstance(error, deliver.Denied):
            return MailRefused(error.reason, "Correct the address")
        if isinstance(error, MailRefused) and message_id not in self.again:
            self.dead.add(recipient.lower())
            if len(self.dead) >= DENIED_IN_A_ROW:
                return deliver.Denied(f"It refuses all alike: {error.reason}", "Check what the relay allows")
        return error

    def noted(self, message_id: str, error: MailRefused | MailUnavailable | None) -> list[str]:
        """Note what came of a mail; returns the mails to try once more, now that the relay is seen to take some."""
        self.dropped = self.dropped + 1 if isinstance(error, deliver.LineDropped) else 0
        self.tried.add(message_id)
        if isinstance(error, deliver.Denied):
            self.denied[message_id] = str(error)
        if error is not None:
            return []
        again = list(self.denied)
        self.denied.clear()
        self.dead.clear()
        self.again |= set(again)
        self.tried -= set(again)
        return again
