"""What only some may see: obligatory storage by company, the state reserve, stock by kind of holder.

Asked with role and organisation of the person on every view, and never from the cache, which all share.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl
import streamlit as st

from medsupply.alerts.recipients import RESTRICTED_RULES
from medsupply.areas import COUNTRY
from medsupply.dashboard import alerting, asking, data, problems, show
from medsupply.dashboard.auth import Person
from medsupply.dashboard.filters import Filters
from medsupply.dashboard.markup import Cell, Column
from medsupply.dashboard.wording import say
from medsupply.picture.disclosure import PUBLIC_HOLDERS, Gate, leaving, may_see
from medsupply.picture.reasons import Reason
from medsupply.tables.alerts import EPISODES
from medsupply.words import numbers as write
from medsupply.words import word

MEASURED = (
    "SELECT max(known_at) FROM picture.pictures WHERE stage = 'measured' AND as_of = :as_of AND known_at <= :known_at"
)


def person() -> Person:
    """Who is looking, as the door let them in."""
    found: Person = st.session_state["person"]
    return found


def passes(gate: Gate, area: str | None = None) -> bool:
    """Whether the person at the page may see what stands behind ``gate``."""
    return may_see(gate, person().role, person().organisation, area)


def named(rows: pl.DataFrame) -> pl.DataFrame:
    """Rows of a list with the reason that views call ``restricted`` by its own code, for who may see it.

    For what stands on a page only: a file that is downloaded goes on to others.
    """
    if not passes(Gate.OBLIGATION):
        return rows
    shown = pl.element().replace(str(Reason.RESTRICTED), str(Reason.OBLIGATION_SHORT))
    return rows.with_columns(pl.col("reasons").list.eval(shown))


def open_alerts(found: pl.DataFrame) -> pl.DataFrame:
    """The open ones of the alerts that all may see, and those on obligatory storage for who may see these.

    For what stands on a page only, as :func:`named`.
    """
    if passes(Gate.OBLIGATION):
        query = data.NAMED.format(alerts=f"({EPISODES} WHERE s.rule = ANY(:rules))")
        kept = asking.fresh(query, rules=list(RESTRICTED_RULES))
        found = pl.concat([found, kept], how="vertical_relaxed")
    return named(alerting.open_alerts(found))


def silences() -> pl.DataFrame:
    """Silences that hold, without those of alerts that the person may not know of."""
    found = data.silences()
    return found if passes(Gate.OBLIGATION) else found.filter(~pl.col("rule").is_in(RESTRICTED_RULES).fill_null(False))


def deliveries(found: pl.DataFrame) -> pl.DataFrame:
    """Deliveries without their packs for who may not see figures of a single company: a file has one sender."""
    return found if passes(Gate.COMPANY) else leaving("deliveries", found)


def of_medicine(chosen: Filters, medicine: Mapping[str, Any]) -> None:
    """What a person of Fimea, STM, NESA or THL sees beside the figures of a medicine; nothing for all others."""
    if passes(Gate.OBLIGATION):
        _obligations(chosen, medicine)
    if passes(Gate.STATE_RESERVE):
        _state_reserve(chosen, medicine)
    if passes(Gate.COMPANY) and chosen.area == COUNTRY:
        _by_kind(chosen, _stock(chosen, COUNTRY, str(medicine["medicine_id"])))


def of_county(chosen: Filters) -> None:
    """The public holders of a person's own area: units by medicine."""
    if not passes(Gate.OWN_PUBLIC_HOLDERS, chosen.area):
        return
    found = _stock(chosen, chosen.area, None).filter(pl.col("holder_type").is_in(sorted(PUBLIC_HOLDERS)))
    show.heading(say(chosen.language, "restricted.own_title"))
    _by_kind(chosen, found)


def _obligations(chosen: Filters, medicine: Mapping[str, Any]) -> None:
    language = chosen.language
    found = asking.fresh(
        f"SELECT * FROM picture.obligations WHERE as_of = :as_of AND known_at = ({MEASURED}) "  # noqa: S608
        "AND family_id = :family ORDER BY obliged_id",
        as_of=chosen.as_of,
        known_at=chosen.known_at,
        family=_family(medicine),
    )
    show.subheading(say(language, "restricted.obligations"))
    if found.is_empty():
        st.markdown(say(language, "restricted.no_obligations"))
        return
    keys = ("required_units", "held_units", "permit_units", "missing_units", "short_days")
    heads = [Column(say(language, "restricted.obliged"))]
    heads += [Column(say(language, f"restricted.{key}"), "number") for key in keys]
    cells: list[list[Cell]] = [
        [
            say(language, "restricted.all_obliged") if row["obliged_id"] == COUNTRY else row["obliged_id"],
            *(write.number(language, row[key]) for key in keys),
        ]
        for row in found.iter_rows(named=True)
    ]
    show.grid(heads, cells, say(language, "restricted.obligations_caption", unit=problems.unit(language, medicine)))


def _state_reserve(chosen: Filters, medicine: Mapping[str, Any]) -> None:
    language = chosen.language
    found = asking.fresh(
        f"SELECT units, released_units FROM picture.state_reserve WHERE as_of = :as_of AND known_at = ({MEASURED}) "  # noqa: S608
        "AND medicine_id = :medicine_id",
        as_of=chosen.as_of,
        known_at=chosen.known_at,
        medicine_id=medicine["medicine_id"],
    )
    show.subheading(say(language, "restricted.reserve"))
    if found.is_empty():
        st.markdown(say(language, "restricted.no_reserve"))
        return
    row = found.row(0, named=True)
    amounts = {key: write.number(language, row[key]) for key in ("units", "released_units")}
    st.markdown(say(language, "restricted.reserve_sentence", unit=problems.unit(language, medicine), **amounts))


def _stock(chosen: Filters, area: str, medicine_id: str | None) -> pl.DataFrame:
    """medicine_id, names, holder_type, state, units, holders: stock by kind of holder, families left out."""
    return asking.fresh(
        f"SELECT d.medicine_id, {data.MEDICINE}, d.holder_type, d.state, sum(d.units) AS units, "  # noqa: S608
        "max(d.holders) AS holders FROM picture.stock_daily d JOIN analyst.medicines m USING (medicine_id) "
        f"WHERE d.day = :as_of AND d.known_at = ({MEASURED}) AND (:area = '99' OR d.county_code = :area) "
        "AND (CAST(:medicine_id AS text) IS NULL OR m.medicine_id = :medicine_id OR m.family_id = :medicine_id) "
        "GROUP BY d.medicine_id, m.medicine_id, m.name_fi, m.name_sv, m.name_en, m.strength, m.form, m.form_sv, "
        "m.form_en, m.form_class, m.unit, m.state, m.critical_lists, d.holder_type, d.state "
        "ORDER BY m.name_en, d.medicine_id, d.holder_type, d.state",
        as_of=chosen.as_of,
        known_at=chosen.known_at,
        area=area,
        medicine_id=medicine_id,
    )


def _by_kind(chosen: Filters, found: pl.DataFrame) -> None:
    language = chosen.language
    show.subheading(say(language, "restricted.by_kind"))
    if found.is_empty():
        st.markdown(say(language, "restricted.no_stock"))
        return
    heads = [
        Column(say(language, "restricted.medicine")),
        Column(say(language, "restricted.kind")),
        Column(say(language, "restricted.state")),
        Column(say(language, "restricted.units"), "number"),
    ]
    cells: list[list[Cell]] = [
        [
            f"{problems.label(language, row)}",
            word(language, f"holder_type.{row['holder_type']}"),
            word(language, f"state.{row['state']}"),
            f"{write.number(language, row['units'])} {problems.unit(language, row)}",
        ]
        for row in found.iter_rows(named=True)
    ]
    show.grid(heads, cells, say(language, "restricted.by_kind_caption"))


def _family(medicine: Mapping[str, Any]) -> str:
    return str(medicine["family_id"] if medicine["grain"] == "medicine" else medicine["medicine_id"])
