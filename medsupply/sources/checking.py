"""Which rows of a delivery are accepted, which wait in quarantine and why, which are exact duplicates.

Every data row ends in exactly one of the three, and its packs with it.
"""

from __future__ import annotations

import operator
from dataclasses import dataclass, field

import polars as pl

from medsupply.sources import values
from medsupply.sources.catalogue import Source
from medsupply.sources.reading import BROKEN, LINE, ORIGINAL, RAGGED, Raw
from medsupply.sources.reasons import REASONS
from medsupply.sources.rules import Known, rules_of
from medsupply.sources.unpacking import LIMITS

PACKS_RAW, REASON, FIELD = "packs_raw", "reason_code", "field"
MAX_FIELD = LIMITS.field_characters


@dataclass(frozen=True)
class Totals:
    """Rows and packs of one group of rows."""

    rows: int
    packs: float


@dataclass(frozen=True)
class Checked:
    """A delivery after the check.

    ``accepted``: ``line`` and the contract's columns, typed, sorted by line. ``quarantined``: ``line``, ``original``,
    ``field``, ``reason_code``, ``what_to_do``, ``packs`` and, where they can be read, ``holder_id``, ``day``, ``vnr``,
    ``county_code``.
    ``duplicates``: ``line`` and ``packs`` of rows that repeat an accepted or a quarantined one exactly.
    """

    accepted: pl.DataFrame
    quarantined: pl.DataFrame
    duplicates: pl.DataFrame
    received: Totals
    taken: Totals
    waiting: Totals
    duplicate: Totals
    warnings: list[str] = field(default_factory=list)


def check(raw: Raw, source: Source, known: Known) -> Checked:
    """Split the rows of ``raw``. ``known`` holds the holders, articles and county codes of the moment."""
    typed = _typed(raw, source)
    judged = typed.with_columns(_first_reason(source, known))
    good = judged.filter(pl.col(REASON).is_null())
    unique, conflicting, again = _without_duplicates(good, source)
    bad = pl.concat([judged.filter(pl.col(REASON).is_not_null()), conflicting], how="diagonal_relaxed")
    return Checked(
        accepted=unique.select(LINE, *source.contract.column_names()).sort(LINE),
        quarantined=_quarantined(bad, source).sort(LINE),
        duplicates=again.select(LINE, pl.col(PACKS_RAW).alias("packs")).sort(LINE),
        received=_totals(judged),
        taken=_totals(unique),
        waiting=_totals(bad),
        duplicate=_totals(again),
        warnings=_warnings(raw, source),
    )


def _totals(rows: pl.DataFrame) -> Totals:
    return Totals(rows.height, float(rows[PACKS_RAW].sum()))


def _typed(raw: Raw, source: Source) -> pl.DataFrame:
    """Text and typed columns side by side: ``<name>`` is typed, ``<name>__text`` the field as it came."""
    frame = raw.frame
    absent = [name for name in source.contract.column_names() if name not in frame.columns]
    frame = frame.with_columns(pl.lit(None, dtype=pl.String).alias(name) for name in absent)
    packs = values.raw_packs("packs") if "packs" in source.contract.column_names() else pl.lit(0.0)
    # The fields of a ragged line stand in columns they may not belong to.
    packs = pl.when(pl.col(RAGGED) | pl.col(BROKEN)).then(0.0).otherwise(packs).alias(PACKS_RAW)
    texts = frame.with_columns(
        packs, *(values.cleaned(name).alias(f"{name}__text") for name in source.contract.column_names())
    )
    return texts.with_columns(_parsed(name, dtype, source) for name, dtype in _dtypes(source).items())


def _dtypes(source: Source) -> dict[str, pl.DataType]:
    return {name: column.dtype for name, column in source.contract.columns().items()}


def _parsed(name: str, dtype: pl.DataType, source: Source) -> pl.Expr:
    text = pl.col(f"{name}__text")
    if dtype == pl.Float64:
        parsed = values.as_number(text)
    elif dtype == pl.Int64:
        parsed = values.as_count(text)
    elif dtype == pl.Date:
        parsed = values.as_day(text)
    elif dtype == pl.Boolean:
        parsed = values.as_flag(text)
    elif isinstance(dtype, pl.Enum):
        allowed = dtype.categories.to_list()
        parsed = pl.when(text.is_in(allowed)).then(text)
    else:
        parsed = text
    # A nil row has no package, the sum over all no code: the empty text, since a key is never null.
    return (parsed.fill_null("") if name in source.may_be_empty and dtype == pl.String else parsed).alias(name)


def _first_reason(source: Source, known: Known) -> list[pl.Expr]:
    """The first rule that a row breaks, as ``reason_code`` and ``field``."""
    reason: pl.Expr = pl.lit(None, dtype=pl.String)
    where: pl.Expr = pl.lit(None, dtype=pl.String)
    for code, name, broken in reversed([*_general(source), *rules_of(source, known)]):
        hit = broken.fill_null(False)
        reason = pl.when(hit).then(pl.lit(code)).otherwise(reason)
        where = pl.when(hit).then(pl.lit(name, dtype=pl.String)).otherwise(where)
    return [reason.alias(REASON), where.alias(FIELD)]


def _general(source: Source) -> list[tuple[str, str | None, pl.Expr]]:
    """Rules that follow from the contract alone: field count, types, bounds, patterns, missing values."""
    found: list[tuple[str, str | None, pl.Expr]] = [
        ("broken_quotes", None, pl.col(BROKEN)),
        ("wrong_number_of_fields", None, pl.col(RAGGED)),
        ("control_character", None, pl.col(ORIGINAL).str.contains(values.CONTROL)),
        ("too_long", None, pl.col(ORIGINAL).str.len_bytes() > MAX_FIELD * 4),
    ]
    for name, column in source.contract.columns().items():
        text, typed = pl.col(f"{name}__text"), pl.col(name)
        found.append((_type_code(column.dtype), name, text.is_not_null() & typed.is_null()))
        if not column.nullable and name not in source.may_be_empty:
            found.append(("missing_value", name, text.is_null()))
        found += [(code, name, broken) for code, broken in _bounds(column, typed)]
    return found


def _type_code(dtype: pl.DataType) -> str:
    if dtype == pl.Date:
        return "not_a_day"
    if dtype.is_numeric():
        return "not_a_number"
    return "not_in_list"


def _bounds(column: object, typed: pl.Expr) -> list[tuple[str, pl.Expr]]:
    found: list[tuple[str, pl.Expr]] = []
    for name, comparison in (("min", operator.lt), ("min_exclusive", operator.le), ("max", operator.gt)):
        limit = getattr(column, name, None)
        if limit is not None:
            found.append(("out_of_bounds", comparison(typed, limit)))
    pattern = getattr(column, "regex", None)
    if pattern:
        # Digits are 0-9; the expression's own class would take those of every script.
        found.append(("malformed", (typed != "") & ~typed.str.contains(pattern.replace(r"\d", "[0-9]"))))
    return found


def _without_duplicates(good: pl.DataFrame, source: Source) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """The rows kept, those that share a key with other values (all of them wait), and exact repetitions."""
    key = list(source.row_key)
    several = good.select(key).is_duplicated()
    if not several.any():
        return good, good.clear(), good.clear()
    alone, shared = good.filter(~several), good.filter(several)
    first = shared.select(pl.struct(source.contract.column_names()).is_first_distinct()).to_series()
    distinct = shared.filter(first)
    clash = distinct.select(key).is_duplicated()
    conflicting = distinct.filter(clash).with_columns(
        pl.lit("conflicting_key").alias(REASON), pl.lit(None, dtype=pl.String).alias(FIELD)
    )
    return pl.concat([alone, distinct.filter(~clash)]), conflicting, shared.filter(~first)


def _quarantined(bad: pl.DataFrame, source: Source) -> pl.DataFrame:
    columns = source.contract.column_names()

    def readable(*names: str) -> pl.Expr:
        found = next((name for name in names if name in columns), None)
        return pl.col(found) if found else pl.lit(None)

    advice = {code: reason.what_to_do for code, reason in REASONS.items()}
    return bad.select(
        LINE,
        _storable(ORIGINAL),
        FIELD,
        REASON,
        pl.col(REASON).replace_strict(advice, return_dtype=pl.String).alias("what_to_do"),
        pl.col(PACKS_RAW).alias("packs"),
        _storable(readable("holder_id", "reporter_id").cast(pl.String)).alias("holder_id"),
        readable("counted_on", "day").cast(pl.Date).alias("day"),
        _storable(readable("vnr").cast(pl.String)).alias("vnr"),
        _storable(readable("county_code", "aluekoodi").cast(pl.String)).alias("county_code"),
    )


def _storable(text: str | pl.Expr) -> pl.Expr:
    """Text that a database takes: no NUL, and no more than a field may hold; the bytes are in the archive."""
    column = pl.col(text) if isinstance(text, str) else text
    return column.str.replace_all("\x00", "\u2400", literal=True).str.slice(0, MAX_FIELD)


def _warnings(raw: Raw, source: Source) -> list[str]:
    taken = set(source.contract.column_names()) | source.published_extra
    extra = [name for name in raw.header if source.aliases.get(name.lower(), name.lower()) not in taken]
    return [f"extra column {name[:60]!r} is not taken" for name in extra[:20]]
