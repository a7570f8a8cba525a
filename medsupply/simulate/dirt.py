"""Planted dirt in daily files, with what must become of it: rows received, accepted, quarantined, duplicate."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True)
class Expected:
    """What the service must count for one file."""

    received: int
    accepted: int
    quarantined: int
    duplicate: int


def dirty_stock(text: str, day: date) -> tuple[str, Expected]:
    """A stock file with rows that must wait, one exact duplicate and one key with two values."""
    lines = text.rstrip("\n").split("\n")
    rows = lines[1:]
    first, second = rows[10], rows[20]
    cells = second.split(";")
    clash = ";".join([*cells[:5], str(int(cells[5]) + 7), *cells[6:]])
    added = [
        f"X999;{day};{cells[2]};;;5;;",  # a holder nobody knows
        f"{cells[0]};{day};4OO123;;;5;;",  # letters for digits
        f"{cells[0]};{day};199998;;;-3;;",  # less than nothing
        f"{cells[0]};30.2.{day.year};199998;;;3;;",  # no day
        f"{cells[0]};{day};199997;;;1.234,5;;",  # thousands separator
        f"{cells[0]};{day};199996;;;4",  # too few fields
        f"{cells[0]};{day};199995;;;2;9;",  # more reserve than packs
        first,  # an exact duplicate
        clash,  # the same key with another value: both wait
        f"{cells[0]};{day};199999;;;6;;",  # a package no list names: accepted, unmapped
    ]
    total = len(rows) + len(added)
    waiting = 7 + 2
    dirty = "\n".join([lines[0], *rows, *added]) + "\n"
    return dirty, Expected(total, total - waiting - 1, waiting, 1)


def shortened(text: str, holder_id: str) -> str:
    """The snapshot of one holder cut to a third: it must be held."""
    lines = text.rstrip("\n").split("\n")
    mine = [line for line in lines[1:] if line.startswith(f"{holder_id};")]
    gone = set(mine[len(mine) // 3 :])
    return "\n".join(line for line in lines if line not in gone) + "\n"
