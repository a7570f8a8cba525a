"""A sender's newest delivery was refused or is held. About a source, in the country's area."""

from __future__ import annotations

from medsupply.alerts.rules.rule import Rule, has, lacks

RULE = Rule(
    "delivery_refused",
    why_it_matters="A sender's newest delivery was refused or is held: the picture goes on with older data",
    what_to_do="Read the reason on the Data quality page, ask the sender for a corrected file or release it",
    opens=has("delivery_refused"),
    quiet=lacks("delivery_refused"),
    closes_after=1,
    immediate=False,
)
