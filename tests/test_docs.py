"""The pages cannot drift: generated ones are current, named files and commands exist."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest

from medsupply.settings import VARIABLES

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def generator():  # type: ignore[no-untyped-def]
    spec = importlib.util.spec_from_file_location("docs_generator", ROOT / "infra" / "docs.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_generated_pages_are_current() -> None:
    assert generator().outdated() == [], "run make docs"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
        if "://" not in target and not target.startswith("mailto:"):
            assert (page.parent / target).exists(), f"{page.name} links to {target}, which is not there"


def test_settings_are_described_where_they_are_read() -> None:
    text = (ROOT / "medsupply" / "settings.py").read_text(encoding="utf-8")
    read = {f"MEDSUPPLY_{name}" for name in re.findall(r'value\("([A-Z_]+)"\)', text)}
    assert read == set(VARIABLES)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_named_in_pages_exist(page: Path) -> None:
    names = {
        name for name, _ in generator()._commands(generator().typer.main.get_command(generator().app), "medsupply")
    }
    first_words = {name.split()[1] for name in names}
    for word in re.findall(r"`(?:\.venv/bin/)?medsupply ([a-z]+)", page.read_text(encoding="utf-8")):
        assert word in first_words, f"{page.name} names 'medsupply {word}'"
