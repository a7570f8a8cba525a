"""The data dictionary in Markdown: every view, table and input contract with its columns, from their declarations."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

import dataframely as dy
import polars as pl

from medsupply.tables.base import Table, View
from medsupply.tables.catalogue import TABLES, VIEWS
from medsupply.tables.deliveries import CONTRACTS, Contract

SCHEMAS = {
    "core": "Reference lists and facts, with known_from and known_to",
    "picture": "What *measure* and *judge* write per report day",
    "forecast": "Demand forecasts, run-out probabilities and their scores",
    "alerts": "Alerts, their events, mails and subscriptions",
    "ops": "Deliveries, quarantine, runs and audit",
}
TYPES: Mapping[type[pl.DataType], str] = {
    pl.String: "text",
    pl.Enum: "text",
    pl.Float64: "number",
    pl.Int64: "whole number",
    pl.Int32: "whole number",
    pl.Date: "day",
    pl.Datetime: "moment, UTC",
    pl.Boolean: "true or false",
}
# What the select list of a query is made of: texts, brackets, commas, the words that begin and end it.
_TOKENS = re.compile(r"'(?:[^']|'')*'|\"[^\"]*\"|[(),]|\b\w+\b|\S", re.DOTALL)


def dictionary() -> str:
    """All analyst views, then all tables by schema, as Markdown."""
    return "\n".join([*_views(VIEWS), *_tables(TABLES)]).rstrip() + "\n"


def contracts() -> str:
    """The input contracts: per source the columns of its files, as Markdown."""
    lines = ["# Input contracts", "", "Key columns are marked. Optional columns may be absent from a file.", ""]
    for source, contract in CONTRACTS.items():
        lines += [f"## {source}", "", *_grid(_contract_rows(contract)), ""]
    return "\n".join(lines).rstrip() + "\n"


def contract_page(source: str) -> list[str]:
    """The columns of one contract, as lines of Markdown."""
    return list(_grid(_contract_rows(CONTRACTS[source])))


def _views(views: Iterable[View]) -> Iterator[str]:
    yield from ("# Data dictionary", "", "## Views for analysts", "")
    yield from ("Schema `analyst`. Names and meaning of these views are a contract; columns may be added.", "")
    for view in sorted(views, key=lambda view: view.name):
        yield from (f"### analyst.{view.name}", "", f"{view.description}.", "", *_grid(_view_rows(view)), "")


def _tables(tables: Iterable[Table]) -> Iterator[str]:
    yield from ("## Tables", "", "Not open to analysts; the views read from them.", "")
    for schema, words in SCHEMAS.items():
        yield from (f"### {schema}", "", f"{words}.", "")
        for table in sorted(tables, key=lambda table: table.full_name):
            if table.schema == schema:
                yield from (f"#### {table.full_name}", "", f"{table.description}.", "", *_grid(_table_rows(table)), "")


Row = tuple[str, str, str, str, str]


def _table_rows(table: Table) -> Iterator[Row]:
    for name, column in table.frame.columns().items():
        yield name, type_words(column), _unit(column), str(column.description or ""), _marks(column)


def _contract_rows(contract: type[Contract]) -> Iterator[Row]:
    for name, column in contract.columns().items():
        optional = "optional" if name in contract.OPTIONAL else ""
        marks = ", ".join(filter(None, (_marks(column), optional)))
        yield name, type_words(column), _unit(column), str(column.description or ""), marks


def _view_rows(view: View) -> Iterator[Row]:
    sources = view_sources(view)
    words = view.comments()
    for name in view_columns(view):
        column = sources.get(name)
        kind, unit = (type_words(column), _unit(column)) if column else ("computed", "")
        meaning = words.get(name) or str(column.description if column else "")
        yield name, kind, unit, meaning.removesuffix(f" [{unit}]"), ""


def _grid(rows: Iterable[Row]) -> Iterator[str]:
    yield "| column | type | unit | meaning | |"
    yield "|---|---|---|---|---|"
    for row in rows:
        yield "| " + " | ".join([f"`{row[0]}`", *(cell.replace("|", "\\|") for cell in row[1:])]) + " |"


def type_words(column: dy.Column) -> str:
    """The type of a column in words; an enumeration with its values."""
    dtype = column.dtype
    if isinstance(dtype, pl.Enum):
        return f"text: {', '.join(dtype.categories.to_list())}"
    if isinstance(dtype, pl.List):
        return "list of texts" if dtype.inner == pl.String else f"list of {TYPES[type(dtype.inner)]}s"  # type: ignore[index]
    return TYPES[type(dtype)]


def _unit(column: dy.Column) -> str:
    return str((column.metadata or {}).get("unit", ""))


def _marks(column: dy.Column) -> str:
    return "key" if column.primary_key else "may be empty" if column.nullable else ""


def view_columns(view: View) -> list[str]:
    """The columns of a view in order, read from the outermost select list of its query; ``*`` is its tables' columns.

    A test compares them with what PostgreSQL says.
    """
    names: list[str] = []
    for item in _select_list(view.query):
        if item[-1] == "*":
            names += [name for table in view.tables for name in table.columns if name not in names]
        else:
            names.append(item[-1].strip('"'))
    return names


def view_sources(view: View) -> dict[str, dy.Column]:
    """View column -> the table column whose type it has: of the same name, or the one it renames.

    Columns that a view computes under a name of their own are absent. A test compares the types with PostgreSQL's.
    """
    tables = [*view.tables, *(table for table in TABLES if table.full_name in view.query)]
    known = {name: column for table in reversed(tables) for name, column in table.frame.columns().items()}
    sources = {name: known[name] for name in view_columns(view) if name in known}
    for item in _select_list(view.query):
        shown, alias = item[0], item[-1].strip('"')
        if len(item) >= 3 and item[1] == ".":
            shown = item[2]
        plain = len(item) in (3, 5) and item[-2].upper() == "AS"
        if plain and shown in known:
            sources[alias] = known[shown]
    return sources


def _select_list(query: str) -> list[list[str]]:
    """The items between the outermost SELECT and its FROM, each as its tokens."""
    items: list[list[str]] = [[]]
    depth, begun = 0, False
    for token in _TOKENS.findall(re.sub(r"--[^\n]*", "", query)):
        word = token.upper()
        if begun and depth == 0 and word == "FROM":
            break
        if begun and depth == 0 and token == ",":
            items.append([])
        elif begun and not (depth == 0 and word in ("DISTINCT", "ALL")):
            items[-1].append(token)
        begun = begun or (depth == 0 and word == "SELECT")
        depth += (token == "(") - (token == ")")
    return items
