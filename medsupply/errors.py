"""Every error a person may meet: what happened, what to do, how the command ends.

MedsupplyError                 exit code 2  could not run
+-- SettingsError              exit code 2  an environment variable is wrong or missing
+-- InputError                 exit code 2  arguments or a path cannot be used
+-- DeliveryRefused            exit code 1  a delivery cannot be read as its contract says
+-- WarehouseError             exit code 3  the database or the archive cannot be used
|   +-- WarehouseUnavailable   exit code 3  ... now; the same call may succeed later
+-- ForecastError              exit code 4  a model or a backtest cannot be computed
+-- MailError                  exit code 5  a message cannot be handed over
    +-- MailUnavailable        exit code 5  ... now; the sender tries again
    +-- MailRefused            exit code 5  ... ever; the address or message is wrong
"""

from __future__ import annotations

from typing import ClassVar


class MedsupplyError(Exception):
    """An error with a reason and an instruction, both one sentence that a person can act on."""

    exit_code: ClassVar[int] = 2
    transient: ClassVar[bool] = False

    def __init__(self, reason: str, instruction: str) -> None:
        self.reason = reason.rstrip(".")
        self.instruction = instruction.rstrip(".")
        super().__init__(f"{self.reason}. {self.instruction}.")


class SettingsError(MedsupplyError):
    """An environment variable is wrong or missing."""


class InputError(MedsupplyError):
    """An argument or a path cannot be used."""


class DeliveryRefused(MedsupplyError):
    """A delivery cannot be read as its contract says; ``code`` is the stable reason code."""

    exit_code = 1

    def __init__(self, code: str, reason: str, instruction: str) -> None:
        self.code = code
        super().__init__(reason, instruction)


class WarehouseError(MedsupplyError):
    """The database or the archive cannot be used."""

    exit_code = 3


class WarehouseUnavailable(WarehouseError):
    """The database or the archive cannot be used now; the same call may succeed later."""

    transient = True


class ForecastError(MedsupplyError):
    """A model or a backtest cannot be computed."""

    exit_code = 4


class MailError(MedsupplyError):
    """A message cannot be handed over."""

    exit_code = 5


class MailUnavailable(MailError):
    """The relay does not take messages now."""

    transient = True


class MailRefused(MailError):
    """The relay will never take this message for this recipient."""
