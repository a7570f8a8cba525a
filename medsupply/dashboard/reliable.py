"""How forecasts turned out, drawn: what was told against how often it happened, and scores by horizon."""

from __future__ import annotations

import polars as pl

from medsupply.dashboard import charts, show
from medsupply.dashboard.wording import coded, counted, say, sentences
from medsupply.tables.forecast import GROUPINGS
from medsupply.words import numbers as write

TARGETS = {"cover80": 0.8, "cover95": 0.95, "cum_cover80": 0.8}
SHARES = frozenset({*TARGETS, "wape", "cover_high"})
BINS = r"^(mean_p|rate)_[0-9]$"


def group_name(language: str, group: str) -> str:
    """A class of medicines by name; the code itself where a later version of the service has brought a new one."""
    kind, _, number = group.partition(" ")
    key = f"quality.group_{kind}"
    return say(language, key, n=number) if key in sentences(language) else group


def group_order(group: str) -> tuple[int, str]:
    """Groups as they are declared, then the classes."""
    return (GROUPINGS.index(group) if group in GROUPINGS else len(GROUPINGS)), group


def bins(scores: pl.DataFrame) -> pl.DataFrame:
    """horizon, bin, p (mean told), rate (share that happened), pairs, over all origins of ``scores``."""
    found = scores.filter(pl.col("metric").str.contains(BINS)).with_columns(
        what=pl.col("metric").str.head(-2), bin=pl.col("metric").str.tail(1).cast(pl.Int64)
    )
    weighted = found.group_by("horizon", "bin", "what").agg(
        value=(pl.col("value") * pl.col("pairs")).sum() / pl.col("pairs").sum(), pairs=pl.col("pairs").sum()
    )
    told = weighted.filter(pl.col("what") == "mean_p").select("horizon", "bin", "pairs", p="value")
    came = weighted.filter(pl.col("what") == "rate").select("horizon", "bin", rate="value")
    return told.join(came, on=["horizon", "bin"]).sort("horizon", "bin")


def diagram(language: str, scores: pl.DataFrame) -> None:
    """The diagram with its counts; nothing where no probability was scored."""
    found = bins(scores)
    if found.is_empty():
        return
    named = found.with_columns(
        label=pl.col("horizon").map_elements(lambda days: counted(language, "quality.days", days), pl.String)
    )
    axes = (say(language, "quality.told"), say(language, "quality.happened"))
    sentence = say(
        language, "quality.reliability", pairs=write.number(language, int(found["pairs"].sum())),
        gap=write.share(language, _gap(found)),
    )  # fmt: skip
    labels = {"label": say(language, "quality.horizon"), "p": axes[0], "rate": axes[1],
              "pairs": say(language, "quality.pairs")}  # fmt: skip
    drawn = charts.reliability(named, axes, language)
    show.chart(language, drawn, sentence, named, labels, "reliability", shares=("p", "rate"))


def _gap(found: pl.DataFrame) -> float:
    """Mean difference of told and happened, by pairs."""
    gap = ((found["p"] - found["rate"]).abs() * found["pairs"]).sum()
    return float(gap) / float(found["pairs"].sum())


def coverage(language: str, shown: pl.DataFrame, kind: str) -> None:
    """Coverage of demand or Brier score of run-out by horizon, where there are two horizons or more."""
    metric = "cover80" if kind == "demand" else "brier"
    part = shown.filter(pl.col("metric") == metric).sort("horizon")
    if part["horizon"].n_unique() < 2:
        return
    measure = part["measure"][0]
    part = part.filter(pl.col("measure") == measure)
    axis = coded(language, "score", metric)
    unit = say(language, "quality.axis_days" if kind == "run_out" else "quality.axis_weeks")
    drawn = charts.by_horizon(part, TARGETS.get(metric), axis, unit, language)
    show.chart(
        language, drawn, say(language, f"quality.chart_{metric}"), part, {"horizon": unit, "value": axis}, metric,
        shares=("value",) if metric in SHARES else (),
    )  # fmt: skip
