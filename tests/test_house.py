"""The house rules: imports go one way along the flow, files and functions stay small, nothing is left half done."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
FLOW = ("sources", "warehouse", "picture", "forecast", "alerts", "dashboard")
LEAVES = {"errors", "settings", "areas", "days", "facts", "published", "tables", "rules", "words", "logs"}
JOINERS = {"flow", "desk", "steps", "cli", "demo", "schedule", "__main__", "__init__"}
# What a pure room may not touch: the database, the network, the environment, the clock.
IMPURE = {"sqlalchemy", "psycopg", "os", "subprocess", "socket", "smtplib", "streamlit", "airflow"}
EDGES = {"store", "outbox", "sender", "sink", "watchdog", "subscriptions", "watch", "deliver", "desk", "why",
         "conversation"}  # fmt: skip
FILE_CEILING, FUNCTION_CEILING, DAG_CEILING, PAGE_CEILING = 400, 40, 80, 120


def modules() -> list[Path]:
    return sorted((ROOT / "medsupply").rglob("*.py"))


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def room(path: Path) -> str:
    return path.relative_to(ROOT / "medsupply").parts[0].removesuffix(".py")


def test_the_checkout_has_modules() -> None:
    assert {room(path) for path in modules()} >= set(FLOW)


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_follow_the_flow(path: Path) -> None:
    here = room(path)
    for name in imported(path):
        parts = name.split(".")
        assert parts[0] != "airflow", f"{path.name} imports {name}: only dags/ may"
        if parts[0] == "streamlit":
            assert here == "dashboard", f"{path.name} imports {name}: only dashboard/ and app.py may"
        if parts[0] != "medsupply" or len(parts) < 2 or here in JOINERS or parts[1] in LEAVES | {"__version__"}:
            continue
        assert parts[1] not in JOINERS, f"{here} imports {name}: only the command line, the demo and DAGs may"
        if here in FLOW and parts[1] in FLOW:
            assert FLOW.index(parts[1]) <= FLOW.index(here), f"{here} imports {name}, which comes later in the flow"
        assert here not in LEAVES or parts[1] in LEAVES, f"{here} is a leaf and imports {name}"


def test_no_module_needs_one_that_needs_it() -> None:
    """Imports inside functions count too: a circle that is put off is still a circle. Raises CycleError with it."""
    named = {".".join(path.relative_to(ROOT).with_suffix("").parts): path for path in modules()}
    graph = {name: {other for other in imported(path) if other in named} for name, path in named.items()}
    assert sum(map(len, graph.values())) > len(graph)
    TopologicalSorter(graph).prepare()


@pytest.mark.parametrize("pure", ["sources", "picture", "forecast", "alerts"])
def test_pure_rooms_touch_nothing(pure: str) -> None:
    for path in (ROOT / "medsupply" / pure).rglob("*.py"):
        if path.stem in EDGES or any(part in EDGES for part in path.parts):
            continue
        touched = {name.split(".")[0] for name in imported(path)} & IMPURE
        allowed = {"os", "subprocess"} if path.stem == "workers" else set()
        assert not touched - allowed, f"{path.relative_to(ROOT)} imports {touched - allowed}"


def test_ceilings() -> None:
    too_long = []
    for path in [*modules(), *(ROOT / "dags").glob("*.py"), *(ROOT / "tests").rglob("*.py"), ROOT / "app.py"]:
        text = path.read_text(encoding="utf-8")
        lines = len(text.splitlines())
        ceiling = FILE_CEILING
        if path.parent.name == "dags" and path.parent.parent == ROOT:
            ceiling = DAG_CEILING
        if path.parent.name == "pages":
            ceiling = PAGE_CEILING
        if lines > ceiling:
            too_long.append(f"{path.relative_to(ROOT)}: {lines} lines, at most {ceiling}")
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                length = (node.end_lineno or 0) - node.lineno + 1
                if length > FUNCTION_CEILING:
                    too_long.append(f"{path.relative_to(ROOT)}: {node.name} has {length} lines")
    assert not too_long, "\n".join(too_long)


def test_nothing_is_left_half_done() -> None:
    marks = ("TO" + "DO", "FIX" + "ME", "NotImplemented" + "Error", "X" * 3)
    for path in [*modules(), *(ROOT / "dags").glob("*.py")]:
        found = [mark for mark in marks if mark in path.read_text(encoding="utf-8")]
        assert not found, f"{path.relative_to(ROOT)} has {found}"
