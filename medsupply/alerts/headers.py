"""Headers of a mail that programs read: identities and links arrive as they were written.

The standard library encodes a word that is longer than a line (=?utf-8?q?...?=), in these headers too, and mail
programs decode nothing there: a link to end a subscription, or the thread of an alert, would be lost. A line may have
998 characters (RFC 5322); 78 is only what is asked for, and a token that is longer stays whole on a line of its own.
"""

from __future__ import annotations

from email.headerregistry import BaseHeader, HeaderRegistry, UnstructuredHeader
from email.policy import EmailPolicy, Policy
from typing import Any

READ_BY_PROGRAMS = ("message-id", "in-reply-to", "references", "list-unsubscribe", "list-unsubscribe-post")


class Tokens(UnstructuredHeader, BaseHeader):
    """A header of words in ASCII: folded between them, never inside one, never encoded."""

    def fold(self, *, policy: Policy[Any]) -> str:
        """The header as lines; the first word stays beside the name, which some programs ask for."""
        if not str(self).isascii():  # an address that is set wrongly must not keep its mail from going out
            return super().fold(policy=policy)
        lines: list[str] = []
        for word in str(self).split():
            if lines and len(lines[-1]) + 1 + len(word) <= (policy.max_line_length or len(word)):
                lines[-1] += f" {word}"
            else:
                lines.append(f" {word}" if lines else f"{self.name}: {word}")
        return policy.linesep.join([*lines, ""])


def _registry() -> HeaderRegistry:
    found = HeaderRegistry()
    for name in READ_BY_PROGRAMS:
        found.map_to_type(name, Tokens)
    return found


# All else, the lines of the body too, is as the standard library does it.
MAIL_POLICY = EmailPolicy(header_factory=_registry())
