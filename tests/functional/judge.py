"""A generator of deliveries that knows by itself what must become of every line. It shares no code with the service.

Rows are written with dirt of their own; each line carries what it needs to be accepted (a holder, an article) or the
reason why it never can be. ``expected`` counts from that alone, for any set of holders and articles known.
"""

from __future__ import annotations

import gzip
import io
import math
import random
from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass, field

import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.parquet as pq  # type: ignore[import-untyped]

Fields = list[str]
DAY = "2026-03-{:02d}"
LETTERS = "ABCDEFGHKLMNPRSTUV"


@dataclass
class Line:
    """One data line: its text, and what it needs. ``reason``: why it never passes; ``key``/``content``: typed."""

    text: str
    fields: Fields | None
    packs: float = 0.0
    reason: str | None = None
    holder: str | None = None
    article: str | None = None
    key: tuple[object, ...] = ()
    content: tuple[object, ...] = ()


@dataclass
class Made:
    """A delivery: its bytes, and its lines by line number (row number of a Parquet file)."""

    source: str
    name: str
    data: bytes
    lines: dict[int, Line]
    physical: int | None
    holders: set[str] = field(default_factory=set)


@dataclass(frozen=True)
class Counts:
    """What ``analyst.deliveries`` must say, and the lines that must wait, with their reasons."""

    rows: tuple[int, int, int, int]
    packs: tuple[float, float, float, float]
    waiting: dict[int, str]
    accepted: frozenset[int]


def expected(made: Made, holders: Collection[str], articles: Collection[str]) -> Counts:
    """The counts of a delivery when these holders and articles are known."""
    waiting: dict[int, str] = {}
    good: dict[int, Line] = {}
    for number, line in made.lines.items():
        reason = line.reason
        if reason is None and line.article is not None and line.article not in articles:
            reason = "unknown_article"
        if reason is None and line.holder is not None and line.holder not in holders:
            reason = "unknown_holder"
        if reason is None:
            good[number] = line
        else:
            waiting[number] = reason
    contents: dict[tuple[object, ...], set[tuple[object, ...]]] = {}
    for line in good.values():
        contents.setdefault(line.key, set()).add(line.content)
    seen: set[tuple[object, ...]] = set()
    accepted, duplicate = [], []
    for number, line in good.items():
        if line.content in seen:
            duplicate.append(number)
            continue
        seen.add(line.content)
        if len(contents[line.key]) > 1:
            waiting[number] = "conflicting_key"
        else:
            accepted.append(number)
    groups = [list(made.lines), accepted, list(waiting), duplicate]
    packs = [math.fsum(made.lines[n].packs for n in group) for group in groups]
    return Counts(
        (len(groups[0]), len(accepted), len(waiting), len(duplicate)),
        (packs[0], packs[1], packs[2], packs[3]),
        dict(sorted(waiting.items())),
        frozenset(accepted),
    )


def value_of(text: str) -> float | None:
    """A plain number, by hand: optional sign, digits, one point or comma, digits."""
    body = text.strip(" \t\u00a0")
    sign = -1.0 if body[:1] == "-" else 1.0
    body = body[1:] if body[:1] in "+-" else body
    whole, _, rest = body.replace(",", ".").partition(".")
    plain = all("0" <= letter <= "9" for letter in whole + rest) and whole != ""
    ended = ("," in body or "." in body) and rest == ""
    return (
        sign * float(f"{whole}.{rest or 0}") if plain and not ended and body.count(",") + body.count(".") < 2 else None
    )


@dataclass(frozen=True)
class Plan:
    """How a source is written. ``good`` gives fields; positions name the columns that the rules look at."""

    columns: tuple[str, ...]
    good: Callable[[Writer, int], Fields]
    key: tuple[int, ...]
    numbers: tuple[int, ...] = ()
    days: tuple[int, ...] = ()
    required: tuple[int, ...] = ()
    packs: int | None = None
    holder: int | None = None
    vnr: int | None = None
    quoting: bool = True
    encoding: str = "utf-8"
    dirt: tuple[tuple[str, Callable[[Fields], Fields]], ...] = ()
    positive: tuple[int, ...] = ()


class Writer:
    """Writes deliveries of one nation, from one seed."""

    def __init__(self, seed: int, plans: dict[str, Plan]) -> None:
        self.seed, self.plans = seed, plans
        self.chance = random.Random(seed)
        self.mark = f"S{seed}"
        self.known = [f"{self.mark}-{letter}" for letter in "ABCD"]
        self.later = [f"{self.mark}-{letter}" for letter in "XY"]
        self.never = [f"{self.mark}-N"]
        self.articles, self.later_articles = [f"ERIT-{seed}"], [f"MYOH-{seed}"]
        self.number = 0

    def pick(self, *values: str) -> str:
        return self.chance.choice(values)

    def amount(self) -> str:
        """A number of packs as senders write it: point or comma, plus sign, spaces around it."""
        whole = self.chance.randrange(2000)
        return self.pick(str(whole), f"{whole},5", f"{whole}.25", f" {whole} ", f"+{whole}", f"{whole}.0")

    def holder(self) -> str:
        return self.chance.choice(self.known * 4 + self.later + self.never)

    def vnr(self) -> str:
        plain = f"{self.chance.randrange(10**6):06d}"
        return self.chance.choice([plain] * 12 + self.articles + self.later_articles)

    def day(self, spread: int = 3) -> str:
        return DAY.format(1 + self.chance.randrange(spread))

    def delivery(self, source: str, rows: int = 40) -> Made:
        """One file of ``source`` with about ``rows`` lines, in an odd wrapping."""
        plan = self.plans[source]
        lines = [line for n in range(rows) for line in self._lines(plan, n)]
        self.chance.shuffle(lines)
        self.number += 1
        name = f"{source}-{self.seed}-{self.number}"
        flat = all(line.fields is not None for line in lines)
        if flat and self.chance.random() < 0.5:
            return self._parquet(source, plan, name, lines)
        return self._csv(source, plan, name, lines)

    def _lines(self, plan: Plan, n: int) -> list[Line]:
        fields = plan.good(self, n)
        kind = self.chance.random()
        good = self._line(plan, fields)
        if kind < 0.70:
            return [good]
        if kind < 0.78:
            return [good] * self.chance.randrange(2, 4)
        if kind < 0.84 and plan.numbers and (plan.vnr is None or fields[plan.vnr]):
            other = list(fields)
            other[plan.numbers[-1]] = str(7000 + n)
            return [good, self._line(plan, other), good]
        return [self._dirty(plan, fields)]

    def _line(self, plan: Plan, fields: Fields, reason: str | None = None) -> Line:
        vnr = fields[plan.vnr].strip() if plan.vnr is not None else ""
        plain = len(vnr) == 6 and vnr.isascii() and vnr.isdigit()
        content = tuple(
            value_of(text) if i in plan.numbers else text.strip(" \t\u00a0") for i, text in enumerate(fields)
        )
        packs = value_of(fields[plan.packs]) if plan.packs is not None else None
        return Line(
            self._written(plan, fields),
            fields,
            packs or 0.0,
            reason,
            fields[plan.holder] if plan.holder is not None else None,
            vnr if vnr and not plain else None,
            tuple(content[i] for i in plan.key),
            content,
        )

    def _written(self, plan: Plan, fields: Fields) -> str:
        if plan.quoting and self.chance.random() < 0.1:
            return ";".join('"' + text.replace('"', '""') + '"' for text in fields)
        return ";".join(fields)

    def _dirty(self, plan: Plan, fields: Fields) -> Line:
        """A line that can never be accepted, and the reason it must wait for."""
        kinds: list[Callable[[Plan, Fields], Line]] = [self._ragged, self._control]
        if plan.quoting:
            kinds.append(self._quotes)
        if plan.numbers:
            kinds += [self._no_number] * 2
        if plan.days:
            kinds += [self._no_day] * 2
        if plan.required:
            kinds.append(self._missing)
        if plan.positive:
            kinds.append(self._negative)
        if plan.dirt:
            kinds += [self._own] * 3
        return self.chance.choice(kinds)(plan, fields)

    def _ragged(self, plan: Plan, fields: Fields) -> Line:
        text = ";".join([*fields, "1"]) if self.chance.random() < 0.5 else ";".join(fields[:-1])
        return Line(text, None, 0.0, "wrong_number_of_fields")

    def _quotes(self, plan: Plan, fields: Fields) -> Line:
        return Line('"' + ";".join(fields), None, 0.0, "broken_quotes")

    def _control(self, plan: Plan, fields: Fields) -> Line:
        text = self.pick("\x00", "\x07", "\x7f")
        fields = [*fields[:-1], fields[-1] + text]
        line = self._line(plan, fields, "control_character")
        line.text, line.fields = ";".join(fields), None
        if plan.packs == len(fields) - 1:
            line.packs = 0.0
        return line

    def _no_number(self, plan: Plan, fields: Fields) -> Line:
        bad = self.pick("1.234,5", "1 234", "1\u2009234", "\u22125", "1e3", "nan", "kpl", "5-", "0x10", "1,2,3", ".5")
        return self._with(plan, fields, self.chance.choice(plan.numbers), bad, "not_a_number")

    def _no_day(self, plan: Plan, fields: Fields) -> Line:
        bad, code = self.chance.choice(
            [("30.2.2026", "not_a_day"), ("2026-02-30", "not_a_day"), ("20260301", "not_a_day"),
             ("2026-3-1", "not_a_day"), ("0202-03-02", "implausible_day"), ("2026-03-01 00:00", "not_a_day")]
        )  # fmt: skip
        return self._with(plan, fields, self.chance.choice(plan.days), bad, code)

    def _missing(self, plan: Plan, fields: Fields) -> Line:
        return self._with(plan, fields, self.chance.choice(plan.required), self.pick("", " "), "missing_value")

    def _negative(self, plan: Plan, fields: Fields) -> Line:
        return self._with(plan, fields, self.chance.choice(plan.positive), "-3,5", "out_of_bounds")

    def _own(self, plan: Plan, fields: Fields) -> Line:
        code, change = self.chance.choice(plan.dirt)
        return self._line(plan, change(list(fields)), code)

    def _with(self, plan: Plan, fields: Fields, place: int, text: str, reason: str) -> Line:
        fields = [text if i == place else one for i, one in enumerate(fields)]
        return self._line(plan, fields, reason)

    def _csv(self, source: str, plan: Plan, name: str, lines: list[Line]) -> Made:
        ending = self.pick("\n", "\n", "\r\n")
        texts = [";".join(self.pick(c, c, c.upper()) for c in plan.columns)]
        numbered: dict[int, Line] = {}
        for line in lines:
            while self.chance.random() < 0.05:
                texts.append(self.pick("", "  "))
            texts.append(line.text)
            numbered[len(texts)] = line
        body = ending.join(texts) + self.pick(ending, "")
        plain = all(ord(letter) < 256 for letter in body)
        data = body.encode(self.pick(plan.encoding, "utf-8") if plain else "utf-8")
        if plan.encoding == "utf-8" and self.chance.random() < 0.3:
            data = b"\xef\xbb\xbf" + data
        if self.chance.random() < 0.3:
            return Made(source, f"{name}.csv.gz", gzip.compress(data, mtime=0), numbered, len(texts))
        return Made(source, f"{name}.csv", data, numbered, len(texts))

    def _parquet(self, source: str, plan: Plan, name: str, lines: list[Line]) -> Made:
        columns = {
            column: [line.fields[i] or None for line in lines if line.fields is not None]
            for i, column in enumerate(plan.columns)
        }
        table = pa.table({name: pa.array(values, pa.string()) for name, values in columns.items()})
        buffer = io.BytesIO()
        pq.write_table(table, buffer, row_group_size=self.chance.choice([7, 1000]))
        return Made(source, f"{name}.parquet", buffer.getvalue(), dict(enumerate(lines, start=1)), None)


def holders_file(writer: Writer, ids: list[str]) -> Made:
    """A list of holders, always good: what the rest of the nation waits for."""
    rows = [f"{one};pharmacy;Apteekki {one};01;2020-01-01" for one in ids]
    lines = {n: Line(row, None) for n, row in enumerate(rows, start=2)}
    for line in lines.values():
        line.key = line.content = (line.text,)
    data = "\n".join(["holder_id;holder_type;name;county_code;valid_from", *rows, ""]).encode()
    return Made("holders", f"holders-{writer.seed}-{len(ids)}.csv", data, lines, len(rows) + 1, set(ids))


def articles_file(writer: Writer, articles: list[str]) -> Made:
    """A package map that names these articles."""
    rows = [f"{one};J01CA04;2026-01-01;Fimea" for one in articles]
    lines = {n: Line(row, None, key=(row,), content=(row,)) for n, row in enumerate(rows, start=2)}
    data = "\n".join(["article;atc;valid_from;author", *rows, ""]).encode()
    return Made("package_map", f"map-{writer.seed}-{len(articles)}.csv", data, lines, len(rows) + 1)


def reasons(counts: Counts) -> Counter[str]:
    return Counter(counts.waiting.values())
