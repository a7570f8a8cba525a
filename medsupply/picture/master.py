"""The medicine master: everything known about packages, medicines and families, joined into one consistent whole."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from medsupply.facts import Facts
from medsupply.picture.critical import critical_lines, criticality, families_without_package
from medsupply.picture.medicines import (
    family_rows,
    in_family_units,
    in_one_unit,
    medicine_rows,
    with_family_id,
    with_medicine_id,
    with_names,
    with_state,
)
from medsupply.picture.packages import joined_packages
from medsupply.tables.picture import MEDICINES, MEMBERSHIPS, PACKAGES


@dataclass(frozen=True)
class Master:
    """``medicines`` and ``packages`` as their tables declare; ``memberships`` of packages in substitution groups."""

    medicines: pl.DataFrame
    packages: pl.DataFrame
    memberships: pl.DataFrame

    @property
    def units(self) -> pl.DataFrame:
        """What a pack counts: vnr, medicine_id, family_id, units_per_pack, family_units_per_pack."""
        return self.packages.select("vnr", "medicine_id", "family_id", "units_per_pack", "family_units_per_pack")


def master(facts: Facts) -> Master:
    """The master as known at ``facts.known_at`` for report day ``facts.as_of``."""
    packages = with_family_id(with_medicine_id(joined_packages(facts)))
    packages = with_state(in_family_units(in_one_unit(packages)))
    stamps = {"as_of": pl.lit(facts.as_of), "known_at": pl.lit(facts.known_at)}
    medicines = _medicines(facts, packages).with_columns(**stamps)
    packages = packages.rename({"strength": "strength_parsed", "strength_text": "strength"}).with_columns(
        **stamps, substitution_group=pl.col("group"), member_from=pl.col("known_from")
    )
    return Master(
        MEDICINES.conform(medicines).sort("medicine_id"),
        PACKAGES.conform(packages).sort("vnr"),
        MEMBERSHIPS.conform(memberships(facts)),
    )


def _medicines(facts: Facts, packages: pl.DataFrame) -> pl.DataFrame:
    medicines, families = medicine_rows(packages), family_rows(packages)
    bare = families_without_package(critical_lines(facts), families).with_columns(
        medicine_id=pl.col("family_id"), grain=pl.lit("family"), state=pl.lit("no_package_known")
    )
    families = pl.concat([families, bare], how="diagonal")
    rows = pl.concat([medicines, families], how="diagonal")
    rows = rows.join(criticality(facts, families, packages), on="family_id", how="left", maintain_order="left")
    counts = ["packages", "marketed_packages", "marketed_holders", "special_permit_articles"]
    return with_names(rows, facts).with_columns(
        pl.col(counts).fill_null(0),
        pl.col("critical_lists", "substitutes").fill_null([]),
        critical=pl.col("critical_class").is_not_null(),
        substitution_group=pl.col("group"),
    )


def memberships(facts: Facts) -> pl.DataFrame:
    """Which VNR stood in which group since when. A group is ``reused`` where neither a package nor an ATC code of the
    rows before is in it now: a group whose substance only got another code is not."""
    rows = facts.reference["fimea_substitution"].filter(pl.col("substituutioryhma").fill_null("") != "")
    key = ["vnrnro", "substituutioryhma"]
    # A package that left a group and came back was away in between: each stay is a row.
    away = pl.col("known_from") > pl.col("known_to").shift().over(key)
    stays = rows.sort(*key, "known_from").with_columns(stay=away.fill_null(False).cum_sum().over(key))
    spans = stays.group_by(vnr="vnrnro", substitution_group="substituutioryhma", stay="stay").agg(
        known_from=pl.col("known_from").min(),
        known_to=pl.when(pl.col("known_to").is_null().any()).then(None).otherwise(pl.col("known_to").max()),
        atc=pl.col("atckoodi").sort_by("known_from").last(),
    )
    now = pl.col("known_to").is_null()
    kept = [
        pl.col(name).filter(now).is_in(pl.col(name).filter(~now).implode()).any() for name in ("atckoodi", "vnrnro")
    ]
    groups = rows.group_by(substitution_group="substituutioryhma").agg(
        reused=now.any() & (~now).any() & ~pl.any_horizontal(*kept)
    )
    joined = spans.join(groups, on="substitution_group", how="left")
    return joined.with_columns(reused=pl.col("reused") & pl.col("known_to").is_null()).sort(
        "vnr", "substitution_group", "known_from"
    )
