"""The parts of a medicine's page: risk, stock, demand, notices, substitutes, packages; each says when it is empty."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

import polars as pl
import streamlit as st
from markupsafe import Markup

from medsupply.areas import AREAS, COUNTRY
from medsupply.dashboard import blocks, charts, data, markup, problems, show
from medsupply.dashboard.figures import Unit
from medsupply.dashboard.filters import Filters
from medsupply.dashboard.markup import Column
from medsupply.dashboard.wording import counted, say
from medsupply.words import numbers as write
from medsupply.words import word

OPEN_END = 9999


def risk(chosen: Filters, code: str) -> None:
    """Probability to run out within 2, 4, 8 and 12 weeks."""
    language = chosen.language
    show.subheading(say(language, "risk.title"))
    found = data.run_out(code, chosen.area, chosen.as_of)
    if found.is_empty():
        st.markdown(say(language, "risk.none"))
        return
    values = dict(found.select("horizon_days", "p").iter_rows())
    bands = {days: word(language, f"band.weeks_{days // 7}") for days in values}
    half: date | None = found["run_out_on"].drop_nulls().min()  # type: ignore[assignment]
    sentence = say(
        language,
        "risk.sentence",
        p14=write.share(language, values.get(14)),
        p56=write.share(language, values.get(56)),
        median=say(language, "risk.median" if half else "risk.median_none", on=write.day(language, half)),
    )
    drawn = charts.probabilities(found, bands, say(language, "risk.axis"), language)
    named = found.with_columns(band=pl.col("horizon_days").replace_strict(bands, default=None))
    labels = {
        "band": say(language, "risk.within"),
        "p": say(language, "figure.run_out_p56.short"),
        "p_with_reserve": say(language, "risk.with_reserve"),
        "p_announced": say(language, "risk.announced"),
    }
    name = f"run-out-{code}-{chosen.area}"
    show.chart(language, drawn, sentence, named, labels, name, shares=("p", "p_with_reserve", "p_announced"))


def stock(chosen: Filters, code: str, unit: Unit) -> None:
    """Stock against its floor over the last half year."""
    language = chosen.language
    show.subheading(say(language, "stock.title"))
    found = data.history(code, chosen.area, chosen.as_of)
    if found.is_empty() or found["stock_units"].is_null().all():
        st.markdown(say(language, "stock.none"))
        return
    drawable = unit.of(found.select("as_of", "stock_units", "floor_units"))
    known = drawable.filter(pl.col("stock_units").is_not_null())
    first, last = known.row(0, named=True), known.row(-1, named=True)
    sentence = say(
        language,
        "stock.sentence",
        now=write.amount(language, last["stock_units"]),
        unit=unit.word,
        day=write.day(language, last["as_of"]),
        before=write.amount(language, first["stock_units"]),
        first=write.day(language, first["as_of"]),
        floor=write.amount(language, last["floor_units"]),
    )
    labels = {
        "stock_units": say(language, "figure.stock_units.name"),
        "floor_units": say(language, "figure.floor_units.name"),
    }
    drawn = charts.trend(drawable, "as_of", list(labels.items()), unit.word, language)
    heads = {"as_of": say(language, "column.day")} | {key: f"{label}, {unit.word}" for key, label in labels.items()}
    show.chart(language, drawn, sentence, drawable, heads, f"stock-{code}", file=found)


def demand(chosen: Filters, code: str, atc: str, unit: Unit) -> None:
    """Weekly demand and its forecast; where packs are not known, Kela purchases of the ATC code and theirs."""
    language = chosen.language
    show.subheading(say(language, "demand.title"))
    past = data.weekly_demand(code, chosen.area, chosen.as_of)
    ahead = data.demand_forecast(code, chosen.area, chosen.as_of)
    measure = "units"
    if past.is_empty() and ahead.is_empty() and atc:
        series = atc if chosen.area == COUNTRY else atc[:3]
        past = data.weekly_purchases(series, chosen.area, chosen.as_of, chosen.known_at)
        ahead = data.demand_forecast(series, chosen.area, chosen.as_of, "purchases")
        measure, unit = "purchases", Unit(say(language, "demand.purchases_axis", atc=series))
    if past.is_empty() and ahead.is_empty():
        st.markdown(say(language, "demand.none"))
        return
    _fan(chosen, past, ahead, measure, unit)


def _fan(chosen: Filters, past: pl.DataFrame, ahead: pl.DataFrame, measure: str, unit: Unit) -> None:
    language = chosen.language
    known, coming, large = unit.of(past), unit.of(ahead), unit.word
    weeks = {"week": say(language, "column.week"), "units": large}
    if ahead.is_empty():
        drawn = charts.trend(known, "week", [("units", large)], large, language)
        sentence = say(language, f"demand.past_{measure}", n=past.height)
        show.chart(language, drawn, sentence, known, weeks, "demand", file=past)
        return
    low, high = coming.head(4).select(pl.col("q10").min(), pl.col("q90").max()).row(0)
    sentence = say(
        language,
        f"demand.sentence_{measure}",
        low=write.amount(language, low),
        high=write.amount(language, high),
        unit=large,
        cutoff=write.day(language, ahead["cutoff"][0]),
    )
    incomplete = int(past["marked"].sum()) if "marked" in past.columns else 0
    if incomplete:
        sentence += " " + counted(language, "demand.incomplete", incomplete)
    drawn = charts.fan(known, coming, large, language)
    labels = {
        "week": say(language, "column.week"),
        "q50": f"{say(language, 'demand.median')}, {large}",
        "q10": write.share(language, 0.1),
        "q90": write.share(language, 0.9),
        "q025": write.share(language, 0.025, 1),
        "q975": write.share(language, 0.975, 1),
    }
    show.chart(language, drawn, sentence, coming, labels, "demand-forecast", file=ahead)


def notices(chosen: Filters, code: str) -> None:
    """Shortage notices of the packages."""
    language = chosen.language
    show.subheading(say(language, "notices.title"))
    blocks.notices_end(language, data.old_notices(chosen.as_of))
    found = data.notices(code, chosen.known_at)
    if found.is_empty():
        st.markdown(say(language, "notices.none"))
        return
    heads = [Column(say(language, f"notices.{key}")) for key in ("package", "state", "starts", "ends", "company")]
    cells = [
        [
            Markup("{} <small>{}</small>").format(row["product_name"] or "", row["vnr"]),
            word(language, f"notice.{notice_state(row, chosen.as_of)}"),
            write.day(language, row["starts_on"]),
            word(language, "notice.open")
            if row["ends_on"] is None or row["ends_on"].year == OPEN_END
            else write.day(language, row["ends_on"]),
            row["company"] or "",
        ]
        for row in found.head(40).iter_rows(named=True)
    ]
    show.grid(heads, cells, counted(language, "notices.caption", found.height))
    show.download(language, found, f"notices-{code}")


def notice_state(row: Mapping[str, Any], on: date) -> str:
    """What a notice is on a day, by its dates: a published one is in force, to come, or its stated end has passed."""
    if row["state"] != "K":
        return str(row["state"])
    if row["starts_on"] is not None and row["starts_on"] > on:
        return "to_come"
    return "end_passed" if row["ends_on"] is not None and row["ends_on"] < on else "in_force"


def family(chosen: Filters, medicine: Mapping[str, Any]) -> None:
    """The medicines of a family with their levels; of a medicine the others, which could be used in its place."""
    language = chosen.language
    own = "_family" if medicine["grain"] == "family" else ""
    show.subheading(say(language, f"family.title{own}"))
    found = data.members(chosen.as_of, chosen.known_at, str(medicine["family_id"] or ""), chosen.area)
    found = found.filter(pl.col("medicine_id") != medicine["medicine_id"])
    if found.is_empty():
        st.markdown(say(language, f"family.none{own}"))
        return
    heads = [
        Column(say(language, "column.medicine")),
        Column(say(language, "family.market")),
        Column(say(language, "column.level")),
        Column(say(language, "column.cover"), "number"),
        Column(say(language, "column.notice"), "number"),
    ]
    cells = [
        [
            markup.link(
                "medicine",
                f"{problems.name(language, row)} {problems.kind(language, row)}",
                **chosen.url(medicine=row["medicine_id"]),
            ),
            word(language, f"market.{row['market_state']}"),
            markup.badge(language, row["level"]),
            write.number(language, row["cover_days"]),
            write.share(language, row["notice_share"]),
        ]
        for row in found.iter_rows(named=True)
    ]
    show.grid(heads, cells, say(language, "family.caption", place=chosen.place))


def packages(language: str, code: str) -> None:
    """Packages with their holder and whether they are on the market."""
    found = data.packages(code)
    with st.expander(say(language, "packages.title", n=found.height)):
        heads = [Column(say(language, f"packages.{key}")) for key in ("name", "size", "holder", "market")]
        cells = [
            [
                Markup("{} {} <small>{}</small>").format(row["product_name"] or "", row["strength"] or "", row["vnr"]),
                row["pack_size"] or "",
                row["holder"] or "",
                say(language, f"packages.{row['state']}"),
            ]
            for row in found.head(200).iter_rows(named=True)
        ]
        show.grid(heads, cells, say(language, "packages.title", n=found.height))
        show.download(language, found, f"packages-{code}")


def everywhere(language: str, rows: pl.DataFrame) -> None:
    """A medicine in every area: level, cover, risk, reporting."""
    heads = [
        Column(say(language, "column.area")),
        Column(say(language, "column.level")),
        *(Column(say(language, f"column.{key}"), "number") for key in ("cover", "out", "p56", "reporting")),
    ]
    order = {code: place for place, code in enumerate(data.area_names())}
    cells = [
        [
            AREAS[row["county_code"]].name(language),
            markup.badge(language, row["level"]),
            write.number(language, row["cover_days"]),
            write.share(language, row["out_share"]),
            write.share(language, row["run_out_p56"]),
            write.share(language, row["reporting_share"]),
        ]
        for row in sorted(rows.iter_rows(named=True), key=lambda row: order[row["county_code"]])
    ]
    show.grid(heads, cells, say(language, "medicine.areas_caption"))
    show.download(language, rows, "medicine-areas")
