"""Takes the pictures of the dashboard: one per page and language, from the warehouse of MEDSUPPLY_HOME.

    .venv/bin/python infra/screenshots.py [--out docs/images] [--pages situation medicine] [--languages fi sv en]

Starts the dashboard on a free port of this machine, visits it with Debian's Chromium, and stops it again.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
CHROMIUM = "/usr/bin/chromium"
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
PAGES = (
    "situation", "medicine", "county", "alerts", "scenarios", "subscriptions", "quality", "deliveries", "definitions",
    "meeting",
)  # fmt: skip
LANGUAGES = ("fi", "sv", "en")
WIDTH, HEIGHT = 1360, 900


@contextlib.contextmanager
def served(environment: dict[str, str]) -> Iterator[str]:
    """The dashboard on a free port; yields its address and stops it at the end."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", str(ROOT / "app.py")]
    options = ["--server.port", str(port), "--server.address", "127.0.0.1"]
    process = subprocess.Popen([*command, *options], env=environment, cwd=ROOT, stdout=subprocess.DEVNULL)
    try:
        _wait(f"http://127.0.0.1:{port}/readyz", process)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(timeout=20)


def _wait(url: str, process: subprocess.Popen[bytes], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise SystemExit(f"The dashboard ended with code {process.returncode}. Run medsupply check.")
        with contextlib.suppress(OSError):
            urllib.request.urlopen(url, timeout=5).close()
            return
        time.sleep(0.2)
    raise SystemExit(f"The dashboard did not answer within {seconds:.0f} s. Run medsupply check.")


def settle(page: Page, address: str) -> None:
    """Open an address and wait until the page is drawn."""
    page.goto(address)
    page.get_by_test_id("stHeading").first.wait_for(timeout=30_000)
    page.locator('[data-test-script-state="notRunning"]').first.wait_for(timeout=30_000)
    page.wait_for_timeout(900)


def shoot(page: Page, address: str, target: Path, *, fold: bool = False) -> None:
    """One picture of the whole page, or with ``fold`` of what a screen shows at first."""
    page.set_viewport_size({"width": WIDTH, "height": HEIGHT})
    settle(page, address)
    if fold:
        page.screenshot(path=str(target))
        return
    height = page.locator(".stMainBlockContainer").bounding_box()["height"]
    page.set_viewport_size({"width": WIDTH, "height": max(HEIGHT, int(height) + 40)})
    page.wait_for_timeout(700)
    page.screenshot(path=str(target))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "images")
    parser.add_argument("--pages", nargs="+", default=PAGES)
    parser.add_argument("--languages", nargs="+", default=LANGUAGES)
    parser.add_argument("--fold", action="store_true", help="Only what a screen shows at first, as in the README")
    parser.add_argument("--query", default="", help="More of the address, for instance area=19")
    chosen = parser.parse_args()
    chosen.out.mkdir(parents=True, exist_ok=True)
    with served(dict(os.environ)) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = browser.new_page()
        for name in chosen.pages:
            for language in chosen.languages:
                query = "&".join(filter(None, (f"lang={language}", chosen.query, "print=1" * (name == "meeting"))))
                path = "" if name == PAGES[0] else name
                target = chosen.out / f"{name}-{language}.png"
                shoot(page, f"{address}/{path}?{query}", target, fold=chosen.fold)
                print(target)
        browser.close()


if __name__ == "__main__":
    main()
