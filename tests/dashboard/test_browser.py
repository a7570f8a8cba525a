"""The pages in Debian's Chromium: they load, ask no other host for anything, and axe finds no fault."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from filled import FAMILIES, family

from medsupply.settings import LANGUAGES, Settings

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "infra"))
playwright_api = pytest.importorskip("playwright.sync_api")
import screenshots  # noqa: E402

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(
        not Path(screenshots.CHROMIUM).exists(), reason="needs Debian's Chromium: apt-get install chromium"
    ),
]
AXE = "axe-core@4.11.0"
# WCAG rules only; "best-practice" is advice.
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}


@pytest.fixture(scope="module")
def address(filled_settings: Settings) -> Iterator[str]:
    environment = {**os.environ, "MEDSUPPLY_HOME": str(filled_settings.home),
                   "MEDSUPPLY_DATABASE_URL": filled_settings.database_url}  # fmt: skip
    with screenshots.served(environment) as url:
        yield url


@pytest.fixture(scope="module")
def browser() -> Iterator[playwright_api.Browser]:
    with playwright_api.sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=screenshots.CHROMIUM, args=screenshots.FLAGS)
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def axe(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The source of axe-core, installed by npm into a folder of this run alone."""
    if shutil.which("npm") is None:
        pytest.skip("needs npm to fetch axe-core")
    folder = tmp_path_factory.mktemp("axe")
    command = [
        "npm",
        "install",
        "--silent",
        "--no-audit",
        "--no-fund",
        "--ignore-scripts",
        "--prefix",
        str(folder),
        AXE,
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    if done.returncode:
        pytest.skip(f"axe-core cannot be fetched: {done.stderr[-200:]}")
    return (folder / "node_modules" / "axe-core" / "axe.min.js").read_text(encoding="utf-8")


def visit(
    browser: playwright_api.Browser, url: str, **options: object
) -> tuple[playwright_api.Page, list[str], list[str]]:
    """An opened page, the hosts it asked, and what the console called an error."""
    page = browser.new_context(**options).new_page()
    asked: list[str] = []
    errors: list[str] = []
    page.on("request", lambda request: asked.append(urlsplit(request.url).hostname or ""))
    page.on("websocket", lambda socket: asked.append(urlsplit(socket.url).hostname or ""))
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    screenshots.settle(page, url)
    return page, asked, errors


def of(page: str, language: str) -> str:
    """The address of a page in a language, with the medicine that has everything."""
    path = "" if page == "situation" else page
    return f"/{path}?lang={language}&medicine={family(FAMILIES[0])}" + "&print=1" * (page == "meeting")


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("page", screenshots.PAGES)
def test_a_page_loads_from_this_host_only(
    browser: playwright_api.Browser, address: str, axe: str, page: str, language: str
) -> None:
    opened, asked, errors = visit(browser, address + of(page, language))
    assert {host for host in asked if host} == {"127.0.0.1"}
    assert not [error for error in errors if "Content Security Policy" in error]
    assert opened.locator("html").get_attribute("lang") == language
    assert opened.get_by_test_id("stException").count() == 0
    found = opened.evaluate(f"(async () => {{ {axe}; return await axe.run(document, {RULES}); }})()")
    faults = [f"{fault['id']}: {fault['help']} ({fault['nodes'][0]['html'][:160]})" for fault in found["violations"]]
    opened.context.close()
    assert not faults, "\n".join(faults)
    assert len(found["passes"]) > 15


def test_no_sideways_scroll_on_a_narrow_screen(browser: playwright_api.Browser, address: str) -> None:
    opened, _, _ = visit(browser, address + of("situation", "fi"), viewport={"width": 320, "height": 700})
    width = opened.evaluate("document.querySelector('.stMain').scrollWidth")
    opened.context.close()
    assert width <= 320


def test_an_alert_is_acknowledged_by_keyboard_alone(browser: playwright_api.Browser, address: str) -> None:
    opened, _, _ = visit(browser, address + "/alerts?lang=en&alert=run_out-1")
    name = opened.get_by_label("Your name").first
    name.focus()
    opened.keyboard.type("Anna Aalto")
    opened.keyboard.press("Tab")
    opened.keyboard.type("Called the holder")
    opened.keyboard.press("Tab")
    while opened.evaluate("document.activeElement.innerText") != "Acknowledge":
        opened.keyboard.press("Tab")
    opened.keyboard.press("Enter")
    opened.get_by_text("Acknowledged by Anna Aalto.").wait_for(timeout=15_000)
    opened.context.close()


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_for_the_meeting_prints_on_one_sheet(
    browser: playwright_api.Browser, address: str, language: str
) -> None:
    opened, _, _ = visit(browser, address + of("meeting", language))
    printed = opened.pdf(prefer_css_page_size=True)
    opened.context.close()
    assert len(re.findall(rb"/Type\s*/Page\b", printed)) == 1
