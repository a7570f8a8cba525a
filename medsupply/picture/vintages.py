"""Substitution groups over the lists known: which packages came, went and moved, from the memberships of the master."""

from __future__ import annotations

from datetime import datetime
from itertools import pairwise

import polars as pl

COUNTS = {
    "groups_before": "groups in the earlier list",
    "groups": "groups in the later list",
    "groups_new": "of them new",
    "groups_gone": "groups gone",
    "groups_same": "groups in both with the same packages",
    "groups_gained": "groups in both that only gained packages",
    "groups_lost": "groups in both that only lost packages",
    "groups_both": "groups in both that gained and lost packages",
    "groups_reused": "numbers of a group that mean another substance now",
    "packages_moved": "packages that stand in another group now",
    "packages_new": "packages that stood in no group before",
    "packages_gone": "packages that stand in no group any more",
}


def members_at(memberships: pl.DataFrame, moment: datetime) -> pl.DataFrame:
    """``vnr``, ``substitution_group`` that the list known at ``moment`` gives."""
    here = (pl.col("known_from") <= moment) & (pl.col("known_to").is_null() | (pl.col("known_to") > moment))
    return memberships.filter(here).select("vnr", "substitution_group")


def vintages(memberships: pl.DataFrame) -> list[datetime]:
    """Moments at which a list changed the groups, in order."""
    moments = pl.concat([memberships["known_from"], memberships["known_to"].drop_nulls()])
    return moments.unique().sort().to_list()


def compared(memberships: pl.DataFrame, before: datetime, after: datetime) -> dict[str, int]:
    """How groups and packages differ between two moments, as ``COUNTS`` names them."""
    old, new = members_at(memberships, before), members_at(memberships, after)
    group = "substitution_group"
    lost = old.join(new, on=["vnr", group], how="anti").group_by(group).agg(lost=pl.len())
    gained = new.join(old, on=["vnr", group], how="anti").group_by(group).agg(gained=pl.len())
    both = old.select(group).unique().join(new.select(group).unique(), on=group)
    turned = both.join(lost, on=group, how="left").join(gained, on=group, how="left").fill_null(0)
    reused = memberships.filter(pl.col("reused") & (pl.col("known_from") == after))[group]
    some, more = pl.col("lost") > 0, pl.col("gained") > 0
    moved = old.join(new, on="vnr").filter(pl.col(group) != pl.col(f"{group}_right"))["vnr"]
    counts = {
        "groups_before": old[group].n_unique(),
        "groups": new[group].n_unique(),
        "groups_new": new[group].n_unique() - both.height,
        "groups_gone": old[group].n_unique() - both.height,
        "packages_moved": moved.n_unique(),
        "packages_new": new.join(old, on="vnr", how="anti")["vnr"].n_unique(),
        "packages_gone": old.join(new, on="vnr", how="anti")["vnr"].n_unique(),
        "groups_reused": reused.n_unique(),
    }
    kinds = {"same": ~some & ~more, "gained": more & ~some, "lost": some & ~more, "both": some & more}
    return counts | {f"groups_{name}": turned.filter(kind).height for name, kind in kinds.items()}


def vintages_page(memberships: pl.DataFrame) -> str:
    """A section on what each list known changed in the groups; nothing but a sentence where there is one list."""
    lines = [
        "## Substitution groups over the lists known",
        "",
        "A group changes members over time. `analyst.memberships` says which package stood in which group from when to"
        " when (`known_from`, `known_to`); a package that left and came back has a row for each stay. A picture takes"
        " the groups of the newest list known at its `known_at`, so that a past picture asked again has those of then.",
    ]
    for before, after in pairwise(vintages(memberships)):
        counts = compared(memberships, before, after)
        lines += ["", f"| from the list of {before:%Y-%m-%d} to that of {after:%Y-%m-%d} | number |", "|---|---|"]
        lines += [f"| {told} | {counts[name]} |" for name, told in COUNTS.items()]
    return "\n".join(lines) + "\n"
