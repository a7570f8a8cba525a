"""The pages that confirm and end a subscription: a GET only asks, a POST decides; in three languages, no sign-in."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import pytest
from conftest import NOW, close_open_warehouses
from markupsafe import escape
from starlette.applications import Starlette
from starlette.testclient import TestClient

from medsupply import desk
from medsupply.alerts import links
from medsupply.alerts.deliver import message_of
from medsupply.alerts.mails import operations_mail
from medsupply.alerts.store.outbox import outbox_row
from medsupply.dashboard import context, endings, web
from medsupply.dashboard.wording import say
from medsupply.settings import LANGUAGES, Settings
from medsupply.warehouse.database.connection import Warehouse

WHO = "reader@example.org"


@pytest.fixture
def client(fresh_settings: Settings) -> Iterator[TestClient]:
    context.configure(fresh_settings, lambda: NOW)
    yield TestClient(web.Shell(Starlette(routes=endings.routes()), "fi"), base_url="http://localhost")
    close_open_warehouses()


def state(settings: Settings) -> tuple[int, int]:
    """Confirmed and ended subscriptions."""
    with Warehouse.open(settings) as wh:
        query = "select count(confirmed_at) as c, count(ended_at) as e from alerts.subscription"
        return wh.read(query).row(0)  # type: ignore[return-value]


def path(settings: Settings, purpose: str, language: str = "en") -> str:
    parts = urlsplit(links.link(settings, WHO, purpose, language))
    return f"{parts.path}?{parts.query}"


def subscribe(settings: Settings, *, confirmed: bool) -> None:
    with Warehouse.open(settings) as wh:
        desk.subscribe(wh, WHO, language="en", role="fimea", at=NOW, confirmed=confirmed)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_get_asks_and_a_post_decides(client: TestClient, fresh_settings: Settings, language: str) -> None:
    subscribe(fresh_settings, confirmed=False)
    for purpose, before, after in ((links.CONFIRM, (0, 0), (1, 0)), (links.END, (1, 0), (1, 1))):
        asked = client.get(path(fresh_settings, purpose, language))
        assert asked.status_code == 200 and f'<html lang="{language}">' in asked.text
        assert '<form method="post"' in asked.text and say(language, f"subscription.{purpose}") in asked.text
        assert WHO in asked.text and "http" not in asked.text.split("<main>")[1]
        assert client.head(path(fresh_settings, purpose, language)).status_code in (200, 405)
        assert state(fresh_settings) == before, "only looking must decide nothing"
        done = client.post(path(fresh_settings, purpose, language))
        assert say(language, f"subscription.{purpose}_done", address=WHO) in done.text
        assert state(fresh_settings) == after
        assert done.headers["x-content-type-options"] == "nosniff" and done.headers["cache-control"] == "no-store"


def test_one_click_of_a_mail_program_ends_it(client: TestClient, fresh_settings: Settings) -> None:
    subscribe(fresh_settings, confirmed=True)
    mail = operations_mail("en", ["x"], "http://localhost")
    row = outbox_row("<id@x>", "a", 1, WHO, "en", "alert", mail, NOW)
    message = message_of(row, fresh_settings, NOW)
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    parts = urlsplit(str(message["List-Unsubscribe"]).strip("<>"))
    assert parse_qs(parts.query)["address"] == [WHO]
    done = client.post(f"{parts.path}?{parts.query}", data={"List-Unsubscribe": "One-Click"})
    assert done.status_code == 200 and state(fresh_settings) == (1, 1)
    assert client.post(f"{parts.path}?{parts.query}").status_code == 200, "a second click does no harm"


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_says_when_there_was_nothing_to_do(
    client: TestClient, fresh_settings: Settings, language: str
) -> None:
    """A deputy has no subscription to end, and what was cancelled is not confirmed by an older mail."""
    ended = client.post(path(fresh_settings, links.END, language)).text
    assert str(escape(say(language, "subscription.end_none", address=WHO))) in ended
    assert say(language, "subscription.end_done", address=WHO) not in ended
    subscribe(fresh_settings, confirmed=False)
    client.post(path(fresh_settings, links.END, language))
    confirmed = client.post(path(fresh_settings, links.CONFIRM, language)).text
    assert str(escape(say(language, "subscription.confirm_none", address=WHO))) in confirmed
    assert state(fresh_settings) == (0, 1)


@pytest.mark.parametrize("token", ["", "guess", "%00", "é", "<script>"])
@pytest.mark.parametrize("purpose", [links.END, links.CONFIRM])
def test_a_wrong_token_does_nothing(client: TestClient, fresh_settings: Settings, purpose: str, token: str) -> None:
    subscribe(fresh_settings, confirmed=False)
    for method in ("get", "post"):
        answer = client.request(method, links.PATHS[purpose], params={"address": WHO + "<b>", "token": token})
        assert answer.status_code == 400 and "<b>" not in answer.text and "<script>" not in answer.text
        assert str(escape(say("fi", f"subscription.{purpose}_bad"))) in answer.text
    assert state(fresh_settings) == (0, 0)
