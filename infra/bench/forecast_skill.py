"""Write docs/skill.md from backtest files: date, windows, every peer, losers too, paired bootstrap intervals.

    python infra/bench/forecast_skill.py --kela DATA FORECASTS --civ DATA RUN_OUT --nation NAME DATA RUN_OUT

Run the backtests first (``medsupply backtest ...``); this only scores what they left.
"""

from __future__ import annotations

import argparse
from datetime import UTC, datetime
from pathlib import Path

import polars as pl

from medsupply.forecast import scores
from medsupply.forecast.backtest.kela import read_kela
from medsupply.forecast.backtest.rolling import OWN
from medsupply.forecast.backtest.sites import SERIES, read_sites, with_events

PAGE = Path(__file__).resolve().parents[2] / "docs" / "skill.md"
HEAD = """# How good the forecasts are

Made by `infra/bench/forecast_skill.py` on {today}. Every peer that was run is listed, losers too.
Scaled pinball: 2 x mean pinball at 10 .. 90 % / mean absolute difference to the year before, up to the origin.
Lower is better for pinball and MASE; nothing later than the origin was read.
"""

LIMITS = """
## What these figures do not show

- The number of harmonics and the stiffness of the level were compared on these six origins of Kela's files; expect
  about a hundredth back on weeks not seen. Weights, errors and scale factors are learnt on earlier origins only.
- Three months ahead, half of the probability of a site is the next month's repeated: that share was chosen after the
  last six origins had been looked at. Its Brier skill is below the bar of 0.07, and its AUC below that of 0.68.
- A nation of a few medicines and two origins has too few events to judge by; the bar asks for 5,000 pairs.
- On 2026-11-24 Kela's own and peer rows came from two runs of the same day on the same series and origins.
- Weekly pharmacy series (8 origins, 13 weeks apart, scored apart from this page): MASE 0.743 / 0.771 / 0.781 / 0.793
  at 4 / 8 / 13 / 26 weeks, cumulative 80 % intervals covering 86 % at 13 and at 26 weeks.
- Not run for this page: PBS, UK generics, family c, alert episodes.
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


def civ(data: Path, run_out: Path) -> str:
    events = with_events(read_sites(data), (1, 3)).with_columns(
        series_id=pl.concat_str(SERIES, separator="|"), origin="period"
    )
    joined = pl.read_parquet(run_out).join(events, on=["series_id", "origin"])
    rows = []
    for horizon in (1, 3):
        event = f"event_{horizon}"
        part = joined.filter((pl.col("horizon") == horizon) & pl.col(event).is_not_null())
        last = part["origin"].unique().sort().tail(6)
        part = part.filter(pl.col("origin").is_in(last.implode()))
        p, y = part["p"].to_numpy(), part[event].cast(pl.Float64).to_numpy()
        rows.append((horizon, len(p), float(y.mean()), scores.auc(p, y), scores.brier_skill(p, y),
                     scores.calibration_error(p, y), str(last.min()), str(last.max())))  # fmt: skip
    names = ["months", "pairs", "base rate", "AUC", "Brier skill", "ECE", "first origin", "last origin"]
    return "## Real stock-outs (Côte d'Ivoire), last six origins\n\n" + table(
        pl.DataFrame(rows, schema=names, orient="row")
    )


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
    parser.add_argument("--civ", nargs=2, type=Path)
    parser.add_argument("--nation", nargs=3, action="append", default=[])
    given = parser.parse_args()
    parts = [HEAD.format(today=datetime.now(UTC).date())]
    if given.kela:
        parts.append(kela(*given.kela))
    if given.civ:
        parts.append(civ(*given.civ))
    parts += [nation(name, Path(data), Path(found)) for name, data, found in given.nation]
    parts.append(LIMITS)
    PAGE.write_text("\n".join(parts) + "\n", encoding="utf-8")
    print(f"{PAGE} is written.")


if __name__ == "__main__":
    main()
