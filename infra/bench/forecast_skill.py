"""Write docs/skill.md from backtest files: date, windows, every peer, losers too, paired bootstrap intervals.

    python infra/bench/forecast_skill.py --kela DATA FORECASTS --weekly DATA DIR --civ DATA DIR
        --nation NAME DATA RUN_OUT

Run the backtests first (``medsupply backtest ...``); this only scores what they left.
"""

from __future__ import annotations

import argparse
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl

from medsupply.forecast import scores
from medsupply.forecast.backtest.kela import read_kela
from medsupply.forecast.backtest.rolling import OWN
from medsupply.forecast.backtest.series import read_long
from medsupply.forecast.backtest.sites import SERIES, read_sites, with_outs

PAGE = Path(__file__).resolve().parents[2] / "docs" / "skill.md"
HEAD = """# How good the forecasts are

Made by `infra/bench/forecast_skill.py` on {today}. Every peer that was run is listed, losers too.
Scaled pinball: 2 x mean pinball at 10 .. 90 % / mean absolute difference to the year before, up to the origin.
Lower is better for pinball and MASE; nothing later than the origin was read.
"""

LIMITS = """
## What these figures do not show

- Kela: members of the forecast were chosen on cutoffs up to December 2023, so the first three origins had a part in it;
  the later three did not; but the half-life of the own season was compared on the weeks after June 2024 as well.
- Weekly pharmacy series: eight series with 64 sums each horizon for a cumulative coverage, so that 5 points are noise.
- Stock-outs: model and features were chosen on origins up to June 2018, whose events end before the first origin here.
- Not run for this page: PBS (decision 0030 has 86 of its series), UK generics, the simulated nation.
"""


def table(frame: pl.DataFrame) -> str:
    lines = ["| " + " | ".join(frame.columns) + " |", "|" + "---|" * len(frame.columns)]
    for row in frame.iter_rows():
        lines.append("| " + " | ".join(f"{v:.3f}" if isinstance(v, float) else str(v) for v in row) + " |")
    return "\n".join(lines)


def kela(data: Path, forecasts: Path) -> str:
    found = scores.score_quantiles(pl.read_parquet(forecasts), read_kela(data), 52)
    mean = found.group_by("origin", "model").agg(
        pl.col("pinball", "mase", "cover80", "cover95").mean(), series=pl.len()
    )
    parts = ["## Kela, critical substances with complete series, 26 weeks\n"]
    for metric in ("pinball", "mase"):
        wide = mean.pivot(on="model", index="origin", values=metric).sort("origin")
        peers = sorted(name for name in wide.columns if name not in ("origin", OWN))
        wide = wide.select("origin", OWN, *peers, ratio=pl.col(OWN) / pl.min_horizontal(peers))
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


def paired(found: pl.DataFrame) -> pl.DataFrame:
    by_series = found.group_by("series_id", "model").agg(pl.col("pinball").mean())
    wide = by_series.pivot(on="model", index="series_id", values="pinball").sort("series_id").drop_nulls()
    rows = []
    for peer in sorted(name for name in wide.columns if name not in ("series_id", OWN)):
        own, other = wide[OWN].to_numpy(), wide[peer].to_numpy()
        mean, low, high = scores.paired_interval(own, other)
        rows.append((peer, mean, low, high, float((own < other).mean())))
    names = ["peer", "difference", "95 % low", "95 % high", "share of series won"]
    return pl.DataFrame(rows, schema=names, orient="row")


def weekly(data: Path, folder: Path) -> str:
    """Any weekly series: MASE by horizon for every model, coverage per step, and of the sums of the paths."""
    read, _ = read_long(data)
    forecasts = pl.read_parquet(folder / "forecasts.parquet")
    rows = []
    for horizon in (4, 8, 13, 26):
        near = within(forecasts, horizon)
        found = (
            scores.score_quantiles(near, read, 52).group_by("model").agg(pl.col("mase", "cover80", "cover95").mean())
        )
        sums = cumulative(within(pl.read_parquet(folder / "paths.parquet"), horizon), read)
        for model, mase, cover80, cover95 in found.sort("model").iter_rows():
            rows.append((horizon, model, mase, cover80, cover95, f"{sums:.3f}" if model == OWN else ""))
    names = ["weeks", "model", "MASE", "covered by 80 %", "by 95 %", "sum covered by 80 %"]
    title = (
        f"\n## Weekly series, {forecasts['series_id'].n_unique()} series, {forecasts['origin'].n_unique()} origins\n\n"
    )
    return title + table(pl.DataFrame(rows, schema=names, orient="row"))


def within(frame: pl.DataFrame, weeks: int) -> pl.DataFrame:
    return frame.filter(pl.col("target") - pl.col("origin") <= pl.duration(weeks=weeks))


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
    events = with_outs(read_sites(data), (1, 3)).with_columns(
        series_id=pl.concat_str(SERIES, separator="|"), origin="period"
    )
    own = pl.read_parquet(folder / "run_out.parquet").with_columns(model=pl.lit(OWN))
    every = pl.concat([own, pl.read_parquet(folder / "peers.parquet").select(own.columns)])
    joined = every.join(events, on=["series_id", "origin"])
    parts = []
    for horizon in (1, 3):
        event = pl.col(f"event_{horizon}").cast(pl.Float64)
        part = joined.filter((pl.col("horizon") == horizon) & event.is_not_null()).with_columns(event=event)
        last = part["origin"].unique().sort().tail(6)
        wide = part.filter(pl.col("origin").is_in(last.implode())).pivot(
            on="model", index=["series_id", "site_code", "origin", "event"], values="p"
        )
        wide = wide.sort("series_id", "origin")
        title = f"\n### {horizon} months ahead, origins {last.min()} to {last.max()}, {wide.height} pairs\n\n"
        parts.append(title + table(rivals(wide, every["model"].unique().sort().to_list())))
    return "\n## Real stock-outs (Côte d'Ivoire), last six origins\n" + "\n".join(parts)


def rivals(wide: pl.DataFrame, models: list[str]) -> pl.DataFrame:
    """Scores of each model; own less rival with 95 % limits over 500 draws of sites."""
    event, site = wide["event"].to_numpy(), wide["site_code"].to_numpy()
    rng, names = np.random.default_rng(500), np.unique(site)
    rows_of = {name: np.flatnonzero(site == name) for name in names}
    draws = [np.concatenate([rows_of[name] for name in rng.choice(names, len(names))]) for _ in range(500)]
    own, rows = wide[OWN].to_numpy(), []
    for model in models:
        p = wide[model].to_numpy()
        limits = ["", ""]
        if model != OWN:
            for k, score in enumerate((scores.auc, scores.brier_skill)):
                gaps = [score(own[at], event[at]) - score(p[at], event[at]) for at in draws]
                low, high = np.quantile(gaps, [0.025, 0.975])
                limits[k] = f"{low:+.3f} .. {high:+.3f}"
        skill = (scores.auc(p, event), scores.brier_skill(p, event), scores.calibration_error(p, event))
        rows.append((model, float(event.mean()), float(p.mean()), *skill, *limits))
    columns = ["model", "base rate", "mean p", "AUC", "Brier skill", "ECE", "own AUC less it", "own skill less it"]
    return pl.DataFrame(rows, schema=columns, orient="row")


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
    title = f"\n## Simulated nation, family {name}: expected Brier skill against the oracle\n\n"
    return title + table(pl.DataFrame(rows, schema=names, orient="row"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kela", nargs=2, type=Path)
    parser.add_argument("--weekly", nargs=2, type=Path)
    parser.add_argument("--civ", nargs=2, type=Path)
    parser.add_argument("--nation", nargs=3, action="append", default=[])
    given = parser.parse_args()
    parts = [HEAD.format(today=datetime.now(UTC).date())]
    if given.kela:
        parts.append(kela(*given.kela))
    if given.weekly:
        parts.append(weekly(*given.weekly))
    if given.civ:
        parts.append(civ(*given.civ))
    parts += [nation(name, Path(data), Path(found)) for name, data, found in given.nation]
    parts.append(LIMITS)
    PAGE.write_text("\n".join(parts) + "\n", encoding="utf-8")
    print(f"{PAGE} is written.")


if __name__ == "__main__":
    main()
