"""Critical families: on the national list, else on the EU Union list, or under obligatory storage."""

from __future__ import annotations

import polars as pl

from medsupply.facts import Facts
from medsupply.picture.forms import FORM_CLASSES, classes_of_routes
from medsupply.picture.medicines import family_key

LINE = ("list", "atc5", "route")
_ORAL = frozenset({"oral solid", "oral liquid"})


def critical_lines(facts: Facts) -> pl.DataFrame:
    """Lines of the critical lists: list, atc5, n, route, class, season, and ``form_class`` (each class it fits)."""
    lines = facts.current("critical_list").with_columns(list=pl.col("list").cast(pl.String).fill_null("eu"))
    lines = lines.select("list", "atc5", "n", "route", "class", "season_from", "season_to").unique(
        ["list", "atc5", "route"], keep="first", maintain_order=True
    )
    routes = lines["route"].unique().to_list()
    classes = pl.DataFrame(
        {"route": routes, "form_class": [[c for c in FORM_CLASSES if c in classes_of_routes(r)] for r in routes]},
        schema={"route": pl.String, "form_class": pl.List(pl.String)},
    )
    return lines.join(classes, on="route", how="left", nulls_equal=True, maintain_order="left").explode("form_class")


def line_families(lines: pl.DataFrame, families: pl.DataFrame) -> pl.DataFrame:
    """Line x family that it names: same ATC code, and the route fits the form class (an unknown class fits)."""
    known = families.select("family_id", atc5="atc", family_class="form_class")
    pairs = lines.join(known, on="atc5")
    fits = pl.col("family_class").is_null() | (pl.col("family_class") == pl.col("form_class"))
    return pairs.filter(fits).unique([*LINE, "family_id"], maintain_order=True)


def families_without_package(lines: pl.DataFrame, families: pl.DataFrame) -> pl.DataFrame:
    """A family row (``no_package_known``) for what a list line names and no package is known of.

    A line for several routes gets one for its oral and one for its parenteral side where that side has no package,
    and at least one row in all. Where exactly one form class fits, the row has it; else its class is unknown.
    """
    fitting = pl.when(pl.col("form_class").is_in(list(_ORAL))).then(pl.lit("oral")).otherwise(pl.col("form_class"))
    sides = lines.with_columns(side=fitting)
    covered = line_families(sides, families).select(*LINE, "side").unique()
    any_covered = covered.select(*LINE).unique()
    open_sides = sides.join(covered, on=[*LINE, "side"], how="anti", nulls_equal=True)
    unknown_route = pl.col("form_class").n_unique() == len(FORM_CLASSES)
    first_side = pl.col("side").sort_by(pl.col("side") != "parenteral").first()
    key = list(LINE)
    whole = open_sides.join(any_covered, on=key, how="anti", nulls_equal=True).group_by(key)
    whole_rows = whole.agg(side=pl.when(unknown_route).then(pl.lit(None)).otherwise(first_side))
    named = sides.filter((pl.len() < len(FORM_CLASSES)).over(key))
    partly = open_sides.join(any_covered, on=key, how="semi", nulls_equal=True).join(
        named.select(key).unique(), on=key, how="semi", nulls_equal=True
    )
    partly_rows = partly.filter(pl.col("side").is_in(["oral", "parenteral"]))
    wanted = pl.concat([whole_rows.select(*LINE, "side"), partly_rows.select(*LINE, "side")]).unique()
    one_class = pl.when(pl.col("side") != "oral").then(pl.col("side"))
    rows = (
        wanted.select(atc="atc5", form_class=one_class)
        .unique()
        .with_columns(family_id=family_key(pl.col("atc"), pl.col("form_class")))
    )
    return rows.join(families.select("family_id"), on="family_id", how="anti").sort("family_id")


def stored_families(facts: Facts, packages: pl.DataFrame) -> pl.Series:
    """Families of packages that an obligation of the year of as_of names."""
    vnrs = facts.current("obligations").filter(pl.col("year") == facts.as_of.year).select("vnr").unique()
    return packages.join(vnrs, on="vnr", how="semi")["family_id"].drop_nulls().unique().sort()


def criticality(facts: Facts, families: pl.DataFrame, packages: pl.DataFrame) -> pl.DataFrame:
    """``family_id``, critical_class, critical_lists, season_from, season_to of the critical families.

    Class: the national list's; else 1 where the family is on the EU list and stored, 2 where it is one of them.
    """
    pairs = line_families(critical_lines(facts), families)
    stored = pl.DataFrame({"family_id": stored_families(facts, packages)}, schema={"family_id": pl.String})
    stored = stored.with_columns(list=pl.lit("storage"))
    wide = ["family_id", "list", "class", "season_from", "season_to"]
    listed = pl.concat([pairs.select(wide), stored], how="diagonal")
    national = pl.col("list") == "national"
    both = (pl.col("list") == "eu").any() & (pl.col("list") == "storage").any()
    rows = listed.group_by("family_id").agg(
        national_class=pl.col("class").filter(national).min(),
        other_class=pl.when(both).then(1).otherwise(2),
        critical_lists=pl.col("list").unique().sort(),
        season_from=pl.col("season_from").drop_nulls().sort().first(),
        season_to=pl.col("season_to").drop_nulls().sort().first(),
    )
    return rows.with_columns(critical_class=pl.coalesce("national_class", "other_class").cast(pl.Int64)).sort(
        "family_id"
    )
