"""Failed mails that a person queues again: with their Message-ID, never what a newer mail tells, on record."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
import typer.testing
from alerts_pictures import GONE, SHORT, day, moment, put, row
from hostile_relay import Relay, running
from test_mail_order import READER, evaluate, is_marked, mails, subscribe, texts_of
from test_mail_sender import NOW, Clock, send

from medsupply import desk
from medsupply.alerts import store, subscriptions
from medsupply.alerts.digests import digest
from medsupply.alerts.recipients import subscriptions_of
from medsupply.alerts.rendering import texts
from medsupply.alerts.store.hearing import unheard
from medsupply.alerts.why import why
from medsupply.areas import AREAS
from medsupply.cli import app
from medsupply.errors import InputError
from medsupply.rules import load_rules
from medsupply.settings import LANGUAGES, Settings
from medsupply.warehouse.database.connection import Warehouse

REFUSED = "550 5.1.1 no such user"
MENDED = {"author": "Anna", "reason": "the relay knows our readers again"}


def requeue(wh: Warehouse, at: datetime = NOW, *, dry_run: bool = False, **wanted: Any) -> list[str]:
    found = desk.Requeued(**(wanted or {"address": READER}))
    return desk.requeue(wh, found, **MENDED, at=at, dry_run=dry_run)


def refused(wh: Warehouse, clock: Clock) -> None:
    with running(Relay(lambda *_: REFUSED)) as url:
        send(wh, url, clock)


def statuses(wh: Warehouse) -> list[str]:
    return [one["status"] for one in mails(wh)]


def test_a_failed_mail_goes_out_with_its_message_id_and_why_tells_who_queued_it(warehouse: Warehouse) -> None:
    subscribe(warehouse)
    evaluate(warehouse, 0, c99=SHORT)
    clock = Clock(moment(0))
    refused(warehouse, clock)
    assert statuses(warehouse) == ["failed"] and unheard(warehouse)
    clock.sleep(4 * 86400)
    dry = requeue(warehouse, clock.now, dry_run=True)
    assert dry[0] == "1 mail would be queued again, 0 left" and statuses(warehouse) == ["failed"]
    (failed,) = mails(warehouse)
    told = requeue(warehouse, clock.now)
    assert told == ["1 mail queued again, 0 left",
                    f"  {failed['message_id']} (alert, run_out-S1-99-1) to a***@example.org: queued"]  # fmt: skip
    assert requeue(warehouse, clock.now) == ["0 mails queued again, 0 left"], "it is queued already"
    relay = Relay(lambda _, number: "451 4.2.1 later" if number == 1 else "ok")
    with running(relay) as url:
        assert send(warehouse, url, clock).later == 1, "its 72 hours begin anew"
        clock.sleep(3600)
        assert send(warehouse, url, clock).sent == 1
    assert relay.ids == [failed["message_id"]]
    assert not unheard(warehouse)
    said = why(warehouse, "S1", on=None, county="99")
    assert "queued again by Anna 2026-03-06 23:59 in Helsinki: the relay knows our readers again" in said
    audited = warehouse.read("select author, reason, subject from ops.audit where action = 'requeue_mail'").rows()
    assert audited == [(*MENDED.values(), failed["message_id"])]


def test_what_a_newer_mail_has_told_is_left_unless_it_is_asked_for_by_its_id(warehouse: Warehouse) -> None:
    subscribe(warehouse)
    clock = Clock(moment(0))
    evaluate(warehouse, 0, c99=SHORT)
    refused(warehouse, clock)
    evaluate(warehouse, 1, c99=GONE)
    relay = Relay()
    with running(relay) as url:
        send(warehouse, url, clock)
        older, newer = mails(warehouse)
        told = requeue(warehouse, clock.now)
        assert told[0] == "0 mails queued again, 1 left"
        assert told[1].endswith(f"left, a newer mail that is out tells it: {newer['message_id']}")
        assert statuses(warehouse) == ["failed", "sent"]
        assert requeue(warehouse, clock.now, message_ids=[older["message_id"]])[0] == "1 mail queued again, 0 left"
        send(warehouse, url, clock)
    assert relay.ids == [newer["message_id"], older["message_id"]]
    assert [is_marked(one) for one in relay.taken] == [False, True]


def test_several_that_failed_go_out_in_order(warehouse: Warehouse) -> None:
    subscribe(warehouse)
    clock = Clock(moment(0))
    for number, changes in enumerate((SHORT, GONE)):
        evaluate(warehouse, number, c99=changes)
        refused(warehouse, clock)
    assert requeue(warehouse, clock.now)[0] == "2 mails queued again, 0 left"
    relay = Relay()
    with running(relay) as url:
        send(warehouse, url, clock)
    assert relay.ids == [one["message_id"] for one in mails(warehouse)] and not any(map(is_marked, relay.taken))


PARTS = {
    "fi": ("on sen jälkeen kerrottu alueista: ", ". Tämä viesti on uusin alueista: "),
    "sv": ("har sedan dess gällt: ", ". Detta meddelande är det nyaste om: "),
    "en": ("Since then newer mails have told of: ", ". This mail is the newest on: "),
}


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_a_newer_mail_tells_in_part_only_is_queued_and_says_which_part(
    warehouse: Warehouse, language: str
) -> None:
    subscribe(warehouse, role="yta", county="Y5", language=language)
    subscribe(warehouse, role=None, level="elevated", county="99", language=language)
    clock = Clock(moment(0))
    evaluate(warehouse, 0, c99=SHORT, cY5=SHORT)
    refused(warehouse, clock)
    evaluate(warehouse, 1, c99=GONE, cY5=SHORT)
    relay = Relay()
    with running(relay) as url:
        send(warehouse, url, clock)
        assert requeue(warehouse, clock.now)[0] == "1 mail queued again, 0 left"
        send(warehouse, url, clock)
    (told, rest), (country, area) = PARTS[language], (AREAS[code].name(language) for code in ("99", "Y5"))
    assert str(relay.taken[-1]["Subject"]).startswith(texts(language)["subject.late"].format(subject=""))
    text, html = texts_of(relay.taken[-1])
    assert f"{told}{country}{rest}{area}." in text and f"{told}{country}{rest}{area}." in html
    assert text.index(told) < text.index(texts(language)["head.what"].upper()), "before what the mail itself says"


def test_what_newer_mails_tell_of_every_area_needs_no_list(warehouse: Warehouse) -> None:
    subscribe(warehouse, role="yta", county="Y5")
    subscribe(warehouse, role=None, level="elevated", county="99")
    clock = Clock(moment(0))
    evaluate(warehouse, 0, c99=SHORT, cY5=SHORT)
    refused(warehouse, clock)
    evaluate(warehouse, 1, c99=GONE, cY5=GONE)
    relay = Relay()
    with running(relay) as url:
        send(warehouse, url, clock)
        requeue(warehouse, clock.now, message_ids=[mails(warehouse)[0]["message_id"]])
        send(warehouse, url, clock)
    assert is_marked(relay.taken[-1]) and PARTS["en"][0] not in texts_of(relay.taken[-1])[0]


def test_only_what_is_named_is_queued(warehouse: Warehouse) -> None:
    subscribe(warehouse)
    lines = subscriptions_of("b@example.org", language="fi", role="fimea")
    subscriptions.add(warehouse, lines, at=moment(-1), confirmed=True)
    clock = Clock(moment(0))
    for number, medicine in enumerate(("S1", "S2")):
        put(warehouse, number, [row(one, **(SHORT if one <= medicine else {})) for one in ("S1", "S2")])
        store.evaluate(warehouse, day(number), moment(number), load_rules())
        clock.now = moment(number)
        refused(warehouse, clock)
    first = [one for one in mails(warehouse) if one["alert_id"] == "run_out-S1-99-1"]
    assert requeue(warehouse, since=moment(1))[0].startswith("2 mails")
    assert requeue(warehouse, until=moment(0), address="B@Example.org")[0].startswith("1 mail ")
    left = next(one for one in first if one["recipient"] == READER)
    assert requeue(warehouse, message_ids=[left["message_id"]])[0].startswith("1 mail ")
    with pytest.raises(InputError, match="no such failed mail"):
        requeue(warehouse, message_ids=[left["message_id"]])
    with pytest.raises(InputError, match="Not all mails"):
        desk.requeue(warehouse, desk.Requeued(), **MENDED, at=NOW)
    with pytest.raises(InputError, match="needs an author"):
        desk.requeue(warehouse, desk.Requeued(READER), author=" ", reason="r", at=NOW)


def test_other_kinds_and_readers_who_are_gone(warehouse: Warehouse) -> None:
    subscribe(warehouse)
    clock = Clock(moment(0))
    for number in range(2):
        evaluate(warehouse, number, c99={})
        clock.now = moment(number)
        digest(warehouse, day(number), at=clock.now)
        with running(Relay(lambda *_: "ok" if number else REFUSED)) as url:  # noqa: B023  it is called here
            send(warehouse, url, clock)
    old, new = mails(warehouse)
    told = requeue(warehouse, clock.now, dry_run=True, address=READER)
    assert told[0].startswith("0 mails") and f"left, a newer mail that is out tells it: {new['message_id']}" in told[1]
    asked = {"message_ids": [old["message_id"]], "dry_run": True}
    assert "would be queued" in requeue(warehouse, clock.now, **asked)[1]
    subscriptions.end(warehouse, READER, at=clock.now)
    assert "no subscription" in requeue(warehouse, clock.now, **asked)[1]
    with warehouse.transaction() as connection:
        connection.exec_driver_sql("update alerts.outbox set body_text = null")
    assert "gone by retention" in requeue(warehouse, clock.now, **asked)[1]
    assert old["kind"] == "digest" and statuses(warehouse) == ["failed", "sent"]


def test_the_command_says_what_it_did(warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    subscribe(warehouse)
    evaluate(warehouse, 0, c99=SHORT)
    clock = Clock(moment(0) - timedelta(hours=23))
    refused(warehouse, clock)
    settings: Settings = warehouse.settings
    monkeypatch.setenv("MEDSUPPLY_HOME", str(settings.home))
    monkeypatch.setenv("MEDSUPPLY_DATABASE_URL", settings.database_url or "")
    words = ["alerts", "requeue", "--author", "Anna", "--reason", "mended", "--to", READER]
    for more, told, left in (
        (["--since", "2026-03-03"], "0 mails queued again, 0 left", "failed"),
        (["--since", "2026-03-02", "--until", "2026-03-02", "--dry-run"], "1 mail would be queued again", "failed"),
        (["--since", "2026-03-02"], "1 mail queued again, 0 left", "queued"),
    ):
        done = typer.testing.CliRunner().invoke(app, [*words, *more])
        assert done.exit_code == 0 and told in done.output, done.output
        assert statuses(warehouse) == [left]
