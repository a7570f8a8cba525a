"""Seeded mutations of valid deliveries of every source: bytes, fields, lines, gzip, columns of Parquet."""

from __future__ import annotations

import gzip
import io
import random
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

import polars as pl
from judge import Made, Writer
from judge_plans import PLANS

ODD = (
    "", " ", "NaN", "inf", "-inf", "1e308", "9" * 400, "-0", "00", "0202-01-01", "9999-12-31", "2026-02-30",
    "12.5.2026", "\u2028", "'", '"', '""', 'a"b', "\x00", "\x1a", "\ufeff", "\u202e", "\u0661\u0662", "\U0001f480", "+",
    "-", ".", ",", "1.234,5", "1\u00a0000", "\u22125", "=1+1", "'); drop table x;--", "NULL", "None", "true",
    "\t", "x" * 20_000, ";", "131052-3088", "2026-03-02T00:00:00Z", "-1", "1e-400", "0x1F", "\r", "\n", "9" * 20,
    "ERIT", "012345",
)  # fmt: skip
TOKENS = (
    *(token.encode("utf-8", "surrogatepass") for token in ODD),
    b"\xff\xfe", b"\xef\xbb\xbf", b"\xed\xa0\x80", b"\xc3", b"\xe4", b"PAR1", b"\x1f\x8b", b"\r\n", b"\r", b"<html>",
)  # fmt: skip
Mutation = Callable[[random.Random, bytes], bytes]


def mutant(seed: int) -> tuple[str, bytes]:
    """The source and bytes of the mutant of this number."""
    chance = random.Random(seed)
    source = chance.choice(sorted(PLANS))
    made = Writer(chance.randrange(10**6), PLANS).delivery(source, chance.choice([1, 3, 10, 30]))
    if made.physical is None:
        return source, _parquet(chance, made)
    packed = made.name.endswith(".gz")
    data = gzip.decompress(made.data) if packed else made.data
    for _ in range(chance.choice([1, 1, 2, 5])):
        data = chance.choice(TEXT)(chance, data)
    if packed or chance.random() < 0.1:
        data = gzip.compress(data, mtime=0)
        if chance.random() < 0.3:
            data = chance.choice(BYTES)(chance, data)
    return source, data


def _place(chance: random.Random, data: bytes) -> tuple[int, int]:
    start = chance.randrange(len(data) + 1)
    return start, min(len(data), start + int(chance.paretovariate(0.5)))


def _flip(chance: random.Random, data: bytes) -> bytes:
    changed = bytearray(data)
    for _ in range(chance.choice([1, 1, 4, 16])):
        if changed:
            changed[chance.randrange(len(changed))] ^= 1 << chance.randrange(8)
    return bytes(changed)


def _cut(chance: random.Random, data: bytes) -> bytes:
    start, end = _place(chance, data)
    return data[:start] + data[end:]


def _twice(chance: random.Random, data: bytes) -> bytes:
    start, end = _place(chance, data)
    return data[:end] + data[start:]


def _short(chance: random.Random, data: bytes) -> bytes:
    return data[: chance.randrange(len(data) + 1)]


def _insert(chance: random.Random, data: bytes) -> bytes:
    start, _ = _place(chance, data)
    noise = bytes(chance.randrange(256) for _ in range(chance.randrange(1, 9)))
    return data[:start] + chance.choice([*TOKENS, noise]) + data[start:]


def _field(chance: random.Random, data: bytes) -> bytes:
    lines = data.split(b"\n")
    number = chance.randrange(len(lines))
    fields = lines[number].split(b";")
    fields[chance.randrange(len(fields))] = chance.choice(TOKENS)
    lines[number] = b";".join(fields)
    return b"\n".join(lines)


def _lines(chance: random.Random, data: bytes) -> bytes:
    lines = data.split(b"\n")
    number, other = chance.randrange(len(lines)), chance.randrange(len(lines))
    kind = chance.randrange(4)
    if kind == 0:
        lines.insert(other, lines[number])
    elif kind == 1:
        lines[number], lines[other] = lines[other], lines[number]
    elif kind == 2:
        del lines[number]
    else:
        chance.shuffle(lines)
    return chance.choice([b"\n", b"\n", b"\r\n", b"\r", b"\n\n"]).join(lines)


def _columns(chance: random.Random, data: bytes) -> bytes:
    rows = [line.split(b";") for line in data.split(b"\n")]
    width = len(rows[0])
    order = chance.sample(range(width), chance.choice([width, width, max(1, width - 1)]))
    if chance.random() < 0.3:
        order.append(chance.randrange(width))
    return b"\n".join(b";".join(row[i] for i in order if i < len(row)) for row in rows)


def _encoded(chance: random.Random, data: bytes) -> bytes:
    text = data.decode("utf-8", "replace")
    return text.encode(chance.choice(["utf-16", "utf-16-le", "utf-32", "latin-1", "cp1252", "utf-8-sig"]), "replace")


BYTES: tuple[Mutation, ...] = (_flip, _cut, _twice, _short, _insert)
TEXT: tuple[Mutation, ...] = (*BYTES, _field, _field, _field, _field, _lines, _lines, _columns, _encoded)

TYPES: tuple[Callable[[int], pl.Series], ...] = (
    lambda n: pl.Series([None] * n, dtype=pl.Null),
    lambda n: pl.Series(range(n), dtype=pl.Int8),
    lambda n: pl.Series([2**64 - 1] * n, dtype=pl.UInt64),
    lambda n: pl.Series([float("nan"), float("inf"), -0.0, 1e308] * n, dtype=pl.Float64)[:n],
    lambda n: pl.Series([1.5] * n, dtype=pl.Float32),
    lambda n: pl.Series([True, None] * n)[:n],
    lambda n: pl.Series([date(2026, 3, 2)] * n),
    lambda n: pl.Series([datetime(2026, 3, 2, 12, tzinfo=UTC)] * n),
    lambda n: pl.Series([time(1)] * n),
    lambda n: pl.Series([timedelta(days=1)] * n),
    lambda n: pl.Series([Decimal("1.25")] * n),
    lambda n: pl.Series(["a", "ä"] * n, dtype=pl.Categorical)[:n],
    lambda n: pl.Series([b"\xff\x00"] * n),
    lambda n: pl.Series([["a"], []] * n)[:n],
    lambda n: pl.Series([{"a": 1}] * n),
    lambda n: pl.Series([*ODD] * n)[:n],
)


def _parquet(chance: random.Random, made: Made) -> bytes:
    frame = pl.read_parquet(io.BytesIO(made.data))
    for _ in range(chance.choice([0, 1, 2])):
        name = chance.choice(frame.columns)
        frame = frame.with_columns(chance.choice(TYPES)(frame.height).alias(name))
    if chance.random() < 0.2:
        frame = frame.select(chance.sample(frame.columns, max(1, frame.width - chance.randrange(3))))
    buffer = io.BytesIO()
    squeezed = chance.choice(["zstd", "snappy", "uncompressed", "gzip", "lz4"])
    frame.write_parquet(buffer, compression=squeezed)  # type: ignore[arg-type]
    data = buffer.getvalue()
    return chance.choice(BYTES)(chance, data) if chance.random() < 0.4 else data
