"""Units in a pack: KERROIN x KOKO of the register, else the pack size text of the substitution list."""

from __future__ import annotations

import polars as pl

_N = r"\d+(?:[.,]\d+)?"
_UNIT = r"(?:\s*(?:ml|g|mg|kpl))?"
_REST = r"(?:\s*\([^()]*(?:\([^()]*\)[^()]*)*\))?"
# N, N ml, N (...), N (...) ml, N ml (...)
_PLAIN = rf"^\s*({_N}){_UNIT}{_REST}{_UNIT}\s*$"
# A x B, A x B ml
_TIMES = rf"^\s*(\d+)\s*[xX]\s*({_N}){_UNIT}\s*$"
_WRITTEN_UNIT = r"\d\s*(ml|g|mg|kpl)\b"
_LAST_UNIT = r"\)\s*(ml|g|mg|kpl)\s*$"


def _number(text: pl.Expr) -> pl.Expr:
    return text.str.replace(",", ".", literal=True).cast(pl.Float64)


def _times(text: pl.Expr) -> pl.Expr:
    return _number(text.str.extract(_TIMES, 1)) * _number(text.str.extract(_TIMES, 2))


def units_of_text(text: pl.Expr) -> pl.Expr:
    """Units of a pack size text: ``28`` 28, ``100 (2 x 50)`` 100, ``80 ml`` 80, ``4 x 7.5 mg`` 30; else null."""
    return pl.coalesce(_number(text.str.extract(_PLAIN, 1)), _times(text))


def factor_of_text(text: pl.Expr) -> pl.Expr:
    """Inner packs of a pack size text: A of ``A x B``, 1 of a plain number; null where it is not parsed."""
    plain = pl.when(text.str.contains(_PLAIN)).then(pl.lit(1.0))
    return pl.coalesce(_number(text.str.extract(_TIMES, 1)), plain)


def unit_of_text(text: pl.Expr) -> pl.Expr:
    """Unit written in a pack size text, ``kpl`` (pieces) where none is; null where the text is not parsed."""
    outside = text.str.replace(r"\(.*\)", "")
    written = pl.coalesce(outside.str.extract(_WRITTEN_UNIT, 1), text.str.extract(_LAST_UNIT, 1), pl.lit("kpl"))
    return pl.when(units_of_text(text).is_not_null()).then(written)
