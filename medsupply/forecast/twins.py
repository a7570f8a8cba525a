"""A family of one medicine and that medicine: the same stock in another unit, so the same future, simulated once."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

# The amounts in which the state of a simulation is told.
AMOUNTS = (
    "stock_units",
    "stock_units_high",
    "reserve_units",
    "floor_units",
    "trailing_demand_units",
    "upstream_units",
    "upstream_units_silent",
)
CLOSE = 1e-6


@dataclass(frozen=True)
class Twins:
    """``pairs``: medicine_id, family_id, ratio (units of the medicine in one of the family)."""

    pairs: pl.DataFrame

    def once(self, state: pl.DataFrame) -> pl.DataFrame:
        """``state`` without the medicines whose family stands for them."""
        return state.join(self.pairs, on="medicine_id", how="anti", maintain_order="left")

    def both(self, found: pl.DataFrame) -> pl.DataFrame:
        """Rows of ``run_out`` with those of each family said of its medicine too."""
        rows = found.join(self.pairs.rename({"medicine_id": "only"}), left_on="medicine_id", right_on="family_id")
        same = rows.with_columns(medicine_id="only", unmet_units=pl.col("unmet_units") * pl.col("ratio"))
        return pl.concat([found, same.select(found.columns)]).sort("medicine_id", "county_code", "horizon_days")


def twins(state: pl.DataFrame, families: pl.DataFrame) -> Twins:
    """The families of ``families`` (medicine_id, family_id of each medicine) that have one medicine alone, where every
    amount of ``state`` is the same multiple of the family's in every area, missing where the family's is."""
    alone = families.filter(pl.len().over("family_id") == 1)
    other = state.rename({"medicine_id": "family_id", **{name: f"{name}_f" for name in AMOUNTS}})
    there = pl.col("there").is_not_null()
    joined = (
        state.join(alone, on="medicine_id")
        .join(other.with_columns(there=True), on=["family_id", "county_code"], how="left")
        .with_columns(ratio=_ratio().over("family_id"))
    )
    same = pl.all_horizontal(there, *(_same(name) for name in AMOUNTS))
    rows = pl.col("medicine_id").len()
    found = joined.group_by("medicine_id", "family_id").agg(
        ratio=pl.col("ratio").first(), same=(same & (pl.col("ratio") > 0)).fill_null(False).all(), rows=rows
    )
    areas = other.group_by("family_id").agg(areas=pl.len())
    kept = found.join(areas, on="family_id").filter(pl.col("same") & (pl.col("rows") == pl.col("areas")))
    return Twins(kept.select("medicine_id", "family_id", "ratio").sort("medicine_id"))


def _ratio() -> pl.Expr:
    """Units of the medicine in one of the family, where the country's or an area's demand tells it best."""
    total = pl.col("trailing_demand_units_f").sum()
    return pl.when(total > 0).then(pl.col("trailing_demand_units").sum() / total)


def _same(name: str) -> pl.Expr:
    mine, other = pl.col(name).cast(pl.Float64), pl.col(f"{name}_f").cast(pl.Float64) * pl.col("ratio")
    close = (mine - other).abs() <= CLOSE * pl.max_horizontal(mine.abs(), other.abs(), pl.lit(CLOSE))
    return pl.when(mine.is_null()).then(other.is_null()).otherwise(close.fill_null(False))
