"""Medicines and families: which package belongs to which, and in which unit their figures are."""

from __future__ import annotations

import polars as pl

from medsupply.facts import Facts
from medsupply.picture.names import form_names, substance_names

_GRAMS = {"mg": 1.0, "g": 1000.0}


def _slug(text: pl.Expr) -> pl.Expr:
    return text.str.replace_all(r"[^\p{L}\p{N}.%/+]+", "-").str.strip_chars("-")


def family_key(atc: pl.Expr, form_class: pl.Expr) -> pl.Expr:
    """``S`` + ATC + class; without a known form class ``S`` + ATC."""
    return (
        pl.when(form_class.is_null())
        .then(pl.lit("S") + atc)
        .otherwise(pl.lit("S") + atc + pl.lit("_") + form_class.str.replace(" ", "_", literal=True))
    )


def with_medicine_id(packages: pl.DataFrame) -> pl.DataFrame:
    """medicine_id: of the package map, else G + group, else F + ATC + strength + form, else A + ATC, else null."""
    named = pl.lit("F") + pl.col("atc") + "_" + _slug(pl.col("strength")) + "_" + _slug(pl.col("form_key"))
    return packages.with_columns(
        medicine_id=pl.coalesce("map_medicine_id", pl.lit("G") + pl.col("group"), named, pl.lit("A") + pl.col("atc"))
    )


def _leading(packages: pl.DataFrame, key: str, columns: list[str]) -> pl.DataFrame:
    """Per ``key`` the most common combination of ``columns``: marketed packages first, then all, then by name."""
    counted = packages.group_by(key, *columns).agg(n=pl.col("marketed").sum(), total=pl.len())
    ranked = counted.sort(
        [key, "n", "total", *columns], descending=[False, True, True] + [False] * len(columns), nulls_last=True
    )
    return ranked.unique(key, keep="first", maintain_order=True).select(key, *columns)


def with_family_id(packages: pl.DataFrame) -> pl.DataFrame:
    """family_id of the medicine's leading ATC code and form class, so that a medicine lies in one family whole."""
    mapped = packages.filter(pl.col("medicine_id").is_not_null() & pl.col("atc").is_not_null())
    leading = _leading(mapped, "medicine_id", ["atc", "form_class"])
    leading = leading.with_columns(family_id=family_key(pl.col("atc"), pl.col("form_class")))
    return packages.join(
        leading.select("medicine_id", "family_id"), on="medicine_id", how="left", maintain_order="left"
    )


def in_one_unit(packages: pl.DataFrame) -> pl.DataFrame:
    """Units of a medicine in its leading unit: g and mg are turned into each other, other units are not added."""
    parsed = packages.filter(pl.col("units_per_pack").is_not_null() & pl.col("medicine_id").is_not_null())
    leading = _leading(parsed, "medicine_id", ["unit"]).rename({"unit": "medicine_unit"})
    joined = packages.join(leading, on="medicine_id", how="left", maintain_order="left")
    mass = pl.col("unit").replace_strict(_GRAMS, default=None, return_dtype=pl.Float64)
    target = pl.col("medicine_unit").replace_strict(_GRAMS, default=None, return_dtype=pl.Float64)
    same = pl.col("unit") == pl.col("medicine_unit")
    atc_only = pl.col("medicine_id").str.starts_with("A").fill_null(True)
    units = (
        pl.when(~atc_only & same)
        .then(pl.col("units_per_pack"))
        .when(~atc_only)
        .then(pl.col("units_per_pack") * mass / target)
    )
    return joined.with_columns(
        units_per_pack=units,
        units_source=pl.when(
            units.is_null() & pl.col("units_per_pack").is_not_null() & pl.col("medicine_id").is_not_null()
        )
        .then(pl.lit("other_unit"))
        .otherwise(pl.col("units_source")),
        unit=pl.when(units.is_not_null()).then(pl.col("medicine_unit")).otherwise(pl.col("unit")),
    )


def in_family_units(packages: pl.DataFrame) -> pl.DataFrame:
    """family_units_per_pack and family_unit: mg where every package in use has a mass, else units where all share
    unit and strength, else null. In use: on the market or under a special permit; without any, every package."""
    usable = packages.filter(pl.col("units_per_pack").is_not_null() & pl.col("family_id").is_not_null())
    used = pl.col("marketed") | pl.col("special_permit")
    deciding = usable.filter(used | ~used.any().over("family_id"))
    basis = deciding.group_by("family_id").agg(
        by_mass=pl.col("mg_per_pack").is_not_null().all(),
        alike=(pl.col("unit").n_unique() == 1)
        & (pl.col("strength").n_unique() == 1)
        & pl.col("strength").is_not_null().all(),
        first_unit=pl.col("unit").sort().first(),
        first_strength=pl.col("strength").sort().first(),
    )
    alike = (pl.col("unit") == pl.col("first_unit")) & (pl.col("strength") == pl.col("first_strength"))
    return packages.join(basis, on="family_id", how="left", maintain_order="left").with_columns(
        family_units_per_pack=pl.when(pl.col("by_mass"))
        .then(pl.col("mg_per_pack"))
        .when(pl.col("alike") & alike)
        .then(pl.col("units_per_pack")),
        family_unit=pl.when(pl.col("by_mass")).then(pl.lit("mg")).when(pl.col("alike")).then(pl.col("first_unit")),
    )


def with_state(packages: pl.DataFrame) -> pl.DataFrame:
    """counted_as_marketed (parallel imports beside a marketed original left out) and state of each package."""
    original = (pl.col("marketed") & ~pl.col("parallel_import")).any().over("medicine_id")
    return packages.with_columns(
        counted_as_marketed=pl.col("marketed") & ~(pl.col("parallel_import") & original),
        state=pl.when(pl.col("medicine_id").is_null())
        .then(pl.lit("unmapped"))
        .when(pl.col("is_alias"))
        .then(pl.lit("alias"))
        .when(pl.col("marketed"))
        .then(pl.lit("marketed"))
        .when(pl.col("special_permit"))
        .then(pl.lit("special_permit"))
        .when(~pl.col("listed"))
        .then(pl.lit("discontinued"))
        .otherwise(pl.lit("not_marketed")),
    )


def _market(packages: pl.DataFrame, key: str) -> pl.DataFrame:
    """Counts of a medicine or family: packages, marketed ones, holders; parallel imports beside an original out."""
    original = (pl.col("marketed") & ~pl.col("parallel_import")).any()
    counted = pl.col("marketed") & ~(pl.col("parallel_import") & original)
    return (
        packages.filter(pl.col(key).is_not_null())
        .group_by(key)
        .agg(
            packages=pl.len().cast(pl.Int64),
            marketed_packages=pl.col("marketed").sum().cast(pl.Int64),
            marketed_holders=pl.col("holder_key").filter(counted).drop_nulls().n_unique().cast(pl.Int64),
            special_permit_articles=pl.col("special_permit").sum().cast(pl.Int64),
            discontinued=(pl.col("state") == "discontinued").all(),
            only_permits=((pl.col("source") == "fimea_packages") & pl.col("fixed_term").fill_null(False)).all(),
        )
    )


def _state(register_is_whole: bool) -> pl.Expr:
    """State of a medicine or family. A register copy without any marketed package holds the fixed-term permits alone:
    a medicine that only it names may well be on the market, so it is called ``special_permit``."""
    permits = pl.col("only_permits") & pl.lit(not register_is_whole)
    return (
        pl.when(pl.col("marketed_packages") > 0)
        .then(pl.lit("marketed"))
        .when(pl.col("discontinued"))
        .then(pl.lit("discontinued"))
        .when(permits)
        .then(pl.lit("special_permit"))
        .otherwise(pl.lit("not_marketed"))
    )


def register_is_whole(packages: pl.DataFrame) -> bool:
    """Whether the register known holds marketed packages, not fixed-term permits alone."""
    return packages.filter((pl.col("source") == "fimea_packages") & pl.col("marketed")).height > 0


def medicine_rows(packages: pl.DataFrame) -> pl.DataFrame:
    """One row per medicine: leading ATC, strength, form, class, unit, group, market counts, state, substitutes."""
    mapped = packages.filter(pl.col("medicine_id").is_not_null())
    rows = _market(mapped, "medicine_id")
    for columns in (["atc", "form_class"], ["strength"], ["form", "form_key"], ["group"], ["family_id"]):
        present = mapped.filter(pl.col(columns[0]).is_not_null())
        rows = rows.join(_leading(present, "medicine_id", columns), on="medicine_id", how="left")
    units = (
        mapped.filter(pl.col("units_per_pack").is_not_null())
        .group_by("medicine_id")
        .agg(unit=pl.col("medicine_unit").first())
    )
    rows = rows.join(units, on="medicine_id", how="left").with_columns(
        grain=pl.lit("medicine"), state=_state(register_is_whole(packages))
    )
    siblings = (
        rows.filter(pl.col("family_id").is_not_null()).group_by("family_id").agg(siblings=pl.col("medicine_id").sort())
    )
    rows = rows.join(siblings, on="family_id", how="left")
    others = pl.col("siblings").list.set_difference(pl.concat_list("medicine_id")).list.sort()
    return rows.with_columns(substitutes=others).sort("medicine_id")


def family_rows(packages: pl.DataFrame) -> pl.DataFrame:
    """One row per family: ATC, form class, unit of the figures, market counts, state."""
    mapped = packages.filter(pl.col("family_id").is_not_null())
    rows = _market(mapped, "family_id")
    rows = rows.join(
        _leading(mapped, "family_id", ["family_unit"]).rename({"family_unit": "unit"}), on="family_id", how="left"
    )
    parts = pl.col("family_id").str.slice(1)
    return rows.with_columns(
        medicine_id=pl.col("family_id"),
        grain=pl.lit("family"),
        atc=parts.str.split("_").list.first(),
        form_class=parts.str.extract(r"_(.*)$", 1).str.replace("_", " ", literal=True),
        state=_state(register_is_whole(packages)),
    ).sort("medicine_id")


def with_names(rows: pl.DataFrame, facts: Facts) -> pl.DataFrame:
    """Names of the substance in three languages, and of the form in Swedish and English."""
    named = rows.join(substance_names(facts), on="atc", how="left", maintain_order="left")
    return named.join(form_names(facts), on="form_key", how="left", maintain_order="left")
