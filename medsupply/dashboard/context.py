"""What the pages get from outside: settings and the clock. ``app.py`` reads them; tests hand in their own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from medsupply.errors import SettingsError
from medsupply.settings import Settings


@dataclass(frozen=True)
class Context:
    """Settings of the service and its clock."""

    settings: Settings
    clock: Callable[[], datetime]


_current: list[Context] = []


def configure(settings: Settings, clock: Callable[[], datetime]) -> None:
    """Say which warehouse the pages show and which clock they read; once per process, and per test."""
    _current[:] = [Context(settings, clock)]


def current() -> Context:
    """The context of this process. Raises SettingsError where nobody configured it."""
    if not _current:
        raise SettingsError("The dashboard was started without its settings", "Start it with medsupply serve")
    return _current[0]
