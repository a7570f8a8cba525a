"""Twelve significant digits: sums of floats differ in the last bits with the order of the rows, figures must not."""

from __future__ import annotations

import polars as pl
import polars.selectors as cs

SIGNIFICANT_DIGITS = 12


def rounded(frame: pl.DataFrame) -> pl.DataFrame:
    """``frame`` with every float at twelve significant digits."""
    return frame.with_columns(cs.float().round_sig_figs(SIGNIFICANT_DIGITS))
