"""Warehouses and a runner for the pages."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import streamlit as st
from filled import fill
from streamlit.testing.v1 import AppTest

from medsupply.dashboard import context, main_script
from medsupply.settings import Settings
from medsupply.warehouse.database.connection import Warehouse

NOW = datetime(2026, 3, 11, 5, 0, tzinfo=UTC)
Open = Callable[..., AppTest]


def close_open_warehouses() -> None:
    """Pages keep a warehouse open per process; between tests it must go, or its database cannot be dropped."""
    st.cache_data.clear()
    st.cache_resource.clear()


@pytest.fixture(autouse=True)
def main_module_stays() -> Iterator[None]:
    """Streamlit puts the page in the place of ``__main__``; processes that later tests spawn would run it."""
    before = sys.modules["__main__"]
    yield
    sys.modules["__main__"] = before


@pytest.fixture(scope="module")
def filled_settings(shared_settings: Settings) -> Settings:
    with Warehouse.open(shared_settings) as wh:
        fill(wh)
    return shared_settings


def _opener(settings: Settings) -> Iterator[Open]:
    context.configure(settings, lambda: NOW)

    def open_page(page: str = "situation", language: str = "en", **params: str) -> AppTest:
        at = AppTest.from_file(str(main_script()), default_timeout=60)
        for name, value in {"lang": language, **params}.items():
            at.query_params[name] = value
        at.run()
        return at if page == "situation" else at.switch_page(f"../pages/{page}.py").run()

    yield open_page
    close_open_warehouses()


@pytest.fixture
def open_filled(filled_settings: Settings) -> Iterator[Open]:
    """Opens a page of the filled warehouse."""
    yield from _opener(filled_settings)


@pytest.fixture
def open_empty(fresh_settings: Settings) -> Iterator[Open]:
    """Opens a page of an empty warehouse."""
    yield from _opener(fresh_settings)


@pytest.fixture
def repository() -> Path:
    return Path(__file__).resolve().parents[2]
