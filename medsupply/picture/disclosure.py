"""Disclosure: what may be shown to whom. Every way out (view, page, export, mail) asks here."""

from __future__ import annotations

from enum import StrEnum

import polars as pl


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
# Of a sum of which one holder has this share or more, the others' part tells that holder's within a fifth.
DOMINANT_SHARE = 0.8
PUBLIC_HOLDERS = frozenset({"hospital_pharmacy", "medicine_centre", "thl"})


def may_see(gate: Gate, role: str, organisation: str, area: str | None = None) -> bool:
    """Whether a user of ``role`` and ``organisation`` passes ``gate``; ``area``: where the public holder stands."""
    if gate is Gate.OWN_PUBLIC_HOLDERS:
        return area is not None and organisation == area
    roles, organisations = _GATES[gate]
    return (roles is None or role in roles) and (organisations is None or organisation in organisations)


def leaving(view: str, frame: pl.DataFrame) -> pl.DataFrame:
    """Rows of an ``analyst`` view for those who may not see figures of a single company.

    Of deliveries, quarantine and corrections the amounts go: a file and a row have one sender, and what one late site
    added to a sum is its figure. Daily stock and dispensing keep what no company can be read from.
    """
    if view == "stock_daily":
        return without_companies(frame)
    if view == "dispensing_daily":
        return _without_sellers(frame)
    return frame.drop(_AMOUNTS_OF_ONE.get(view, ()), strict=False)


_AMOUNTS_OF_ONE = {
    "deliveries": tuple(f"packs_{group}" for group in ("received", "accepted", "quarantined", "duplicate")),
    "quarantine": ("original", "vnr", "packs"),
    "corrections": ("stock_change_units", "demand_change_units"),
}


def _without_sellers(dispensing: pl.DataFrame) -> pl.DataFrame:
    """Daily dispensing without the amounts of single reporters of the community channel: a pharmacy is a company."""
    single = (pl.col("channel") == "community") & (pl.col("reporters") < 2)
    amounts = ("packs", "units", "dispensings")
    hidden = single.fill_null(True)
    return dispensing.with_columns(
        *(pl.when(~hidden).then(pl.col(name)).alias(name) for name in amounts),
        suppressed=pl.col("suppressed") | hidden,
    )


def without_companies(stock: pl.DataFrame) -> pl.DataFrame:
    """Daily stock for those who may not see company figures: hidden rows (``suppressed``) have no figures and no state.

    A row is of a company where it is the only one behind it, or where ``largest_share`` of its packs, 0.8 or more, is
    one company's. Zero is a figure as any other. Public holders (hospital pharmacies, medicine centres, THL) are no
    companies. The sums of a county and of the country are shown to all, so that a sum less the rows shown is the sum of
    the hidden ones: the largest others, which are the fewest, are hidden too, until no company has 0.8 of it. Where all
    are not enough the sum itself is nearly the company's: every row in it is hidden, zeros too.
    """
    figures = ("packs", "units", "reserve_units")
    of_one = (pl.col("holders") < 2) | (pl.col("largest_share") >= DOMINANT_SHARE).fill_null(False)
    single = of_one & ~pl.col("holder_type").is_in(list(PUBLIC_HOLDERS))
    sums = (["day", "vnr"], ["day", "vnr", "county_code"])
    beside = [_beside(figure, among).fill_null(False) for figure in ("packs", "units") for among in sums]
    kept = stock.with_columns(single=single & pl.col("packs").is_not_null())
    kept = kept.with_columns(suppressed=pl.any_horizontal("single", *beside) & pl.col("packs").is_not_null())
    hidden = [pl.when(~pl.col("suppressed")).then(pl.col(name)).alias(name) for name in (*figures, "state")]
    return kept.with_columns(hidden).drop("single", "largest_share")


def _beside(figure: str, among: list[str]) -> pl.Expr:
    """Which rows of a sum are hidden with its ``single`` ones: the largest first, all where that is not enough."""
    of_one = pl.when(pl.col("single")).then(pl.col(figure))
    others = pl.when(~pl.col("single")).then(pl.col(figure)).fill_null(0.0)
    wanting = (of_one.max() / DOMINANT_SHARE - of_one.sum()).over(among)
    row = [figure, "county_code", "holder_type", "state"]
    before = (others.cum_sum() - others).over(among, order_by=row, descending=True)
    enough = others.sum().over(among) > wanting
    return (wanting >= 0) & (before <= wanting) & ((others > 0) | ~enough)
