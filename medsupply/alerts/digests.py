"""Digests: one mail a day to everyone who is subscribed, also on quiet days; weekly with the scores."""

from medsupply.alerts.store.digests import digest, is_due

__all__ = ["digest", "is_due"]
