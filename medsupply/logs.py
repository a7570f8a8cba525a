"""Structured logs on standard error, with the ids of delivery and run bound where they are known."""

from __future__ import annotations

import logging
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any

import structlog

SECRET_KEYS = frozenset({"password", "url", "database_url", "smtp_url", "recipient", "address", "token"})


def configure(*, verbose: bool = False, as_json: bool = False) -> None:
    """Set the log up for this process; called once, at an edge."""
    renderer = structlog.processors.JSONRenderer() if as_json else structlog.dev.ConsoleRenderer(colors=False)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            hide_secrets,
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.DEBUG if verbose else logging.WARNING),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


def hide_secrets(_: Any, __: str, event: MutableMapping[str, Any]) -> Mapping[str, Any]:
    """A processor that blanks values whose key names a secret or a person's address."""
    return {key: "***" if key in SECRET_KEYS else value for key, value in event.items()}
