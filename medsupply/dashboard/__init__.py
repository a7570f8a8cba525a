"""The dashboard: ask (filters) -> fetch (data) -> draw (charts, markup). Served by ``app.py`` at the top level."""

from __future__ import annotations

from pathlib import Path

HERE = Path(__file__).resolve().parent


def main_script() -> Path:
    """The script that Streamlit runs for each view. It has a folder of its own: beside ``pages`` Streamlit would take
    that folder for the navigation."""
    return HERE / "view" / "main.py"


def page_script(name: str) -> Path:
    """The script of one page."""
    return HERE / "pages" / f"{name}.py"
