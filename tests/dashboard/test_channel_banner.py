"""What keeps mails from their readers is a banner of the alerts page, in the reader's language."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from conftest import Open, _opener
from test_pages import shown

from medsupply.settings import Settings


@pytest.fixture
def open_with_relay(fresh_settings: Settings) -> Iterator[Open]:
    """Opens a page of a service that sends mails, or means to."""
    yield from _opener(replace(fresh_settings, smtp_url="smtp://127.0.0.1:1?starttls=off"))


def test_a_sender_that_never_ran_and_rules_that_nobody_hears(open_with_relay: Open) -> None:
    text = shown(open_with_relay("alerts", "sv"))
    assert "Sändaren har aldrig körts" in text
    assert "Ingen skulle få veta om larm enligt regeln ”tar slut” på nivån allvarlig" in text
