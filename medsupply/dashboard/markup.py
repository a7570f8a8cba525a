"""HTML that Streamlit has no element for: level badges, tables with links, the tile map. Every value is escaped."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from markupsafe import Markup, escape

from medsupply.areas import COUNTIES, Area
from medsupply.dashboard.look import ORDER, look
from medsupply.dashboard.wording import say
from medsupply.words import word

Cell = str | Markup


@dataclass(frozen=True)
class Column:
    """A column of a table; ``kind`` is text or number (right-aligned)."""

    label: str
    kind: str = "text"


@dataclass(frozen=True)
class Tile:
    """What the map shows of one county: its level, what stands beside the level's word, and a note below."""

    level: str | None
    beside: str = ""
    note: str = ""


def link(page: str, label: str, **params: str) -> Markup:
    """A link to a page of the dashboard that keeps language, area and day."""
    query = urlencode({key: value for key, value in params.items() if value})
    return Markup('<a href="{}?{}">{}</a>').format(page, query, label)


def badge(language: str, level: str | None) -> Markup:
    """A level as shape and word on its colour."""
    code = level or "none"
    return Markup('<span class="ms-badge ms-{}"><span aria-hidden="true">{}</span> {}</span>').format(
        code, look(level).shape, word(language, f"level.{code}")
    )


def table(columns: Sequence[Column], rows: Iterable[Sequence[Cell]], caption: str, kind: str = "") -> Markup:
    """A table with a caption; the first column heads its row. ``kind``: a class of its own in the style.

    On a phone the rows of a table with a kind stand as blocks, each cell with its heading before it: roles keep it a
    table for screen readers.
    """
    head = Markup("").join(
        Markup('<th scope="col" role="columnheader" class="ms-{}">{}</th>').format(column.kind, column.label)
        for column in columns
    )
    body = Markup("").join(_row(columns, row) for row in rows)
    return Markup(
        '<div class="ms-scroll" tabindex="0" role="region" aria-label="{0}"><table role="table" class="ms-table{1}">'
        '<caption><span class="ms-caption">{0}</span></caption><thead role="rowgroup"><tr role="row">{2}</tr></thead>'
        '<tbody role="rowgroup">{3}</tbody></table></div>'
    ).format(caption, f" ms-stacked ms-{kind}" if kind else "", head, body)


def _row(columns: Sequence[Column], row: Sequence[Cell]) -> Markup:
    cells = [
        Markup('<th class="ms-{}" scope="row" role="rowheader">{}</th>').format(column.kind, cell)
        if position == 0
        else Markup('<td class="ms-{}" role="cell" data-head="{}">{}</td>').format(column.kind, column.label, cell)
        for position, (column, cell) in enumerate(zip(columns, row, strict=True))
    ]
    return Markup('<tr role="row">{}</tr>').format(Markup("").join(cells))


def lines(items: Iterable[Cell]) -> Markup:
    """Short lines under each other in one cell."""
    return Markup("<br>").join(escape(item) for item in items)


def reason_list(items: Iterable[Cell]) -> Markup:
    """Reasons under each other in one cell."""
    return Markup('<ul class="ms-reasons">{}</ul>').format(
        Markup("").join(Markup("<li>{}</li>").format(item) for item in items)
    )


def bullets(items: Iterable[Cell]) -> Markup:
    """A list of sentences."""
    return Markup('<ul class="ms-list">{}</ul>').format(
        Markup("").join(Markup("<li>{}</li>").format(item) for item in items)
    )


def level_strip(language: str, counts: Mapping[str, int]) -> Markup:
    """How many medicines stand at each level, in order of severity."""
    boxes = [
        Markup('<li class="ms-count ms-{}"><strong>{}</strong> <span>{} {}</span></li>').format(
            code,
            counts.get(code, 0),
            Markup('<span aria-hidden="true">{}</span>').format(look(code).shape),
            word(language, f"level.{code}"),
        )
        for code in ORDER
        if code != "none" or counts.get("none")
    ]
    return Markup('<ul class="ms-strip" aria-label="{}">{}</ul>').format(
        say(language, "situation.levels_label"), Markup("").join(boxes)
    )


def tile_map(language: str, tiles: Mapping[str, Tile], page: str = "county", **params: str) -> Markup:
    """The 23 counties on a grid: name, shape and word of the level, and a note; each links to its page."""
    drawn = [_tile(language, area, tiles.get(area.code), page, params) for area in COUNTIES]
    return Markup('<ul class="ms-map" aria-label="{}">{}</ul>').format(
        say(language, "map.label"), Markup("").join(drawn)
    )


def _tile(language: str, area: Area, tile: Tile | None, page: str, params: Mapping[str, str]) -> Markup:
    level = tile.level if tile else None
    query = urlencode({**params, "area": area.code})
    beside = f": {tile.beside}" if tile and tile.beside else ""
    return Markup(
        '<li class="ms-tile ms-{0}" style="grid-row:{1};grid-column:{2}"><a href="{3}?{4}">'
        '<span class="ms-place">{5}</span><span class="ms-level"><span aria-hidden="true">{6}</span> {7}</span>'
        '<span class="ms-note">{8}</span></a></li>'
    ).format(
        level or "none",
        area.row,
        area.column,
        page,
        query,
        word(language, f"short.{area.code}"),
        look(level).shape,
        word(language, f"level.{level or 'none'}") + beside,
        tile.note if tile else "",
    )


def legend(language: str) -> Markup:
    """Every level with its shape, word and meaning."""
    return bullets(
        Markup("{} {}").format(
            badge(language, None if code == "none" else code), word(language, f"level_meaning.{code}")
        )
        for code in ORDER
    )


def level_styles() -> str:
    """The CSS of the level colours, from :mod:`look`, so that a page and the contrast test read the same."""
    return "\n".join(
        f".ms-badge.ms-{code},.ms-count.ms-{code},.ms-tile.ms-{code}"
        f"{{color:{look(code).ink};background:{look(code).ground};border-color:{look(code).mark}}}"
        for code in ORDER
    )
