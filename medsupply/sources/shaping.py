"""Published files in the service's codes: what is special about a source once its fields are text."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import polars as pl

from medsupply.sources.catalogue import Source
from medsupply.sources.reading import Raw


def shaped(raw: Raw, source: Source) -> Raw:
    """``raw`` with the source's own codes brought into the contract's form; rows stay rows."""
    shape = SHAPES.get(source.name)
    return replace(raw, frame=shape(raw.frame)) if shape else raw


def _kela(frame: pl.DataFrame) -> pl.DataFrame:
    """County codes of two digits; level 0 has no ATC code; a missing value is written NA in the CSV."""
    cleaned = frame.with_columns(
        pl.when(pl.col(name) != "NA").then(pl.col(name))
        for name in ("var_kustannus", "var_n_ostot", "var_n_henkilot", "atc_koodi")
    )
    area = pl.col("aluekoodi").str.strip_chars().str.strip_suffix(".0")
    # An area that is not named stays so: filled with zeros it would look like a code.
    return cleaned.with_columns(pl.when(area != "").then(area.str.zfill(2)).alias("aluekoodi"))


def _critical(frame: pl.DataFrame) -> pl.DataFrame:
    """A list that does not say which it is, is the EU's."""
    if "list" not in frame.columns:
        return frame.with_columns(pl.lit("eu").alias("list"))
    return frame.with_columns(
        pl.when(pl.col("list").fill_null("").str.strip_chars() == "").then(pl.lit("eu")).otherwise("list").alias("list")
    )


SHAPES: dict[str, Callable[[pl.DataFrame], pl.DataFrame]] = {"kela_purchases": _kela, "critical_list": _critical}
