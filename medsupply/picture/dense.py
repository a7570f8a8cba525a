"""Holders x packages as arrays: at full size sums over areas are products of small matrices, in a fixed order."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import polars as pl

Array = np.ndarray[Any, np.dtype[Any]]


class Axis:
    """Ids along one side of an array, in sorted order."""

    def __init__(self, ids: Iterable[str]) -> None:
        self.ids = pl.Series("id", sorted(set(ids)), dtype=pl.String)
        self.enum = pl.Enum(self.ids)

    def __len__(self) -> int:
        return len(self.ids)

    def codes(self, values: pl.Series) -> Array:
        """Positions of ``values``, all of which must be on the axis."""
        return values.cast(self.enum).to_physical().to_numpy().astype(np.int64)

    def found(self, values: pl.Series) -> Array:
        """Positions of enumerated ``values``, -1 for those that are not on the axis."""
        assert isinstance(values.dtype, pl.Enum)
        own = values.dtype.categories.cast(self.enum, strict=False).to_physical().cast(pl.Int64).fill_null(-1)
        if own.is_empty():
            return np.zeros(0, np.int64)
        return np.asarray(own.to_numpy()[values.to_physical().to_numpy()])

    def named(self, codes: Array) -> pl.Series:
        """Positions as enumerated ids."""
        return pl.Series(codes.astype(np.uint32)).cat.to(self.enum)

    def mask(self, values: Iterable[str]) -> Array:
        """Whether each id is among ``values``."""
        return self.ids.is_in(list(values)).to_numpy()


def position(row: pl.Expr, rows: Axis, column: pl.Expr, columns: Axis) -> pl.Expr:
    """Where ids of two axes meet in the flat array; null where one is not on its axis.

    In a lazy query texts become positions while the files are read, side by side.
    """
    code, other = (
        ids.cast(axis.enum, strict=False).to_physical().cast(pl.Int64) for ids, axis in ((row, rows), (column, columns))
    )
    return code * len(columns) + other


def add_up(shape: tuple[int, int], at: Array, values: Array | None = None) -> Array:
    """An array with ``values`` (none: one each) summed at their positions, in the order given."""
    flat = np.bincount(at, weights=values, minlength=shape[0] * shape[1])
    return np.asarray(flat, dtype=np.float64).reshape(shape)


def members(areas: Axis, holders: Axis, pairs: pl.DataFrame, area: str, holder: str) -> Array:
    """1 where a holder belongs to an area: ``areas`` x ``holders`` from the columns of ``pairs``."""
    matrix = np.zeros((len(areas), len(holders)))
    matrix[areas.codes(pairs[area]), holders.codes(pairs[holder])] = 1.0
    return matrix


def long(arrays: dict[str, Array], first: tuple[str, Axis], second: tuple[str, Axis], where: Array) -> pl.DataFrame:
    """Arrays as rows, one for each true cell of ``where``: ids of both axes and a column per array."""
    rows, columns = np.nonzero(where)
    data: dict[str, Any] = {first[0]: first[1].ids.gather(rows), second[0]: second[1].ids.gather(columns)}
    return pl.DataFrame(data | {name: array[rows, columns] for name, array in arrays.items()})
