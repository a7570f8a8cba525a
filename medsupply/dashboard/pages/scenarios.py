"""Scenarios: what if supply is late, demand grows, a holder is out, a notice lasts longer, the reserve is released."""

from __future__ import annotations

from datetime import date
from typing import Any

import polars as pl
import streamlit as st

from medsupply.dashboard import charts, data, filters, frame, problems, show, what_if
from medsupply.dashboard.markup import Column
from medsupply.dashboard.wording import say
from medsupply.forecast.scenario import Scenario, Start
from medsupply.forecast.scenario import what_if as simulate
from medsupply.words import numbers as write
from medsupply.words import word


def pick(language: str, found: Start) -> dict[str, Any]:
    """The medicine, among those that were simulated."""
    known = data.medicines().filter(pl.col("medicine_id").is_in(list(found.country.names)))
    ordered = known.sort("grain", f"name_{language}", "medicine_id")
    rows = {row["medicine_id"]: row for row in ordered.iter_rows(named=True)}
    ids = list(rows)
    wanted = filters.asked("medicine", ids[0])
    code = st.selectbox(
        say(language, "medicine.search"),
        ids,
        index=ids.index(wanted) if wanted in rows else 0,
        format_func=lambda one: (
            f"{problems.label(language, rows[one])} ({word(language, 'grain.' + rows[one]['grain'])})"
        ),
        key=f"scenario_medicine_{language}",
    )
    filters.keep("medicine", code, "")
    return dict(rows[code])


def sentence(language: str, name: str, rows: pl.DataFrame, scenario: Scenario) -> str:
    """What an official can repeat in a meeting."""
    eight = rows.row(by_predicate=pl.col("horizon_days") == 56, named=True)
    before, after = write.share(language, eight["p"]), write.share(language, eight["p_changed"])
    if scenario == Scenario():
        return say(
            language, "scenarios.plain", name=name, p=before, median=_half(language, "median", eight["run_out_on"])
        )
    return say(
        language,
        "scenarios.changed",
        name=name,
        before=before,
        after=after,
        now=_half(language, "half", eight["run_out_on"]),
        then=_half(language, "half", eight["run_out_on_changed"]),
    )


def _half(language: str, key: str, day: date | None) -> str:
    """By when half of the futures reach the floor, as a sentence (median) or as a part of one (half)."""
    return say(language, f"scenarios.{key}{'_none' if day is None else ''}", on=write.day(language, day))


def result(language: str, medicine: dict[str, Any], rows: pl.DataFrame, scenario: Scenario) -> None:
    bands = {days: word(language, f"band.weeks_{days // 7}") for days in rows["horizon_days"].to_list()}
    told = sentence(language, problems.label(language, medicine), rows, scenario)
    names = {"p": say(language, "scenarios.now")}
    if scenario != Scenario():  # two equal bars side by side would look like a finding
        names["p_changed"] = say(language, "scenarios.then")
    shown = rows.with_columns(band=pl.col("horizon_days").replace_strict(bands, default=None))
    drawn = charts.compared(shown, list(bands.values()), names, say(language, "risk.axis"), language)
    labels = {"band": say(language, "risk.within"), **names}
    show.chart(language, drawn, told, shown.select("band", *names), labels, f"what-if-{medicine['medicine_id']}",
               shares=tuple(names))  # fmt: skip
    heads = [Column(say(language, "risk.within")), *(Column(name, "number") for name in names.values())]
    cells = [
        [bands[row["horizon_days"]], *(write.share(language, row[name]) for name in names)]
        for row in rows.iter_rows(named=True)
    ]
    show.grid(heads, cells, say(language, "scenarios.caption" if len(names) > 1 else "scenarios.caption_now"))


chosen = frame.begin("scenarios", area="none")
language = chosen.language
st.markdown(say(language, "scenarios.intro"))
start = what_if.start(chosen.as_of, chosen.known_at)
if start is None:
    show.callout(say(language, "scenarios.none"), warn=True)
    st.stop()
medicine = pick(language, start)
code = str(medicine["medicine_id"])
scenario = what_if.chosen_scenario(language, what_if.public_holders(start, code))
result(language, medicine, simulate(start, code, scenario), scenario)
if scenario != Scenario():
    show.small(say(language, "scenarios.same_futures"))
show.small(say(language, "scenarios.limits"))
