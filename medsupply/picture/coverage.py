"""Coverage of the critical lists: which line has a marketed package, and why the others have none."""

from __future__ import annotations

import polars as pl

from medsupply.facts import Facts
from medsupply.picture.critical import LINE, critical_lines, line_families
from medsupply.picture.master import Master

WHY = {
    "marketed": "A package of the substance in a form that fits is on the market",
    "not_marketed": "Packages of a form that fits are known, none is on the market",
    "special_permit": "Only special permits are known of a form that fits; the register copy known holds no others",
    "other_form": "The substance is marketed, in forms that the route does not fit",
    "other_form_not_marketed": "The substance is known, in forms that the route does not fit, none on the market",
    "substance_unknown": "No list known has a package of the ATC code",
}


def coverage(facts: Facts, master: Master) -> pl.DataFrame:
    """One row per line of the critical lists: ``list``, ``atc5``, ``n``, ``route``, ``marketed_packages``, ``why``."""
    known = master.medicines.filter((pl.col("grain") == "family") & (pl.col("state") != "no_package_known"))
    lines = critical_lines(facts)
    fitting = line_families(lines, known.select("family_id", "atc", "form_class"))
    figures = known.select("family_id", "marketed_packages", "state")
    by_line = (
        fitting.join(figures, on="family_id")
        .group_by(*LINE)
        .agg(pl.col("marketed_packages").sum(), permits=(pl.col("state") == "special_permit").all())
    )
    by_atc = known.group_by(atc5="atc").agg(of_atc=pl.col("marketed_packages").sum())
    heads = lines.select(*LINE, "n").unique(list(LINE), keep="first", maintain_order=True)
    joined = heads.join(by_line, on=list(LINE), how="left", nulls_equal=True).join(by_atc, on="atc5", how="left")
    why = (
        pl.when(pl.col("marketed_packages") > 0)
        .then(pl.lit("marketed"))
        .when(pl.col("permits").fill_null(False))
        .then(pl.lit("special_permit"))
        .when(pl.col("marketed_packages").is_not_null())
        .then(pl.lit("not_marketed"))
        .when(pl.col("of_atc") > 0)
        .then(pl.lit("other_form"))
        .when(pl.col("of_atc").is_not_null())
        .then(pl.lit("other_form_not_marketed"))
        .otherwise(pl.lit("substance_unknown"))
    )
    return joined.select(*LINE, "n", pl.col("marketed_packages").fill_null(0), why=why).sort("list", "atc5", "route")


def unparsed_sizes(master: Master) -> pl.DataFrame:
    """Pack size texts that are not parsed or stand in another unit: ``pack_size``, ``why``, ``packages``."""
    rows = master.packages.filter(
        pl.col("units_source").is_in(["not_parsed", "other_unit"]) & (pl.col("state") != "unmapped")
    )
    counted = rows.group_by("pack_size", why="units_source").agg(packages=pl.len().cast(pl.Int64))
    return counted.sort("packages", "pack_size", "why", descending=[True, False, False], nulls_last=True)


def coverage_page(facts: Facts, master: Master) -> str:
    """What the lists known cover, as a page: counts by reason, each line without a marketed package, unparsed sizes."""
    rows = coverage(facts, master)
    counts = (
        rows.group_by("list", "why").agg(lines=pl.len()).sort("list", "lines", "why", descending=[False, True, False])
    )
    parts = [
        "# Coverage of the critical lists",
        "",
        f"As known on {facts.known_at:%Y-%m-%d} for report day {facts.as_of}, from the files that were loaded. "
        f"{rows.height} lines, {rows.filter(pl.col('why') == 'marketed').height} with a marketed package.",
        "",
        "| list | lines | why |",
        "|---|---|---|",
        *(f"| {name} | {lines} | {WHY[why]} (`{why}`) |" for name, why, lines in counts.rows()),
        "",
        "## Lines without a marketed package",
        "",
        "| list | ATC | substance | route | why |",
        "|---|---|---|---|---|",
        *(
            f"| {one['list']} | {one['atc5']} | {one['n']} | {one['route'] or ''} | {one['why']} |"
            for one in rows.filter(pl.col("why") != "marketed").to_dicts()
        ),
        "",
        "## Pack sizes without units",
        "",
        "Their packages keep packs but have no units.",
        "",
        "| pack size | why | packages |",
        "|---|---|---|",
        *(f"| {size or ''} | {why} | {packages} |" for size, why, packages in unparsed_sizes(master).rows()),
    ]
    return "\n".join(parts) + "\n"
