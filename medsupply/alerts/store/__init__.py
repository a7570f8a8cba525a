"""The edge of the alerts: what is read from the warehouse and written to it, each evaluation in one transaction."""

from medsupply.alerts.store.evaluating import evaluate, release_held
from medsupply.alerts.store.outbox import message_id_of, outbox_row

__all__ = ["evaluate", "message_id_of", "outbox_row", "release_held"]
