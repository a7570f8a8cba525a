"""Write docs/skill-nation.md: run-out of simulated nations against their oracle, and the alerts it gives.

    python infra/bench/nation_skill.py --nation NAME DATA RUN_OUT [..] --episodes NAME DATA RUN_OUT [..] \\
        --reach NAME DATA [..]

A section that is not made stays as the page has it; each ends with what it was made from (``--note``).
RUN_OUT: files of ``medsupply backtest nation``; several with one NAME count together. For episodes: origins every
few days (a probability stands until the next), horizons 14 and 56, and DATA written with ``--daily-paths``.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl

from medsupply.alerts.episodes import Episode, fold
from medsupply.alerts.rules.run_out import RULE
from medsupply.alerts.scores import Truth, score, truths
from medsupply.forecast import scores
from medsupply.forecast.backtest.deliveries import announced, read_nation
from medsupply.forecast.calendar import Array

PAGE = Path(__file__).resolve().parents[2] / "docs" / "skill-nation.md"
WINDOW, FLOOR_DAYS = 84, 7
ELEVATED_56, ELEVATED_14, SEVERE_14 = 0.30, 0.2, 0.5
HEAD = """# Run-out of simulated nations

Made by `infra/bench/nation_skill.py`. Family a is for tuning; b and c were never tuned on. Brier skill is
expected under the oracle's probabilities (share of {paths} continuations of the true state), against the climatology of
each horizon; medicines at the floor on the origin are left out. ECE (ten equal bins) is against the oracle's
probabilities, not against outcomes. Bars: 0.9 of the oracle's skill at 4, 8 and 13 weeks,
calibration error 0.02 (0.03 at 13 weeks) over 5,000 pairs, at most 0.1 lost from a to b.

The oracle knows the day on which each order comes and each outage ends, told or not. **Observer's share** is what is
left of its skill when the untold ones are drawn again, given that they have not come yet (`truth/observer.parquet`);
what is on order since when, whether an outage goes on since when, and the state of suppliers and of demand stay known.
No forecast made from deliveries can be expected to score higher than that.
"""


def skill(name: str, pairs: list[tuple[Path, Path]]) -> str:
    joined = pl.concat([_joined(data, run_out) for data, run_out in pairs]).filter(~pl.col("at_floor"))
    rows = []
    for horizon in sorted(joined["horizon"].unique()):
        part = joined.filter(pl.col("horizon") == horizon)
        p, q = part["p"].to_numpy(), part["truth"].to_numpy()
        own, best = expected_skill(p, q), expected_skill(q, q)
        known = part.filter(pl.col("observer").is_not_null())
        bound = _share(known["observer"].to_numpy(), known["truth"].to_numpy()) if known.height else float("nan")
        rows.append((horizon, len(p), float(q.mean()), float(p.mean()), own, best, own / best, bound,
                     scores.calibration_error(p, q)))  # fmt: skip
    names = ["days", "pairs", "oracle's mean p", "mean p", "Brier skill", "oracle's", "share of it",
             "observer's share", "ECE"]  # fmt: skip
    return f"\n## Family {name}: probability\n\n" + table(pl.DataFrame(rows, schema=names, orient="row"))


def reach(name: str, nations: list[Path]) -> str:
    """What is left of the oracle's skill to who is told no more than the deliveries say, by horizon."""
    key = ["medicine", "origin", "horizon"]
    frames = []
    for data in nations:
        told = pl.read_parquet(data / "truth" / "observer.parquet").select(*key, told="p")
        frames.append(pl.read_parquet(data / "truth" / "oracle.parquet").join(told, on=key))
    rows = []
    for (horizon,), part in pl.concat(frames).filter(~pl.col("at_floor")).group_by("horizon", maintain_order=True):
        told, q = part["told"].to_numpy(), part["p"].to_numpy()
        best = expected_skill(q, q)
        rows.append((horizon, len(q), float(q.mean()), float(told.mean()), best, expected_skill(told, q),
                     _share(told, q)))  # fmt: skip
    names = ["days", "pairs", "oracle's mean p", "observer's mean p", "oracle's skill", "observer's", "share of it"]
    return f"\n## Family {name}: what can be reached\n\n" + table(
        pl.DataFrame(sorted(rows), schema=names, orient="row")
    )


def _joined(data: Path, run_out: Path) -> pl.DataFrame:
    """p, truth, observer (null: not simulated), at_floor of every pair."""
    key = ["series_id", "origin", "horizon"]

    def true(name: str, p: str) -> pl.DataFrame:
        return pl.read_parquet(data / "truth" / name).rename({"medicine": "series_id", "p": p})

    found = pl.read_parquet(run_out).join(true("oracle.parquet", "truth"), on=key)
    if (data / "truth" / "observer.parquet").exists():
        return found.join(true("observer.parquet", "observer").select(*key, "observer"), on=key)
    return found.with_columns(observer=pl.lit(None, dtype=pl.Float64))


def expected_skill(p: Array, q: Array) -> float:
    """Brier skill of ``p`` against climatology, expected where things happen with probability ``q``."""
    noise = float((q * (1 - q)).mean())
    climate = float(((q.mean() - q) ** 2).mean()) + noise
    return 1 - (float(((p - q) ** 2).mean()) + noise) / climate


def _share(p: Array, q: Array) -> float:
    return expected_skill(p, q) / expected_skill(q, q)


def table(frame: pl.DataFrame) -> str:
    lines = ["| " + " | ".join(frame.columns) + " |", "|" + "---|" * len(frame.columns)]
    for row in frame.iter_rows():
        lines.append("| " + " | ".join(f"{v:.3f}" if isinstance(v, float) else str(v) for v in row) + " |")
    return "\n".join(lines)


def history_of(data: Path) -> pl.DataFrame:
    """as_of, medicine_id, critical_class, stock_units, floor_units, trailing_demand_units, reporting_share by day."""
    past = read_nation(data).past
    stock, demand = past.by_series(past.stock), past.by_series(past.demand)
    total = np.vstack([np.zeros(demand.shape[1]), np.cumsum(demand, axis=0)])
    days = [n for n in range(WINDOW, len(past.days)) if not np.isnan(stock[n]).any()]
    trailing = np.array([(total[n + 1] - total[n + 1 - WINDOW]) / WINDOW for n in days])
    count = len(past.names)
    return pl.DataFrame({
        "as_of": [past.days[n] for n in days for _ in range(count)], "medicine_id": list(past.names) * len(days),
        "stock_units": stock[days].ravel(), "floor_units": (FLOOR_DAYS * trailing).ravel(),
        "trailing_demand_units": trailing.ravel(), "reporting_share": 1.0,
    }).with_columns(critical_class=pl.lit(None, dtype=pl.Int64))  # fmt: skip


def episodes_of(history: pl.DataFrame, p: pl.DataFrame) -> list[Episode]:
    """Rule run_out folded over the days of ``history`` with the newest probability of each day."""
    wide = p.pivot(on="horizon", index=["series_id", "origin"], values="p").sort("origin")
    rows = history.sort("as_of").join_asof(
        wide.rename({"series_id": "medicine_id", "14": "p14", "56": "p56"}),
        left_on="as_of", right_on="origin", by="medicine_id", check_sortedness=False,
    ).drop_nulls("p56")  # fmt: skip
    low = pl.col("stock_units") <= pl.col("floor_units")
    severe = low | (pl.col("p14") >= SEVERE_14)
    elevated = (pl.col("p56") >= ELEVATED_56) | (pl.col("p14") >= ELEVATED_14)
    level = pl.when(severe).then(pl.lit("severe")).when(elevated).then(pl.lit("elevated")).otherwise(pl.lit("normal"))
    judged = rows.with_columns(
        level=level,
        run_out_p56=pl.when(low).then(1.0).otherwise("p56"),
        state=pl.lit("reported"),
        reporting_threshold=pl.lit(0.8),
    )
    found: list[Episode] = []
    for key, part in judged.sort("medicine_id", "as_of").partition_by("medicine_id", as_dict=True).items():
        days = [(row["as_of"], row | {"reasons": ["run_out_p56"] if row["level"] != "normal" else []})
                for row in part.iter_rows(named=True)]  # fmt: skip
        found += fold(RULE, str(key[0]), "99", days)
    return found


def false_mails(found: list[Episode], known: list[Truth], history: pl.DataFrame) -> float:
    """Openings and rises of episodes that ended as false, per week and 240 medicines, for an official who has all."""
    by_medicine = {one.medicine_id: one for one in known}
    last = max(one.last for one in known)
    mails = 0
    for one in found:
        row = score("run_out", [one], [by_medicine[one.medicine_id]], last)[0]
        if row["false_episodes"]:
            mails += sum(change.up for change in one.transitions)
    weeks = history["as_of"].n_unique() / 7
    return mails / weeks * 240 / history["medicine_id"].n_unique()


def episodes(name: str, pairs: list[tuple[Path, Path]]) -> str:
    sums: dict[str, list[dict[str, float]]] = defaultdict(list)
    for data, run_out in pairs:
        own = pl.read_parquet(run_out).filter(pl.col("horizon").is_in([14, 56]))
        truth = {who: pl.read_parquet(data / "truth" / f"{who}_daily.parquet") for who in ("oracle", "observer")}
        history = history_of(data).filter(pl.col("as_of") >= own["origin"].min())
        known = truths(history, announced(data))
        last = known[0].last
        for who, p in {"medsupply": own, **truth}.items():
            shared = p.rename({"medicine": "series_id"}, strict=False).join(own, on="origin", how="semi")
            found = episodes_of(history, shared.select("series_id", "origin", "horizon", "p"))
            row = next(one for one in score("run_out", found, known, last) if one["grouping"] == "all")
            sums[who].append(dict(row) | {"mails": false_mails(found, known, history)})  # type: ignore[arg-type]
    rows = [_row(who, parts) for who, parts in sums.items()]
    names = ["p of", "episodes", "events", "recall", "warned 4 weeks", "median lead, days", "precision",
             "false per 100 years", "events per 100 years", "false mails per week and 240"]  # fmt: skip
    return f"\n## Family {name}: alert episodes\n\n" + table(pl.DataFrame(rows, schema=names, orient="row"))


def _row(who: str, parts: list[dict[str, float]]) -> tuple[object, ...]:
    def total(key: str) -> float:
        return float(sum(part[key] or 0 for part in parts))

    events, true, false = total("events"), total("true_episodes"), total("false_episodes")
    leads = [part["median_lead_days"] for part in parts if part["median_lead_days"] is not None]
    return (
        who, int(total("episodes")), int(events), total("warned") / max(events, 1), total("warned_28") / max(events, 1),
        float(np.mean(leads)) if leads else float("nan"), true / max(true + false, 1),
        float(np.mean([part["false_per_100_years"] or 0 for part in parts])),
        float(np.mean([part["base_rate_per_100_years"] or 0 for part in parts])),
        float(np.mean([part["mails"] for part in parts])),
    )  # fmt: skip


def _sections(page: str) -> dict[str, str]:
    """The sections of the page by title."""
    parts = page.split("\n## ")[1:]
    return {f"## {part.splitlines()[0]}": f"\n## {part.rstrip()}\n" for part in parts}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nation", nargs=3, action="append", default=[])
    parser.add_argument("--episodes", nargs=3, action="append", default=[])
    parser.add_argument("--reach", nargs=2, action="append", default=[])
    parser.add_argument("--paths", type=int, default=2000, help="Continuations of the oracle.")
    parser.add_argument("--note", action="append", default=[])
    given = parser.parse_args()
    today = datetime.now(UTC).date()
    made = []
    for values, make in ((given.nation, skill), (given.episodes, episodes)):
        by_name: dict[str, list[tuple[Path, Path]]] = defaultdict(list)
        for name, data, run_out in values:
            by_name[name].append((Path(data), Path(run_out)))
        made += [make(name, pairs) for name, pairs in by_name.items()]
    nations: dict[str, list[Path]] = defaultdict(list)
    for name, data in given.reach:
        nations[name].append(Path(data))
    made += [reach(name, ones) for name, ones in nations.items()]
    notes = "\n".join(f"- {note}" for note in given.note)
    made = [f"{one}\n\nMade on {today}.\n\n{notes}".rstrip() + "\n" for one in made]
    sections = _sections(PAGE.read_text(encoding="utf-8") if PAGE.exists() else "")
    sections |= {one.split("\n")[1]: one for one in made}
    ordered = [sections[title] for title in sorted(sections)]
    PAGE.write_text(HEAD.format(paths=f"{given.paths:,}") + "".join(ordered), encoding="utf-8")
    print(f"{PAGE} is written.")


if __name__ == "__main__":
    main()
