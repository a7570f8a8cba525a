"""Facts live in ``medsupply.facts``: the warehouse fills them, and it may not import the picture."""

from medsupply.facts import Facts

__all__ = ["Facts"]
