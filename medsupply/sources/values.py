"""Text becomes numbers, days and flags, strictly: what does not fit is null and its reason is named."""

from __future__ import annotations

import polars as pl

NUMBER = r"^[+-]?[0-9]{1,15}([.,][0-9]{1,20})?$"
DAY = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"
CONTROL = r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufeff\ufffd\r]"


def cleaned(name: str) -> pl.Expr:
    """The field without spaces around it; empty is null."""
    stripped = pl.col(name).str.strip_chars(" \t\u00a0\n")
    return pl.when(stripped == "").then(None).otherwise(stripped)


def as_number(text: pl.Expr) -> pl.Expr:
    """A plain number with decimal point or comma; thousands separators and exponents are none."""
    return (
        pl.when(text.str.contains(NUMBER)).then(text.str.replace(",", ".", literal=True)).cast(pl.Float64, strict=False)
    )


def as_count(text: pl.Expr) -> pl.Expr:
    """A whole number; ``2022.0`` is one."""
    number = as_number(text)
    return pl.when(number == number.round(0)).then(number).cast(pl.Int64, strict=False)


def as_day(text: pl.Expr) -> pl.Expr:
    """An ISO day that exists."""
    return pl.when(text.str.contains(DAY)).then(text).str.to_date("%Y-%m-%d", strict=False)


def as_flag(text: pl.Expr) -> pl.Expr:
    """1 or 0."""
    return (
        pl.when(text.str.to_lowercase().is_in(["1", "true"]))
        .then(True)
        .when(text.str.to_lowercase().is_in(["0", "false"]))
        .then(False)
    )


def raw_packs(name: str) -> pl.Expr:
    """Packs in the raw text, for the control total: a text that is no number counts 0."""
    return as_number(cleaned(name)).fill_null(0.0)
