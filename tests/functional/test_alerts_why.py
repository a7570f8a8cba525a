"""`alerts why`: ten cases, each answered from stored facts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import pytest
from alerts_pictures import GONE, SHORT, any_row, day, medicine, moment, put, row
from hostile_relay import Relay, running

from medsupply.alerts import desk, sender, store, subscriptions
from medsupply.alerts.digests import digest
from medsupply.alerts.recipients import subscriptions_of
from medsupply.alerts.why import why
from medsupply.errors import InputError
from medsupply.rules import load_rules
from medsupply.tables.ops import DELIVERIES
from medsupply.tables.picture import MEDICINES
from medsupply.warehouse.database import bulk
from medsupply.warehouse.database.connection import Warehouse

RULES = load_rules()
CLOCK = datetime(2026, 3, 3, 7, 0, tzinfo=UTC)


def subscribe(wh: Warehouse, address: str = "a@example.org", *, confirmed: bool = True, **wanted: Any) -> None:
    lines = subscriptions_of(address, **{"language": "en", "role": "fimea", **wanted})
    subscriptions.add(wh, lines, at=moment(-1), confirmed=confirmed)


def live(wh: Warehouse, *series: dict[str, Any], family: str = "S1") -> None:
    for number, changes in enumerate(series):
        put(wh, number, [row(family, **changes)])
        store.evaluate(wh, day(number), moment(number), RULES)


def asked(wh: Warehouse, family: str = "S1", on: int | None = None) -> str:
    return why(wh, family, on=day(on) if on is not None else None, county="99")


def test_sent(warehouse: Warehouse) -> None:
    subscribe(warehouse)
    live(warehouse, SHORT)
    with running(Relay()) as url:
        sender.send(warehouse, clock=lambda: CLOCK, smtp_url=url)
    told = asked(warehouse)
    assert "opened at elevated (run_out_p56), rules" in told
    assert "mail (alert) to a***@example.org: sent after 1 try" in told and "no mail" not in told


def test_refused_recipient(warehouse: Warehouse) -> None:
    subscribe(warehouse, deputy="b@example.org")
    live(warehouse, SHORT)
    with running(Relay(lambda address, _: "550 no such user" if address[0] == "a" else "ok")) as url:
        sender.send(warehouse, clock=lambda: CLOCK, smtp_url=url)
    told = asked(warehouse)
    assert "a***@example.org: failed after 1 try; The relay refuses it for good (550 no such user)" in told
    assert "b***@example.org, in place of a***@example.org: sent after 1 try, 2026-03-03 09:00 in Helsinki" in told


def test_each_address_has_its_own_answer(warehouse: Warehouse) -> None:
    subscribe(warehouse)
    subscribe(warehouse, "high@example.org", level="severe")
    subscribe(warehouse, "slow@example.org", digest=True)
    subscribe(warehouse, "new@example.org", confirmed=False)
    live(warehouse, SHORT)

    def to(address: str) -> str:
        return why(warehouse, "S1", on=None, county="99", recipient=address)

    assert "mail (alert) to a***@example.org" in to("A@Example.org")
    assert "no mail to high@example.org: every subscription to it begins above level elevated" in to("high@example.org")
    assert "no mail to slow@example.org: the subscriptions to it want the digest only" in to("slow@example.org")
    assert "no mail to new@example.org: the subscriptions to it are not confirmed" in to("new@example.org")
    assert "no mail to who@example.org: the address has no subscription" in to("who@example.org")


def test_silenced(warehouse: Warehouse) -> None:
    subscribe(warehouse)
    desk.silence(warehouse, author="Anna", reason="known recall", at=moment(-1), until=moment(5), medicine_id="S1")
    live(warehouse, SHORT)
    told = asked(warehouse)
    assert "silenced by Anna" in told and "known recall" in told and "no mail: it is silenced" in told


def test_inhibited(warehouse: Warehouse) -> None:
    subscribe(warehouse)
    live(warehouse, SHORT, {"level": "unknown", "reasons": ["missing_decides"], "reporting_share": 0.4})
    told = asked(warehouse)
    assert "run_out-S1-99-1: opened 2026-03-02, open" in told and "missing data never closes an alert" in told
    assert "no mail: the rule data_missing is told in the daily digest only" in told


def test_held(warehouse: Warehouse) -> None:
    subscribe(warehouse)
    many = [f"S{number}" for number in range(1, 31)]
    put(warehouse, 0, [row(one) for one in many])
    store.evaluate(warehouse, day(0), moment(0), RULES)
    put(warehouse, 1, [row(one, **SHORT) for one in many])
    store.evaluate(warehouse, day(1), moment(1), RULES)
    told = asked(warehouse)
    assert "held for a person; released not yet" in told
    assert "no mail: it waits for a person to release" in told
    desk.release_hold(warehouse, author="A", reason="true", at=moment(1), rules=RULES)
    assert "mail (alert) to a***@example.org: queued" in asked(warehouse)


@pytest.mark.parametrize(
    ("wanted", "cause"),
    [
        (None, "no subscription is about this medicine and area"),
        ({"role": None, "atc": "N02"}, "no subscription is about this medicine and area"),
        ({"role": None, "level": "severe"}, "every subscription to it begins above level elevated"),
        ({"confirmed": False}, "the subscriptions to it are not confirmed"),
        ({"digest": True}, "the subscriptions to it want the digest only"),
    ],
)
def test_nobody_asked_for_it(warehouse: Warehouse, wanted: dict[str, Any] | None, cause: str) -> None:
    if wanted is not None:
        subscribe(warehouse, **wanted)
    live(warehouse, SHORT)
    assert f"no mail: {cause}" in asked(warehouse)


def test_ended(warehouse: Warehouse) -> None:
    subscribe(warehouse)
    subscriptions.end(warehouse, "a@example.org", at=moment(-1))
    live(warehouse, SHORT)
    assert "no mail: the subscriptions to it have ended" in asked(warehouse)


def test_acknowledged_and_higher_than_the_day(warehouse: Warehouse) -> None:
    subscribe(warehouse)
    live(warehouse, GONE)
    desk.acknowledge(warehouse, "run_out-S1-99-1", owner="Duty", note="calling", at=moment(0), rules=RULES)
    put(warehouse, 1, [row("S1", **SHORT)])
    store.evaluate(warehouse, day(1), moment(1), RULES)
    told = asked(warehouse)
    assert "acknowledged by Duty at severe: calling (runs out 2026-03-09" in told and "lapsed" not in told
    assert "stays severe: its level falls after 3 evaluations" in told
    assert "level elevated, reasons " in told and "(run_out_p56)" in told


def test_a_past_day_is_answered_as_it_was(warehouse: Warehouse) -> None:
    """The level of the day, no acknowledgement before it was made, none that lapsed by a later rise."""
    subscribe(warehouse)
    live(warehouse, SHORT, {"level": "watch", "reasons": ["run_out_p84"], "run_out_p56": 0.4}, SHORT, SHORT)
    desk.acknowledge(warehouse, "run_out-S1-99-1", owner="Anna", note="x", at=moment(3), rules=RULES)
    for number in (4, 5, 6, 7):
        put(warehouse, number, [row("S1", **GONE)])
        store.evaluate(warehouse, day(number), moment(number), RULES)
    assert "stays" not in asked(warehouse, on=0) + asked(warehouse, on=1) and "Anna" not in asked(warehouse, on=1)
    owned = asked(warehouse, on=3)
    assert "acknowledged by Anna at elevated" in owned and "lapsed" not in owned and "stays" not in owned
    assert "lapsed: the level has risen" in asked(warehouse, on=4)
    assert "goes up and down" not in asked(warehouse)


def test_a_past_day_that_was_held_or_silenced_says_so(warehouse: Warehouse) -> None:
    subscribe(warehouse)
    desk.silence(warehouse, author="A", reason="known", at=moment(0), until=moment(3), medicine_id="S1")
    many = [f"S{number}" for number in range(1, 31)]
    for number in range(5):
        put(warehouse, number, [row(one, **(SHORT if number else {})) for one in many])
        store.evaluate(warehouse, day(number), moment(number), RULES)
        if number == 2:
            desk.release_hold(warehouse, author="A", reason="true", at=moment(2) + timedelta(hours=1), rules=RULES)
    waits = "no mail: it waits for a person to release the held evaluation; it was released 2026-03-05"
    assert waits in asked(warehouse, "S2", on=1) and "mail (alert)" in asked(warehouse, "S2", on=2)
    assert all("no mail: it is silenced" in asked(warehouse, on=on) for on in (1, 2))
    assert "mail (alert)" in asked(warehouse) and "mail (alert)" in asked(warehouse, "S2")


def test_what_a_later_day_told_is_said(warehouse: Warehouse) -> None:
    subscribe(warehouse)
    live(warehouse, {}, {"level": "watch", "run_out_p56": 0.4})
    late = put(warehouse, 0, [row("S1", **SHORT)], known_at=moment(1))
    store.evaluate(warehouse, day(0), late, RULES)
    assert f"no mail: it was told later, as of {day(1)}" in asked(warehouse, on=0)


def test_calm_but_not_closed_yet(warehouse: Warehouse) -> None:
    live(warehouse, SHORT, {})
    assert "kept open: it closes after 7 evaluations running" in asked(warehouse)


def test_a_mail_that_failed_does_not_wait(warehouse: Warehouse) -> None:
    subscribe(warehouse, office_hours=True)
    live(warehouse, SHORT)
    with running(Relay(lambda *_: "550 no such user")) as url:
        for hours in (12, 26):
            sender.send(warehouse, clock=lambda: CLOCK + timedelta(hours=hours), smtp_url=url)  # noqa: B023
    told = asked(warehouse)
    assert "a***@example.org: failed after 1 try" in told and "waits for office hours" not in told


def test_below_level(warehouse: Warehouse) -> None:
    subscribe(warehouse)
    live(warehouse, {"level": "watch", "reasons": ["run_out_p84"]})
    assert "level watch is below elevated" in asked(warehouse)


def test_closed_and_the_day_before(warehouse: Warehouse) -> None:
    subscribe(warehouse)
    live(warehouse, SHORT, *[{}] * 8)
    told = asked(warehouse)
    assert f"closed on {day(7)}" in told and "mail (resolved)" in told
    before = asked(warehouse, on=3)
    assert "opened 2026-03-02, open" in before and "mail (resolved)" not in before and "closed" not in before


def test_no_longer_in_the_picture(warehouse: Warehouse) -> None:
    subscribe(warehouse)
    for number in range(9):
        put(warehouse, number, [row("S2"), *([row("S1", **SHORT)] if number == 0 else [])])
        store.evaluate(warehouse, day(number), moment(number), RULES)
    told = asked(warehouse)
    assert f"The picture of {day(8)} does not hold it" in told and f"closed on {day(7)}" in told
    assert (
        f"{day(7)}: closed: is no longer in the picture: no stock, no dispensing in 84 days, no notice, rules" in told
    )
    assert "mail (resolved)" in told
    before = asked(warehouse, on=3)
    assert f"opened {day(0)}, open" in before and "mail (resolved)" not in before
    assert "closes its alert after 7 evaluations running on days on which the area's data are there" in before


def test_flapping(warehouse: Warehouse) -> None:
    subscribe(warehouse)
    live(warehouse, GONE, SHORT, SHORT, SHORT, GONE, SHORT, SHORT, SHORT, GONE)
    assert "goes up and down" in asked(warehouse)


def test_no_data(warehouse: Warehouse) -> None:
    live(warehouse, {"level": "unknown", "reasons": ["stock_unknown"], "state": "missing", "stock_units": None})
    assert "without data no level is told" in asked(warehouse)
    with pytest.raises(InputError, match="No picture holds S404 in 99"):
        asked(warehouse, "S404")
    with pytest.raises(InputError, match=r"up to 2026-03-01 holds S1 in 99\. The first one that does is of 2026-03-02"):
        asked(warehouse, on=-1)
    with pytest.raises(InputError, match="55 is no area"):
        why(warehouse, "S1", on=None, county="55")


def test_a_picture_that_no_evaluation_has_read_is_no_reason(warehouse: Warehouse) -> None:
    subscribe(warehouse)
    live(warehouse, {}, SHORT)
    put(warehouse, 1, [row("S1")], known_at=moment(1) + timedelta(hours=5))
    told = asked(warehouse, on=1)
    assert "S1 in 99: level elevated, reasons May run out within 8 weeks (run_out_p56)" in told
    assert "A newer picture of the day" in told and "has not been evaluated: there it is normal." in told
    assert "No picture of 2026-04-11 holds it; the newest before it that does:" in asked(warehouse, on=40)


def test_a_reason_that_only_some_may_see_is_read_and_not_told(warehouse: Warehouse) -> None:
    live(warehouse, *[{"level": "watch", "reasons": ["obligation_short"]}] * 3)
    told = asked(warehouse)
    assert "Alert obligation-S1-99-1" in told
    assert "kept open" not in told, "it stands because its condition holds, not because counts are carried forward"


def test_an_alert_about_deliveries_is_asked_by_its_source(warehouse: Warehouse) -> None:
    subscribe(warehouse)
    with warehouse.transaction() as connection:
        refused = any_row(DELIVERIES, moment(0), source="stock", verdict="refused", bytes_archived=None)
        bulk.copy(connection, DELIVERIES, refused)
    live(warehouse, {}, {})
    told = asked(warehouse, "stock")
    assert "Alert delivery_refused-stock-99-1: opened 2026-03-02, open" in told
    assert "no mail: the rule delivery_refused is told in the daily digest only" in told
    with pytest.raises(InputError, match="No picture holds dispensing"):
        asked(warehouse, "dispensing")


def test_not_evaluated_yet_and_put_off_till_morning(warehouse: Warehouse) -> None:
    subscribe(warehouse, office_hours=True)
    live(warehouse, SHORT)
    with running(Relay()) as url:
        sender.send(warehouse, clock=lambda: CLOCK + timedelta(hours=12), smtp_url=url)
    assert "waits for office hours until 2026-03-04 08:00 in Helsinki" in asked(warehouse)
    put(warehouse, 1, [row("S1", **GONE)])
    assert "have not been evaluated" in asked(warehouse)


def test_an_alert_that_later_data_took_back_is_told_with_its_mails(warehouse: Warehouse) -> None:
    subscribe(warehouse)
    live(warehouse, SHORT)
    later = moment(0) + timedelta(hours=5)
    put(warehouse, 0, [row("S1")], known_at=later)
    store.evaluate(warehouse, day(0), later, RULES)
    told = asked(warehouse)
    assert f"Alert run_out-S1-99-1: opened {day(0)} at elevated, withdrawn by later data" in told
    assert "mail (alert) to" in told and "mail (resolved) to" in told


def test_who_had_the_digest_that_told_it(warehouse: Warehouse) -> None:
    subscribe(warehouse)
    subscribe(warehouse, "other@example.org", role="county", county="21")
    live(warehouse, {"level": "watch", "reasons": ["demand_surge"]})
    assert f"no digest of {day(0)} has told it" in asked(warehouse)
    digest(warehouse, day(0), at=moment(0) + timedelta(hours=8))
    told = asked(warehouse)
    assert "the rule surge is told in the daily digest only" in told
    assert "mail (digest) to a***@example.org: queued" in told and "o***@example.org" not in told
    assert "mail (digest)" in why(warehouse, "S1", on=None, county="99", recipient="A@example.org")


def test_a_subscription_to_one_medicine_of_the_family_counts(warehouse: Warehouse) -> None:
    live(warehouse, SHORT)
    named = [medicine("S1"), medicine("S1-500", family_id="S1", grain="medicine")]
    with warehouse.transaction() as connection:
        bulk.upsert(connection, MEDICINES, pl.DataFrame(named, schema_overrides=MEDICINES.dtypes()))
    lines = subscriptions_of("one@example.org", language="en", medicine="S1-500", level="severe")
    subscriptions.add(warehouse, lines, at=moment(-1), confirmed=True)
    assert "every subscription to it begins above level elevated" in asked(warehouse)


def test_too_little_use_for_a_level_is_no_lack_of_data(warehouse: Warehouse) -> None:
    live(warehouse, {"level": None, "reasons": ["low_demand"]})
    assert "too little is dispensed in the area for a level of its own" in asked(warehouse)
