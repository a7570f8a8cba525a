"""Disclosure: what may be shown to whom. Every way out (view, page, export, mail) asks here."""

from __future__ import annotations

from enum import StrEnum

import polars as pl

from medsupply.rules import DisclosureRules, load_rules


class Gate(StrEnum):
    """Kinds of figures that not every role may see."""

    COMPANY = "company"
    OBLIGATION = "obligation"
    STATE_RESERVE = "state_reserve"
    OWN_PUBLIC_HOLDERS = "own_public_holders"


# Dashboard roles (reader, analyst, duty officer, administrator, auditor) and organisations (fimea, stm, nesa, thl, an
# area code). A gate opens where role and organisation both are named; None stands for any.
_GATES: dict[Gate, tuple[frozenset[str] | None, frozenset[str] | None]] = {
    Gate.COMPANY: (frozenset({"analyst", "duty_officer", "administrator"}), frozenset({"fimea", "stm", "nesa", "thl"})),
    Gate.OBLIGATION: (frozenset({"analyst", "duty_officer", "administrator"}), frozenset({"fimea", "stm"})),
    Gate.STATE_RESERVE: (frozenset({"analyst", "duty_officer", "administrator"}), frozenset({"nesa", "stm", "fimea"})),
}
PUBLIC_HOLDERS = frozenset({"hospital_pharmacy", "medicine_centre", "thl"})


def may_see(gate: Gate, role: str, organisation: str, area: str | None = None) -> bool:
    """Whether a user of ``role`` and ``organisation`` passes ``gate``; ``area``: where the public holder stands."""
    if gate is Gate.OWN_PUBLIC_HOLDERS:
        return area is not None and organisation == area
    roles, organisations = _GATES[gate]
    return (roles is None or role in roles) and (organisations is None or organisation in organisations)


def shown_count(value: float | None, county: bool = True, limits: DisclosureRules | None = None) -> float | None:
    """A count of dispensings as it may be shown: nothing under the limit of the rules file, else rounded."""
    limits = limits or load_rules().disclosure
    if value is None or value < (limits.smallest_count_county if county else limits.smallest_count):
        return None
    return float(limits.round_to * round(value / limits.round_to))


def without_companies(stock: pl.DataFrame) -> pl.DataFrame:
    """Daily stock for those who may not see company figures: rows of a single company have no figures (``suppressed``).

    Public holders (hospital pharmacies, medicine centres, THL) are no companies. What the country holds of a package is
    shown to all, so one hidden figure is that sum less the others: where only one is hidden, the smallest other is too.
    """
    figures = ("packs", "units", "reserve_units")
    single = (pl.col("holders") < 2) & ~pl.col("holder_type").is_in(list(PUBLIC_HOLDERS)) & (pl.col("packs") > 0)
    marked = stock.with_columns(single=single.fill_null(False))
    package = ["day", "vnr"]
    other = ~pl.col("single") & (pl.col("packs") > 0)
    least = pl.col("packs").filter(other).min().over(package)
    first = pl.int_range(pl.len()).filter(other & (pl.col("packs") == least)).first().over(package)
    second = (pl.col("single").sum().over(package) == 1) & (pl.int_range(pl.len()).over(package) == first)
    hidden = pl.col("single") | second.fill_null(False)
    return marked.with_columns(
        *(pl.when(~hidden).then(pl.col(name)).alias(name) for name in figures), suppressed=hidden
    ).drop("single")
