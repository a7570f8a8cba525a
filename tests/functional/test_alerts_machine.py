"""A machine of hypothesis lives the life of alerts against a real database, in any order, and looks after each step.

Days come, come late and are evaluated again; persons acknowledge and silence; evaluations and senders die in the
middle; the relay takes, puts off and drops. Whatever happens: no two open episodes in one scope, no transition untold,
no number that comes to mean another episode, and the episodes are those of the days as they stand now.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import date, datetime, timedelta
from typing import Any

import polars as pl
import pytest
from alerts_pictures import GONE, SHORT, day, medicine, moment, put, row
from hostile_relay import Relay, running
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from medsupply.alerts import desk, sender, store, subscriptions
from medsupply.alerts.absence import completed
from medsupply.alerts.episodes import RANK
from medsupply.alerts.folding import IMMEDIATE, RULES, folded
from medsupply.alerts.recipients import Subscription
from medsupply.alerts.rendering import texts
from medsupply.alerts.store import evaluating
from medsupply.rules import load_rules
from medsupply.tables.picture import MEDICINES
from medsupply.warehouse.database import bulk
from medsupply.warehouse.database.connection import Warehouse

KINDS: dict[str, dict[str, Any]] = {
    "calm": {},
    "short": SHORT,
    "gone": GONE,
    "easing": {"level": "watch", "run_out_p56": 0.4},
    "silent": {"level": "unknown", "reasons": ["missing_decides"], "reporting_share": 0.4},
    "late": {"state": "late"},
    "left": {},  # the picture has no row of it
    "late list": {"reasons": ["notices_late"]},
}
SCOPES = tuple(itertools.product(("S1", "S2"), ("99", "21")))
KIND = st.sampled_from(sorted(KINDS))
CURRENT = load_rules()
FLAPPING = texts("fi")["remark.flapping"]
ALERTS = ("evaluations", "state", "event", "outbox", "attempt", "subscription", "silence", "acknowledgement", "score")
TABLES = ("picture.situation", "picture.pictures", *(f"alerts.{name}" for name in ALERTS))
ROUNDS = int(os.environ.get("MEDSUPPLY_SOAK", "0"))


class Killed(BaseException):
    """The process dies here."""


@contextmanager
def dies_at(place: Any, name: str) -> Iterator[None]:
    """Whatever calls ``place.name`` dies there."""

    def die(*_: Any, **__: Any) -> None:
        raise Killed

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(place, name, die)
        yield


class Life(RuleBasedStateMachine):
    """``warehouse`` and ``url`` (a relay of ``relay``) are set by the test."""

    warehouse: Warehouse
    relay: Relay
    url: str
    lives = 0

    @initialize()
    def begin(self) -> None:
        with self.warehouse.transaction() as connection:
            connection.exec_driver_sql(f"truncate {', '.join(TABLES)}")
        self.relay.taken.clear()
        self.relay.behave = lambda *_: "ok"
        lines = [Subscription("all@example.org", "fi", None, "elevated"),
                 Subscription("worst@example.org", "sv", None, "severe", deputy="deputy@example.org")]  # fmt: skip
        subscriptions.add(self.warehouse, lines, at=moment(-1), confirmed=True)
        named = [medicine(one) for one in ("S1", "S2")]
        with self.warehouse.transaction() as connection:
            bulk.upsert(connection, MEDICINES, pl.DataFrame(named, schema_overrides=MEDICINES.dtypes()))
        self.known: list[datetime] = []  # by day: the moment of its newest picture
        self.kinds: list[dict[tuple[str, str], str]] = []
        self.seen: dict[int, dict[tuple[str, str], str]] = {}  # evaluated days, as evaluated last
        self.meant: dict[str, tuple[date, date]] = {}
        Life.lives += 1  # the audit is never emptied, so each life has seconds of its own
        self.clock = moment(0) + timedelta(milliseconds=Life.lives)

    @rule(
        kinds=st.tuples(*[KIND] * len(SCOPES)),
        evaluated=st.booleans(),
        death=st.sampled_from(["", "store", "write_notices", "score_alerts"]),
    )
    def a_day_comes(self, kinds: tuple[str, ...], evaluated: bool, death: str) -> None:
        self.kinds.append(dict(zip(SCOPES, kinds, strict=True)))
        self.known.append(max([moment(len(self.known)), self.clock]))
        self._put(len(self.known) - 1)
        if evaluated:
            self._evaluate(len(self.known) - 1, death)

    @precondition(lambda self: self.known)
    @rule(data=st.data(), kind=KIND, scope=st.sampled_from(SCOPES))
    def a_past_day_is_corrected(self, data: st.DataObject, kind: str, scope: tuple[str, str]) -> None:
        number = data.draw(st.integers(0, len(self.known) - 1))
        self.kinds[number] = {**self.kinds[number], scope: kind}
        self.known[number] = max([*self.known, self.clock]) + timedelta(minutes=1)
        self._put(number)
        self._evaluate(number, "")

    @precondition(lambda self: self.known)
    @rule(data=st.data())
    def a_day_is_evaluated_again(self, data: st.DataObject) -> None:
        number = data.draw(st.integers(0, len(self.known) - 1))
        known = all(self.seen.get(one) == self.kinds[one] for one in self._with(number))
        told = self._evaluate(number, "")
        assert not known or told.startswith("0 alert changes (0 opened)"), told

    @precondition(lambda self: self.seen)
    @rule(data=st.data())
    def somebody_acknowledges(self, data: st.DataObject) -> None:
        found = self._alerts("closed_on is null")
        if found:
            alert_id = data.draw(st.sampled_from(sorted(one["alert_id"] for one in found)))
            self.clock += timedelta(minutes=1)
            desk.acknowledge(self.warehouse, alert_id, owner="A", note="on it", at=self.clock, rules=CURRENT)

    @rule(scope=st.sampled_from(SCOPES), days=st.integers(1, 4))
    def somebody_silences(self, scope: tuple[str, str], days: int) -> None:
        self.clock += timedelta(minutes=1)
        until = self.clock + timedelta(days=days)
        desk.silence(self.warehouse, author="A", reason="known", at=self.clock, until=until, medicine_id=scope[0],
                     county_code=scope[1])  # fmt: skip

    @rule(
        mood=st.sampled_from(["ok", "451 later", "drop_after"]),
        death=st.sampled_from(["", "claimed", "handed_over", "marked"]),
    )
    def the_sender_runs(self, mood: str, death: str) -> None:
        self.clock += timedelta(minutes=7)
        self.relay.behave = lambda _, number: mood if number % 2 else "ok"
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sender, "reached", _dies(death))
            with suppress(Killed):
                sender.send(self.warehouse, clock=lambda: self.clock, smtp_url=self.url, timeout=5.0)

    @invariant()
    def no_two_open_episodes_in_a_scope(self) -> None:
        found = self._alerts("closed_on is null")
        scopes = [(one["rule"], one["medicine_id"], one["county_code"]) for one in found]
        assert len(scopes) == len(set(scopes))

    @invariant()
    def the_episodes_are_those_of_the_days(self) -> None:
        if not self.seen:
            return
        query = (
            "select s.*, 0.8::float8 as reporting_threshold from picture.situation s"
            " join alerts.evaluations e using (as_of, known_at)"
        )
        wanted = {_content(vars(one)) for one in folded(completed(self.warehouse.read(query)), RULES, {})}
        assert {_content(one) for one in self._alerts()} == wanted

    @invariant()
    def a_number_never_means_another_episode(self) -> None:
        mailed = {one for mail in self._mails() for one in mail["alert_ids"]}
        now = {one["alert_id"]: (one["opened_on"], one["closed_on"] or date.max) for one in self._alerts()}
        for alert_id, (start, end) in self.meant.items():
            here = now.get(alert_id)
            assert here is None or (here[0] <= end and start <= here[1]), f"{alert_id} was {start}, is {here}"
        gone = {one: span for one, span in self.meant.items() if one not in now}
        self.meant = {**gone, **{one: span for one, span in now.items() if one in mailed}}

    @invariant()
    def every_transition_is_told(self) -> None:
        """What a reader of the mails believes of each alert is so, but for what a silence or the digest keeps."""
        believed = self._believed()
        alerts = {one["alert_id"]: one for one in self._alerts()}
        for one in alerts.values():
            quiet = self._said_to_flap(one) or one["rule"] not in IMMEDIATE or self._silenced(one)
            if quiet or RANK.get(one["level"], 0) < RANK["elevated"]:
                continue
            kind, level = believed.get(one["alert_id"], (None, None))
            if one["closed_on"] is None:
                assert kind == "alert" and RANK[level] >= RANK[one["level"]], (one, kind, level)
            else:
                assert kind != "alert", one
        ghosts = {one for one, (kind, _) in believed.items() if kind == "alert" and one not in alerts}
        assert not [one for one in ghosts if not self._goes_on(one)], ghosts

    @invariant()
    def what_is_sent_is_queued_and_stays_itself(self) -> None:
        queued = {one["message_id"]: one["status"] for one in self._mails(kinds=("alert", "resolved"))}
        taken = set(self.relay.ids)
        assert taken <= set(queued)
        assert {one for one, status in queued.items() if status == "sent"} <= taken

    def teardown(self) -> None:
        if not getattr(self, "seen", None):
            return
        before, mails = sorted(map(str, self._alerts())), len(self._mails())
        for number in sorted(self.seen, key=lambda one: (one * 7919) % 31):
            if self.seen[number] == self.kinds[number]:
                self._evaluate(number, "")
        ends = self.warehouse.read("select max(ends_at) as at from alerts.silence").item()
        if ends is None or ends > max(self.known):
            assert (sorted(map(str, self._alerts())), len(self._mails())) == (before, mails)
        self.relay.behave = lambda *_: "ok"
        sender.send(self.warehouse, clock=lambda: self.clock + timedelta(days=1), smtp_url=self.url)
        assert {one["status"] for one in self._mails()} <= {"sent"}

    # --- what the machine reads and does

    def _put(self, number: int) -> None:
        rows = [row(*scope, **KINDS[kind]) for scope, kind in self.kinds[number].items() if kind != "left"]
        rows += [row("S9", area) for area in ("99", "21")]  # a picture is never without any row
        put(self.warehouse, number, rows, known_at=self.known[number])

    def _evaluate(self, number: int, death: str) -> str:
        at = (day(number), self.known[number], CURRENT)
        if death:
            before = str(self._alerts()) + str(self._mails())
            place = evaluating.memory if death == "store" else evaluating
            with dies_at(place, death):
                try:
                    store.evaluate(self.warehouse, *at)
                except Killed:
                    assert str(self._alerts()) + str(self._mails()) == before, "half an evaluation stayed"
        told = store.evaluate(self.warehouse, *at)
        self.seen |= {one: dict(self.kinds[one]) for one in self._with(number)}
        return told

    def _with(self, number: int) -> list[int]:
        """The days that are evaluated with a day: those since the first evaluated one, as known at its moment."""
        first = min(self.seen, default=number)
        return [*(one for one in range(first, number) if self.known[one] <= self.known[number]), number]

    def _alerts(self, where: str = "true") -> list[dict[str, Any]]:
        return self.warehouse.read(f"select * from alerts.state where {where} order by alert_id").to_dicts()

    def _mails(self, kinds: tuple[str, ...] = ("alert", "resolved")) -> list[dict[str, Any]]:
        query = (
            "select * from alerts.outbox where kind = any(:kinds) order by created_at, xmin::text::bigint, message_id"
        )
        return self.warehouse.read(query, kinds=list(kinds)).to_dicts()

    def _believed(self) -> dict[str, tuple[str, str]]:
        """What the last mail to all@example.org said of each alert: kind, and the highest level since it opened."""
        found: dict[str, tuple[str, str]] = {}
        for mail in self._mails():
            if mail["recipient"] == "all@example.org":
                found.update(dict.fromkeys(mail["alert_ids"], (mail["kind"], mail["level"])))
        return found

    def _silenced(self, one: dict[str, Any]) -> bool:
        query = "select count(*) as n from alerts.silence where medicine_id = :m and county_code = :c"
        return bool(self.warehouse.read(query, m=one["medicine_id"], c=one["county_code"]).item())

    def _said_to_flap(self, one: dict[str, Any]) -> bool:
        """Whether a mail has said that the scope goes up and down: the digest alone tells of it then."""
        scope = one["alert_id"].rpartition("-")[0]
        said = (mail for mail in self._mails() if any(i.rpartition("-")[0] == scope for i in mail["alert_ids"]))
        return one["flapping"] and any(FLAPPING in " ".join(mail["body_text"].split()) for mail in said)

    def _goes_on(self, alert_id: str) -> bool:
        """Whether an episode that is no more goes on under another number: it was joined with one told later."""
        start, end = self.meant[alert_id]
        scope = alert_id.rpartition("-")[0]
        return any(
            one["alert_id"].rpartition("-")[0] == scope and one["opened_on"] <= end
            and start <= (one["closed_on"] or date.max) for one in self._alerts()
        )  # fmt: skip


def _dies(where: str) -> Callable[[str], None]:
    def reached(point: str) -> None:
        if point == where:
            raise Killed

    return reached


def _content(one: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(
        one[name] for name in ("rule", "medicine_id", "county_code", "opened_on", "closed_on", "level", "changed_on")
    )


def test_any_life_of_alerts_keeps_what_must_be_true(warehouse: Warehouse) -> None:
    relay = Relay()
    with running(relay) as url:
        Life.warehouse, Life.relay, Life.url = warehouse, relay, url
        checks = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
        run_state_machine_as_test(
            Life,
            settings=settings(max_examples=ROUNDS or 8, stateful_step_count=20, deadline=None, derandomize=not ROUNDS,
                              suppress_health_check=checks, print_blob=False, database=None),
        )  # fmt: skip
