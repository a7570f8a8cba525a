"""Write docs/skill.md from backtest files: date, windows, every peer, losers too, paired bootstrap intervals.

    python infra/bench/forecast_skill.py --kela DATA DIR --weekly DATA DIR... --monthly DATA DIR... --civ DATA DIR
        --uk DATA DIR --nation NAME DATA RUN_OUT

Run the backtests first (``medsupply backtest ...``); this only scores what they left. A section that is not asked for
stays as it was last made: each tells its own date.
"""

from __future__ import annotations

import argparse
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl

from medsupply.forecast import scores
from medsupply.forecast.backtest.concessions import read_concessions, with_onsets
from medsupply.forecast.backtest.kela import read_kela
from medsupply.forecast.backtest.rolling import MEMBER, OWN
from medsupply.forecast.backtest.series import read_long
from medsupply.forecast.backtest.sites import SERIES, read_sites, with_outs
from medsupply.forecast.calendar import Array

METRICS = ("mase", "pinball")
PAGE = Path(__file__).resolve().parents[2] / "docs" / "skill.md"
HEAD = """# How good the forecasts are

Made by `infra/bench/forecast_skill.py`, each section on the day it tells. Every peer that ran is listed, losers too.
Scaled pinball: 2 x mean pinball at 10 .. 90 % / mean absolute difference to the year before, up to the origin.
Lower is better for pinball and MASE; nothing later than the origin was read. `own_prophet` is the member of our
forecast that Prophet is in (its season, Theta for the level) by itself: a part, no peer.
"""

KELA, WEEKLY, MONTHLY = "Kela, critical substances, 26 weeks", "Weekly pharmacy series", "Monthly series (PBS)"
CIV, UK, NATION, LIMITS = (
    "Real stock-outs (Côte d'Ivoire), last six origins",
    "Price concessions (England, 2014-2018)",
    "Simulated nation",
    "What these figures do not show",
)
ORDER = (KELA, WEEKLY, MONTHLY, CIV, UK, NATION, LIMITS)

NOT_SHOWN = """
- Kela: members of the forecast were chosen on cutoffs up to December 2023, so the first three origins had a part in it;
  the later three did not; but the half-life of the own season was compared on the weeks after June 2024 as well.
- Weekly pharmacy series: eight series of one pharmacy, whose misses come together: twenty origins eight weeks apart are
  about six windows of 26 weeks that do not overlap, so that a coverage is known to some 10 points, no closer.
- PBS: members were chosen on origins in June 2002, 2003 and 2004, whose year ends before the first origin here, and
  not changed after these were seen; one of them had been seen with the members before (MASE 0.876, share of series
  better than the seasonal naive 0.572). The season's
  pull and half-life for months and the six years that Prophet reads were compared on 86 of these series (decision
  0030), so that their skill here is a little flattered. Coverage of three origins says little, a year errs as one:
  over the six origins of June 2002 to 2007 the intervals cover 0.800 and 0.943 (by origin 0.86, 0.88, 0.80, 0.76, 0.80,
  0.70), over eleven half a year apart 0.806 and 0.944; the origins before 2005 had a part in choosing the members.
  Bias of a class beyond 5 %: of P01, most of P, 25,000 scripts in May 2005 (concession holders) were 800 a year later,
  which nothing in the series foretold; Z has four series.
- Stock-outs: model and features were chosen on origins up to June 2018 (one month ahead: September 2018), whose events
  end before the first origin here; the table was made twice with models that were chosen so, none was changed for it.
  The rivals have the features of ours: with one that is out since (a counter of months, bad on origins before the
  test) boosted trees had AUC 0.832 and Brier skill 0.158 one month ahead.
"""

CONCESSIONS = """
A concession is granted where pharmacies cannot buy at the tariff price: a sign of tight supply, not an empty shelf. All
products come from ingredients that were short at some time, so that the base rate is inflated, and what tells such
ingredients from others is not in the data. No stock, no orders and no notices are in it: it shows what price, quantity
and earlier concessions alone foretell, as no country with stock reports would have to forecast. It can show whether the
ranking is better than a base rate and than "as last year"; it cannot show the skill of the service's run-out.
Onset: a product without a concession in the month of the origin gets one in any of the next months. Limits are over 500
draws of ingredients. The wave of autumn 2017 has more onsets than all years before: a model that learns from the past
must tell too little there (mean p beside the base rate). Over all origins a base rate that rises with the wave ranks
late months above early ones and looks skilled by that alone; what ranks the products of a month is the column "within
origins". Model and features were not tuned on these data, so that a loser stands here as it lost.
"""


def table(frame: pl.DataFrame) -> str:
    lines = ["| " + " | ".join(frame.columns) + " |", "|" + "---|" * len(frame.columns)]
    for row in frame.iter_rows():
        lines.append("| " + " | ".join(f"{v:.3f}" if isinstance(v, float) else str(v) for v in row) + " |")
    return "\n".join(lines)


def kela(data: Path, forecasts: Path) -> str:
    found = scores.score_quantiles(read_both([forecasts.parent]), read_kela(data), 52)
    mean = found.group_by("origin", "model").agg(
        pl.col("pinball", "mase", "cover80", "cover95").mean(), series=pl.len()
    )
    parts = []
    for metric in ("pinball", "mase"):
        wide = mean.pivot(on="model", index="origin", values=metric).sort("origin")
        members = [name for name in wide.columns if name == MEMBER]
        peers = sorted(name for name in wide.columns if name not in ("origin", OWN, MEMBER))
        wide = wide.select("origin", OWN, *members, *peers, ratio=pl.col(OWN) / pl.min_horizontal(peers))
        ratio = wide["ratio"]
        parts.append(
            f"### {metric}: mean ratio to the best peer of each origin {ratio.mean():.3f}, worst {ratio.max():.3f}\n"
        )
        parts.append(table(wide) + "\n")
    own = mean.filter(pl.col("model") == OWN)
    parts.append(
        f"Per-step coverage of the 80 % interval {own['cover80'].mean():.3f}, of the 95 % interval "
        f"{own['cover95'].mean():.3f}; {own['series'].max()} series, {own.height} origins.\n"
    )
    drawn = pl.read_parquet(forecasts.parent / "paths.parquet")
    sums = ", ".join(f"{weeks}: {cumulative(within(drawn, weeks), read_kela(data)):.3f}" for weeks in (4, 8, 13, 26))
    parts.append(f"Share of sums over the first weeks inside the paths' 80 % interval, by weeks: {sums}.\n")
    parts.append("### Paired differences in scaled pinball (own less peer; 2,000 bootstrap draws over series)\n")
    parts.append(table(paired(found)) + "\n")
    return "\n".join(parts)


def paired(found: pl.DataFrame, metric: str = "pinball") -> pl.DataFrame:
    by_series = found.group_by("series_id", "model").agg(pl.col(metric).mean())
    wide = by_series.pivot(on="model", index="series_id", values=metric).sort("series_id").drop_nulls()
    rows = []
    for peer in sorted(name for name in wide.columns if name not in ("series_id", OWN)):
        own, other = wide[OWN].to_numpy(), wide[peer].to_numpy()
        mean, low, high = scores.paired_interval(own, other)
        rows.append((peer, mean, low, high, float((own < other).mean())))
    names = ["peer", "difference", "95 % low", "95 % high", "share of series won"]
    return pl.DataFrame(rows, schema=names, orient="row")


def read_both(folders: list[Path]) -> pl.DataFrame:
    """Forecasts of the folders, and of Prophet's member where it is there."""
    files = [folder / name for folder in folders for name in ("forecasts.parquet", "members.parquet")]
    return pl.concat([pl.read_parquet(file) for file in files if file.exists()])


def at_every_origin(forecasts: pl.DataFrame) -> tuple[pl.DataFrame, str]:
    """The models that ran at every origin, and which others ran: a mean over other origins is not beside theirs."""
    ran = forecasts.group_by("model").agg(pl.col("origin").n_unique()).sort("model")
    fewer = ran.filter(pl.col("origin") < forecasts["origin"].n_unique())
    told = ", ".join(f"{model} ({count})" for model, count in fewer.iter_rows())
    said = f" Not shown, since they ran at fewer origins: {told}." if told else ""
    return forecasts.filter(~pl.col("model").is_in(fewer["model"].implode())), said


def by_horizon(data: Path, folders: list[Path], horizons: tuple[int, ...], unit: str, classes: bool = False) -> str:
    """Any series: MASE, pinball and coverage by horizon for every model, coverage of the sums of the own paths."""
    read, freq = read_long(data)
    period = 52 if freq == "W" else 12
    forecasts, left_out = at_every_origin(read_both(folders))
    drawn = pl.concat([pl.read_parquet(folder / "paths.parquet") for folder in folders])
    rows, parts = [], []
    for horizon in horizons:
        found = scores.score_quantiles(within(forecasts, horizon, freq), read, period)
        mean = found.group_by("model").agg(pl.col("mase", "pinball", "cover80", "cover95").mean()).sort("model")
        sums = cumulative(within(drawn, horizon, freq), read)
        rows += [(horizon, *row, f"{sums:.3f}" if row[0] == OWN else "") for row in mean.iter_rows()]
        if horizon == horizons[-1]:
            parts = [*map("\n".join, ((paired_title(metric), table(paired(found, metric))) for metric in METRICS))]
            parts += [naive_sentence(found), by_step(within(forecasts, horizon, freq), read)]
            if classes:
                parts.append(by_class(found, forecasts, read, (horizons[0], horizon), unit, freq))
    names = [unit, "model", "MASE", "pinball", "covered by 80 %", "by 95 %", "sum covered by 80 %"]
    origins = forecasts["origin"].unique().sort()
    intro = (
        f"{forecasts['series_id'].n_unique()} series, {len(origins)} origins {origins[0]} to {origins[-1]}.{left_out}\n"
    )
    return "\n\n".join([intro + "\n" + table(pl.DataFrame(rows, schema=names, orient="row")), *parts])


def by_step(forecasts: pl.DataFrame, actual: pl.DataFrame) -> str:
    """Coverage of the own intervals of each step ahead by itself."""
    own = forecasts.filter(pl.col("model") == OWN).join(actual.rename({"period": "target"}), on=["series_id", "target"])
    step = pl.col("target").rank("dense").over("origin").cast(pl.Int64)
    inside = [pl.col("y").is_between(f"q{low}", f"q{high}") for low, high in (("0.1", "0.9"), ("0.025", "0.975"))]
    marked = own.filter(pl.col("y").is_not_null()).select(step.alias("step"), by80=inside[0], by95=inside[1])
    rates = marked.group_by("step").agg(pl.col("by80", "by95").mean()).sort("step")
    told = ", ".join(f"{step}: {by80:.3f} / {by95:.3f}" for step, by80, by95 in rates.iter_rows())
    return f"Covered by the 80 / 95 % interval, by step ahead: {told}."


def by_class(
    found: pl.DataFrame, forecasts: pl.DataFrame, actual: pl.DataFrame, horizons: tuple[int, ...], unit: str, freq: str
) -> str:
    """MASE beside the seasonal naive and the bias of the median (sum of errors / sum of actuals), by ATC level 1.

    ``series_id`` ends with the ATC code after a bar.
    """
    atc = pl.col("series_id").str.split("|").list.last().str.slice(0, 1).alias("ATC")
    rows = wide_by(found, atc)
    told = []
    for horizon in horizons:
        sums = errors(within(forecasts, horizon, freq), actual)
        bias = sums.group_by(atc).agg((pl.col("q0.5").sum() / pl.col("came").sum()).alias(f"bias, {horizon} {unit}"))
        rows = rows.join(bias, on="ATC")
        middle = [(sums[name] / sums["came"]).median() for name in ("q0.5", "mean")]
        told.append(f"{horizon} {unit} {middle[0]:+.3f}, of the mean forecast {middle[1]:+.3f}")
    return f"{table(rows.sort('ATC'))}\n\nBias in the middle series: of the median forecast, {'; '.join(told)}."


def wide_by(found: pl.DataFrame, atc: pl.Expr) -> pl.DataFrame:
    """MASE of the own forecast and of the seasonal naive by class."""
    own, naive = pl.col(OWN).mean(), pl.col("seasonal_naive").mean()
    wide = found.pivot(on="model", index=["series_id", "origin"], values="mase")
    return wide.group_by(atc).agg(pl.col("series_id").n_unique().alias("series"), own, naive, ratio=own / naive)


def errors(forecasts: pl.DataFrame, actual: pl.DataFrame) -> pl.DataFrame:
    """series_id, errors of the median (q0.5) and of the mean, and what came, summed over origins and targets."""
    own = forecasts.filter(pl.col("model") == OWN).join(actual.rename({"period": "target"}), on=["series_id", "target"])
    return own.group_by("series_id").agg((pl.col("q0.5", "mean") - pl.col("y")).sum(), came=pl.col("y").sum())


def paired_title(metric: str) -> str:
    return f"### Paired differences in {metric} (own less model; 2,000 bootstrap draws over series)\n"


def naive_sentence(found: pl.DataFrame) -> str:
    wide = (
        found.group_by("series_id", "model")
        .agg(pl.col("mase").mean())
        .pivot(on="model", index="series_id", values="mase")
    )
    won = float((wide[OWN] < wide["seasonal_naive"]).mean() or 0.0)
    return f"Share of series with a lower MASE than the seasonal naive: {won:.3f}."


def within(frame: pl.DataFrame, count: int, freq: str = "W") -> pl.DataFrame:
    step = "w" if freq == "W" else "mo"
    return frame.filter(pl.col("target") <= pl.col("origin").dt.offset_by(f"{count}{step}"))


def cumulative(paths: pl.DataFrame, actual: pl.DataFrame) -> float:
    """Share of series and origins whose sum lies in the central 80 % of the paths' sums; gaps left out of both."""
    known = actual.filter(pl.col("y").is_not_null()).rename({"period": "target"})
    joined = paths.join(known, on=["series_id", "target"]).sort("series_id", "origin", "target")
    inside = []
    for _, part in joined.group_by("series_id", "origin", maintain_order=True):
        low, high = np.quantile(np.array(part["paths"].to_list()).sum(axis=0), [0.1, 0.9])
        inside.append(low <= part["y"].sum() <= high)
    return float(np.mean(inside))


def civ(data: Path, folder: Path) -> str:
    events = with_outs(read_sites(data), (1, 3)).with_columns(series_id=pl.concat_str(SERIES, separator="|"))
    return onsets(events.rename({"period": "origin", "site_code": "cluster"}), folder, 6)


def uk(data: Path, folder: Path) -> str:
    events = with_onsets(read_concessions(data), (1, 3))
    named = {"period": "origin", "product_pack": "series_id", "active_ingredients": "cluster"}
    return CONCESSIONS + onsets(events.rename(named), folder, 100)


def onsets(events: pl.DataFrame, folder: Path, last: int) -> str:
    """Tables of 1 and 3 months ahead over the ``last`` origins whose events are known."""
    own = pl.read_parquet(folder / "run_out.parquet").with_columns(model=pl.lit(OWN))
    every = pl.concat([own, pl.read_parquet(folder / "peers.parquet").select(own.columns)])
    joined = every.join(events, on=["series_id", "origin"])
    parts = []
    for horizon in (1, 3):
        event = pl.col(f"event_{horizon}").cast(pl.Float64)
        part = joined.filter((pl.col("horizon") == horizon) & event.is_not_null()).with_columns(event=event)
        origins = part["origin"].unique().sort().tail(last)
        wide = part.filter(pl.col("origin").is_in(origins.implode())).pivot(
            on="model", index=["series_id", "cluster", "origin", "event"], values="p"
        )
        wide = wide.sort("series_id", "origin")
        when = f"{len(origins)} origins {origins.min()} to {origins.max()}, {wide.height} pairs"
        title = f"\n### {horizon} months ahead, {when}\n\n"
        parts.append(title + table(rivals(wide, every["model"].unique().sort().to_list())))
    return "\n".join(parts)


def rivals(wide: pl.DataFrame, models: list[str]) -> pl.DataFrame:
    """Scores of each model; own less rival with 95 % limits over 500 draws of clusters (sites, ingredients)."""
    event, cluster = wide["event"].to_numpy(), wide["cluster"].to_numpy()
    rng, names = np.random.default_rng(500), np.unique(cluster)
    rows_of = {name: np.flatnonzero(cluster == name) for name in names}
    draws = [np.concatenate([rows_of[name] for name in rng.choice(names, len(names))]) for _ in range(500)]
    own, rows = wide[OWN].to_numpy(), []
    for model in models:
        p = wide[model].to_numpy()
        limits = ["", "", ""]
        if model != OWN:
            for k, score in enumerate((scores.auc, average_precision, scores.brier_skill)):
                gaps = [score(own[at], event[at]) - score(p[at], event[at]) for at in draws]
                low, high = np.quantile(gaps, [0.025, 0.975])
                limits[k] = f"{low:+.3f} .. {high:+.3f}"
        skill = [f(p, event) for f in (scores.auc, average_precision, scores.brier_skill, scores.calibration_error)]
        rows.append((model, float(event.mean()), float(p.mean()), within_origins(wide, model), *skill, *limits))
    gaps_of = [f"own {name} less it" for name in ("AUC", "AP", "skill")]
    columns = ["model", "base rate", "mean p", "AUC within origins", "AUC", "average precision", "Brier skill", "ECE"]
    columns += gaps_of
    return pl.DataFrame(rows, schema=columns, orient="row")


def within_origins(wide: pl.DataFrame, model: str) -> float:
    """Mean AUC of each origin by itself: rates that rise from origin to origin earn nothing."""
    parts = [(part[model].to_numpy(), part["event"].to_numpy()) for part in wide.partition_by("origin")]
    return float(np.nanmean([scores.auc(p, event) for p, event in parts]))


def average_precision(p: Array, event: Array) -> float:
    from sklearn.metrics import average_precision_score

    return float(average_precision_score(event, p))


def nation(name: str, data: Path, run_out: Path) -> str:
    oracle = pl.read_parquet(data / "truth" / "oracle.parquet").rename({"medicine": "series_id", "p": "truth"})
    joined = pl.read_parquet(run_out).join(oracle, on=["series_id", "origin", "horizon"]).filter(~pl.col("at_floor"))
    rows = []
    for horizon in sorted(joined["horizon"].unique()):
        part = joined.filter(pl.col("horizon") == horizon)
        p, q = part["p"].to_numpy(), part["truth"].to_numpy()
        noise = q * (1 - q)
        climate = float(((q.mean() - q) ** 2 + noise).mean())
        own, best = 1 - float(((p - q) ** 2 + noise).mean()) / climate, 1 - float(noise.mean()) / climate
        rows.append(
            (
                horizon,
                len(p),
                float(q.mean()),
                float(p.mean()),
                own,
                best,
                f"{own / best:.3f}" if best > 0.05 else "too few events",
            )
        )
    names = ["days", "pairs", "oracle's mean p", "mean p", "Brier skill", "oracle's", "share of it"]
    title = f"\n### Family {name}: expected Brier skill against the oracle\n\n"
    return title + table(pl.DataFrame(rows, schema=names, orient="row"))


def written(made: dict[str, str], before: str) -> str:
    """The page with the sections that were made, the others as they stood ``before``."""
    stood = {part.split("\n", 1)[0].strip(): part.split("\n", 1)[1].strip() for part in before.split("\n## ")[1:]}
    today = datetime.now(UTC).date()
    fresh = {name: f"Made on {today}.\n\n{text.strip()}" for name, text in made.items()}
    sections = stood | fresh | {LIMITS: NOT_SHOWN.strip()}
    return "\n".join([HEAD, *(f"## {name}\n\n{sections[name]}\n" for name in ORDER if name in sections)])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("kela", "civ", "uk"):
        parser.add_argument(f"--{name}", nargs=2, type=Path)
    for name in ("weekly", "monthly"):
        parser.add_argument(f"--{name}", nargs="+", type=Path)
    parser.add_argument("--nation", nargs=3, action="append", default=[])
    given = parser.parse_args()
    made = {}
    if given.kela:
        made[KELA] = kela(given.kela[0], given.kela[1] / "forecasts.parquet")
    if given.weekly:
        made[WEEKLY] = by_horizon(given.weekly[0], given.weekly[1:], (4, 8, 13, 26), "weeks")
    if given.monthly:
        made[MONTHLY] = by_horizon(given.monthly[0], given.monthly[1:], (3, 6, 12), "months", classes=True)
    if given.civ:
        made[CIV] = civ(*given.civ)
    if given.uk:
        made[UK] = uk(*given.uk)
    if given.nation:
        made[NATION] = "\n".join(nation(name, Path(data), Path(found)) for name, data, found in given.nation)
    PAGE.write_text(written(made, PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    print(f"{PAGE} is written.")


if __name__ == "__main__":
    main()
