"""Planted dirt and what must become of it: rows received, accepted, quarantined, duplicate, and the verdict."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True)
class Expected:
    """What the service must count for one file. ``verdict``: accepted, partly, held, refused or duplicate."""

    received: int
    accepted: int
    quarantined: int = 0
    duplicate: int = 0
    verdict: str = "accepted"
    note: str = ""


REFUSED = Expected(0, 0, verdict="refused")


def dirty_stock(text: str, day: date) -> tuple[str, Expected]:
    """A stock file with rows that must wait, one exact duplicate and one key with two values."""
    lines = text.rstrip("\n").split("\n")
    rows = lines[1:]
    duplicate, clashing = rows[10], rows[20].split(";")
    clash = ";".join([*clashing[:5], str(int(clashing[5]) + 7), *clashing[6:]])
    holder = clashing[0]
    waiting = [
        f"X999;{day};{clashing[2]};;;5;;",  # a holder nobody knows
        f"{holder};{day};4OO123;;;5;;",  # letters for digits
        f"{holder};{day};199998;;;-3;;",  # less than nothing
        f"{holder};30.2.{day.year};199998;;;3;;",  # no day
        f"{holder};{day};199997;;;1.234,5;;",  # thousands separator
        f"{holder};{day};199996;;;4",  # too few fields
        f"{holder};{day};199995;;;2;9;",  # more reserve than packs
        f"{holder};{day};;;;4;;",  # packs of no package
        clash,  # the same key with another value: both wait
    ]
    unknown = f"{holder};{day};199999;;;6;;"  # a package no list names: accepted, unmapped
    added = [*waiting, duplicate, unknown]
    total = len(rows) + len(added)
    quarantined = len(waiting) + 1
    expected = Expected(total, total - quarantined - 1, quarantined, 1, "partly", "nine kinds of bad rows")
    return "\n".join([lines[0], *rows, *added]) + "\n", expected


def dirty_dispensing(text: str, day: date) -> tuple[str, Expected]:
    """A dispensing file with a reporter that is no holder, an unknown county, a wrong channel, and a repeated row."""
    lines = text.rstrip("\n").split("\n")
    rows = lines[1:]
    cells = rows[5].split(";")
    waiting = [
        f"{cells[0]};{day};77;community;{cells[4]};1;1;0",
        f"{cells[0]};{day};{cells[2]};ward;{cells[4]};1;1;0",
        f"{cells[0]};{day};{cells[2]};community;12345;1;1;0",
    ]
    total = len(rows) + len(waiting) + 1
    expected = Expected(
        total, total - len(waiting) - 1, len(waiting), 1, "partly", "codes nobody knows, a repeated row"
    )
    return "\n".join([lines[0], *rows, *waiting, rows[7]]) + "\n", expected


def shortened(text: str, holder_id: str) -> str:
    """The snapshot of one holder cut to a third: it must be held."""
    lines = text.rstrip("\n").split("\n")
    mine = [line for line in lines[1:] if line.startswith(f"{holder_id};")]
    gone = set(mine[len(mine) // 3 :])
    return "\n".join(line for line in lines if line not in gone) + "\n"


def tenfold(text: str, holder_id: str) -> tuple[str, str]:
    """The file with one holder's first row ten times too large, and that holder's correct snapshot by itself."""
    lines = text.rstrip("\n").split("\n")
    mine = [line for line in lines[1:] if line.startswith(f"{holder_id};")]
    cells = mine[0].split(";")
    wrong = ";".join([*cells[:5], f"{int(cells[5]) * 10}", *cells[6:]])
    spoilt = "\n".join(wrong if line == mine[0] else line for line in lines) + "\n"
    return spoilt, "\n".join([lines[0], *mine]) + "\n"


def refused_files(stock: str) -> dict[str, bytes]:
    """Deliveries that cannot be read at all: a web page, no packs column, a column about persons, wrong bytes."""
    lines = stock.rstrip("\n").split("\n")[:40]
    without = [";".join([*cells[:5], *cells[6:]]) for cells in (line.split(";") for line in lines)]
    persons = [f"{line};{'hetu' if n == 0 else ''}" for n, line in enumerate(lines)]
    return {
        "stock-page.csv": b"<!DOCTYPE html>\n<html><body>Kirjaudu sisaan</body></html>\n",
        "stock-without-packs.csv": ("\n".join(without) + "\n").encode(),
        "stock-with-persons.csv": ("\n".join(persons) + "\n").encode(),
        "stock-in-another-encoding.csv": ("\n".join([*lines[:5], lines[5] + "ä"]) + "\n").encode("utf-16-le")[1:],
    }
