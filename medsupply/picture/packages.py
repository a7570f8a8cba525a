"""Packages: the register, the substitution lists and the package map joined into one row per package.

``package_map`` wins over the register. A VNR that left the newest list keeps its last known row (``discontinued``), a
VNR that was replaced by another (EDELLINEN_VNRNRO) is an alias of the new one, a VNR that only a notice names is
``unmapped``.
"""

from __future__ import annotations

from datetime import date

import polars as pl

from medsupply.facts import Facts
from medsupply.picture.forms import form_class, normalised_form
from medsupply.picture.names import company_key
from medsupply.picture.strengths import mg_per_pack, strength_columns
from medsupply.picture.units import factor_of_text, unit_of_text, units_of_text

FIXED_TERM_PERMIT = 11  # TILAKOODI "Määräaikainen erityislupa"
VNR = r"^\d{6}$"


def newest_rows(frame: pl.DataFrame, key: str, prefer: list[pl.Expr]) -> pl.DataFrame:
    """One row per ``key``: of the newest list, else the last that was listed; then by ``prefer``. Adds ``listed``."""
    ranked = frame.with_columns(listed=pl.col("known_to").is_null()).sort(
        [pl.col(key), ~pl.col("listed"), -pl.col("known_to").fill_null(pl.col("known_from")).dt.epoch(), *prefer],
        nulls_last=True,
    )
    return ranked.unique(key, keep="first", maintain_order=True)


def _register(facts: Facts) -> pl.DataFrame:
    """Packages of the register for humans, one row per VNR; a special permit without VNR is ``P`` + PAKKAUSNRO."""
    human = facts.reference["fimea_packages"].filter(
        ~(pl.col("vet").fill_null(False) & ~pl.col("hum").fill_null(False))
    )
    named = human.with_columns(vnr=pl.coalesce("vnrnro", pl.lit("P") + pl.col("pakkausnro")))
    one = newest_rows(
        named, "vnr", [~pl.col("kaupan").fill_null(False), pl.col("pakkausnro").cast(pl.Int64, strict=False)]
    )
    return one.select(
        "vnr",
        "listed",
        "known_from",
        atc="atckoodi",
        product_name="laakenimi",
        strength_text="vahvuus",
        form="laakemuotonimi",
        holder="haltija",
        group="substituutioryhma",
        factor="kerroin",
        size="koko",
        unit="yksikko",
        pack_size="pakkauskoko",
        on_market=pl.col("kaupan").fill_null(False) & pl.col("listed"),
        parallel_import="rinnakkaistuonti",
        left_market_on="kaupastapoispvm",
        former_vnr="edellinen_vnrnro",
        substances="vaikainelkm",
        permit_ends="paattymispvm",
        fixed_term=pl.col("tilakoodi").cast(pl.Int64, strict=False) == FIXED_TERM_PERMIT,
        source=pl.lit("fimea_packages"),
    )


def _substitution(facts: Facts) -> pl.DataFrame:
    one = newest_rows(facts.reference["fimea_substitution"], "vnrnro", [pl.col("substituutioryhma")])
    return one.select(
        "listed",
        "known_from",
        vnr="vnrnro",
        atc="atckoodi",
        product_name="laakenimi",
        strength_text="vahvuus",
        form="laakemuotonimi",
        holder="haltija",
        group="substituutioryhma",
        pack_size="pakkauskoko",
        on_market=pl.col("kaupan").fill_null(False) & pl.col("listed"),
        parallel_import="rinnakkaistuonti",
        source=pl.lit("fimea_substitution"),
    )


def _joined(register: pl.DataFrame, listed: pl.DataFrame) -> pl.DataFrame:
    """Both sources side by side: the register's words first, the substitution list's group and pack size text."""
    both = register.join(listed, on="vnr", how="full", coalesce=True, suffix="_list")
    first = ["atc", "product_name", "strength_text", "form", "holder", "parallel_import", "source"]
    return both.with_columns(
        *(
            pl.coalesce(_filled(name), _filled(f"{name}_list")).alias(name)
            for name in first
            if name != "parallel_import"
        ),
        parallel_import=pl.coalesce("parallel_import", "parallel_import_list"),
        group=pl.coalesce(_filled("group_list"), _filled("group")),
        on_market=pl.col("on_market").fill_null(False) | pl.col("on_market_list").fill_null(False),
        listed=pl.col("listed").fill_null(False) | pl.col("listed_list").fill_null(False),
        known_from=pl.min_horizontal("known_from", "known_from_list"),
        pack_size_register=pl.col("pack_size"),
        pack_size=_filled("pack_size_list"),
    )


def _filled(name: str) -> pl.Expr:
    return pl.when(pl.col(name) != "").then(pl.col(name))


def _with_units(frame: pl.DataFrame) -> pl.DataFrame:
    """factor, units_per_pack, unit, units_source: KERROIN x KOKO of the register, else the list's pack size text."""
    text = pl.col("pack_size")
    by_register = pl.col("factor") * pl.col("size")
    has_register = by_register.is_not_null() & (by_register > 0)
    by_text = units_of_text(text)
    return frame.with_columns(
        factor=pl.when(has_register).then(pl.col("factor")).otherwise(factor_of_text(text)),
        units_per_pack=pl.when(has_register).then(by_register).otherwise(pl.when(by_text > 0).then(by_text)),
        unit=pl.when(has_register)
        .then(pl.coalesce(_filled("unit").str.to_lowercase(), pl.lit("kpl")))
        .otherwise(unit_of_text(text)),
        units_source=pl.when(has_register)
        .then(pl.lit("register"))
        .when(by_text > 0)
        .then(pl.lit("list"))
        .otherwise(pl.lit("not_parsed")),
        pack_size=pl.coalesce("pack_size", "pack_size_register"),
    )


def _aliases(frame: pl.DataFrame) -> pl.DataFrame:
    """Former VNRs that no list names any more: the same package under its old number, not on the market itself."""
    old = frame.filter(pl.col("former_vnr").str.contains(VNR)).with_columns(
        current_vnr=pl.col("vnr"), vnr=pl.col("former_vnr"), on_market=pl.lit(False), is_alias=pl.lit(True)
    )
    old = old.sort("vnr", "current_vnr").unique("vnr", keep="last", maintain_order=True)
    return old.join(frame.select("vnr"), on="vnr", how="anti")


def _map_rows(facts: Facts, as_of: date) -> pl.DataFrame:
    valid = facts.current("package_map").filter(
        (pl.col("valid_from") <= as_of) & (pl.col("valid_to").is_null() | (pl.col("valid_to") >= as_of))
    )
    newest = valid.sort("article", "valid_from").unique("article", keep="last", maintain_order=True)
    return newest.select("article", *(pl.col(name).alias(f"map_{name}") for name in _MAPPED), "known_from")


_MAPPED = ("vnr", "atc", "strength", "form", "factor", "size", "unit", "medicine_id")


def _with_map(frame: pl.DataFrame, mapped: pl.DataFrame) -> pl.DataFrame:
    """Articles of the package map: the package they stand for, overridden by what the map says itself."""
    stands_for = pl.coalesce("map_vnr", "article")
    based = (
        mapped.rename({"known_from": "map_known_from"}).with_columns(vnr=stands_for).join(frame, on="vnr", how="left")
    )
    units = pl.coalesce("map_factor", pl.lit(1.0)) * pl.col("map_size")
    other_article = pl.col("article") != stands_for
    rows = based.with_columns(
        vnr=pl.col("article"),
        current_vnr=pl.coalesce("map_vnr", "article"),
        atc=pl.coalesce("map_atc", "atc"),
        strength_text=pl.coalesce("map_strength", "strength_text"),
        form=pl.coalesce("map_form", "form"),
        factor=pl.when(units.is_not_null()).then(pl.coalesce("map_factor", pl.lit(1.0))).otherwise(pl.col("factor")),
        units_per_pack=pl.coalesce(units, "units_per_pack"),
        unit=pl.coalesce("map_unit", pl.when(units.is_not_null()).then(pl.coalesce("unit", pl.lit("kpl"))), "unit"),
        units_source=pl.when(units.is_not_null())
        .then(pl.lit("map"))
        .otherwise(pl.coalesce("units_source", pl.lit("not_parsed"))),
        on_market=pl.col("on_market").fill_null(False) & ~other_article,
        listed=pl.col("listed").fill_null(True),
        is_alias=other_article,
        permit_article=pl.col("map_vnr").is_null() & ~pl.col("article").str.contains(VNR),
        known_from=pl.coalesce("known_from", "map_known_from"),
        source=pl.lit("package_map"),
    )
    kept = frame.join(rows.select("vnr"), on="vnr", how="anti")
    return pl.concat([kept, rows.select([*frame.columns, "map_medicine_id", "permit_article"])], how="diagonal")


def _unmapped(facts: Facts, known: pl.DataFrame) -> pl.DataFrame:
    """VNRs that only a notice names: a row each, so that the notice is not lost."""
    notices = (
        facts.reference["fimea_shortages"]
        .group_by("vnr")
        .agg(pl.col("known_from").min(), holder=pl.col("yritys").sort_by("known_from").last())
    )
    lone = notices.join(known.select("vnr"), on="vnr", how="anti").sort("vnr")
    return lone.with_columns(
        source=pl.lit("fimea_shortages"),
        units_source=pl.lit("not_parsed"),
        on_market=pl.lit(False),
        listed=pl.lit(False),
    )


def _substance(frame: pl.DataFrame) -> pl.DataFrame:
    """strength, form_class, holder_key and mg_per_pack of each package."""
    strengths = strength_columns(frame["strength_text"])
    several = pl.col("substances").fill_null(1) > 1
    return (
        frame.join(strengths, on="strength_text", how="left", nulls_equal=True, maintain_order="left")
        .with_columns(
            form_class=form_class(pl.col("form")),
            form_key=normalised_form(pl.col("form")),
            holder_key=company_key(pl.col("holder")),
            strength_mg=pl.when(~several).then(pl.col("strength_mg")),
        )
        .with_columns(mg_per_pack=mg_per_pack())
    )


def joined_packages(facts: Facts) -> pl.DataFrame:
    """One row per package known at known_at, sorted by vnr, with units, strength, form class; no medicine yet."""
    frame = _with_units(_joined(_register(facts), _substitution(facts)))
    frame = frame.with_columns(current_vnr=pl.col("vnr"), is_alias=pl.lit(False))
    frame = pl.concat([frame, _aliases(frame).select(frame.columns)])
    frame = _with_map(frame, _map_rows(facts, facts.as_of))
    frame = pl.concat([frame, _unmapped(facts, frame)], how="diagonal").sort("vnr")
    in_force = pl.col("permit_ends").is_null() | (pl.col("permit_ends") >= facts.as_of)
    permit = (pl.col("fixed_term").fill_null(False) & in_force & pl.col("listed")) | pl.col("permit_article").fill_null(
        False
    )
    return _substance(
        frame.with_columns(
            current_vnr=pl.coalesce("current_vnr", "vnr"),
            marketed=pl.col("on_market").fill_null(False),
            parallel_import=pl.col("parallel_import").fill_null(False),
            special_permit=permit,
            is_alias=pl.col("is_alias").fill_null(False),
        )
    )
