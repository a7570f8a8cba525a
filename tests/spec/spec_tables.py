"""How a rule is written as a table of cases, checked, and turned into docs/rules.md.

A module ``rule_<nn>_<name>.py`` has TITLE, TEXT, TABLE (a Markdown table; columns that begin with "=" are what must
come out) and ``outcome(row)``, which gives the "=" columns of a row as text.
"""

from __future__ import annotations

import importlib
import sys
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

HERE = Path(__file__).parent
PAGE = HERE.parent.parent / "docs" / "rules.md"


@dataclass(frozen=True)
class Case:
    """One row of a rule's table."""

    rule: ModuleType
    given: dict[str, str]
    expected: dict[str, str]

    def __str__(self) -> str:
        return f"{self.rule.__name__}: {' | '.join(self.given.values())}"


def rules() -> list[ModuleType]:
    """Every rule, in the order of the page."""
    if str(HERE) not in sys.path:
        sys.path.insert(0, str(HERE))
    return [importlib.import_module(path.stem) for path in sorted(HERE.glob("rule_*.py"))]


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().strip("|").split("|")]


def cases(rule: ModuleType) -> list[Case]:
    """The rows of a rule's table."""
    lines = [line for line in rule.TABLE.strip().splitlines() if line.strip()]
    header = cells(lines[0])
    found = []
    for line in lines[2:]:
        row = dict(zip(header, cells(line), strict=True))
        given = {name: value for name, value in row.items() if not name.startswith("=")}
        found.append(Case(rule, given, {name: value for name, value in row.items() if name.startswith("=")}))
    return found


def page() -> str:
    """docs/rules.md: each rule with its text and its cases."""
    parts = [
        "<!-- Made by tests/spec/spec_tables.py; change the rules there, not this page. -->",
        "",
        "# Rules",
        "",
        "Each rule stands as a table of cases. The tables are tests: what a column that begins with = says, comes out.",
        "",
    ]
    for rule in rules():
        lines = [line.strip() for line in rule.TABLE.strip().splitlines()]
        parts += [f"## {rule.TITLE}", "", " ".join(rule.TEXT.split()), "", *lines, ""]
    return "\n".join(parts)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
