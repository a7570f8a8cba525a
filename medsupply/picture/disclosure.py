"""Disclosure: what may be shown to whom. Every way out (view, page, export, mail) asks here."""

from __future__ import annotations

from enum import StrEnum

import polars as pl

from medsupply.picture.reasons import RESTRICTED_REASONS, Reason
from medsupply.tables.picture import DISCLOSURE_K, DISCLOSURE_K_COUNTY

ROUND_TO = 5


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


def shown_count(value: float | None, county: bool = True) -> float | None:
    """A count of dispensings as it may be shown: nothing under k, else rounded to 5."""
    k = DISCLOSURE_K_COUNTY if county else DISCLOSURE_K
    if value is None or value < k:
        return None
    return float(ROUND_TO * round(value / ROUND_TO))


def shown_counts(value: pl.Expr, county: pl.Expr) -> pl.Expr:
    """:func:`shown_count` of a column; ``county``: whether the row is a county's."""
    k = pl.when(county).then(DISCLOSURE_K_COUNTY).otherwise(DISCLOSURE_K)
    return pl.when(value >= k).then(ROUND_TO * (value / ROUND_TO).round())


def shown_reasons(reasons: pl.Expr, sees_obligations: bool) -> pl.Expr:
    """Reasons of a row with those that only Fimea and STM may see replaced by a neutral code."""
    if sees_obligations:
        return reasons
    hidden = {str(code): str(Reason.RESTRICTED) for code in sorted(RESTRICTED_REASONS)}
    return reasons.list.eval(pl.element().replace(hidden))


def without_companies(stock: pl.DataFrame) -> pl.DataFrame:
    """Daily stock for a role that may not see company figures: rows of a single company have no figures.

    Public holders (hospital pharmacies, medicine centres, THL) are no companies.
    """
    single = (pl.col("holders") < 2) & ~pl.col("holder_type").is_in(list(PUBLIC_HOLDERS))
    return stock.with_columns(
        *(pl.when(~single).then(pl.col(name)).alias(name) for name in ("packs", "units", "reserve_units")),
        suppressed=single,
    )
