"""The problem list: which medicines stand above normal, in what order, and how a row reads. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import polars as pl
from markupsafe import Markup

from medsupply.dashboard.look import ORDER
from medsupply.dashboard.markup import Cell, Column, Tile, badge, link, reason_list
from medsupply.dashboard.wording import coded, counted, say
from medsupply.picture.reasons import NOTICE_REASONS, under_notice
from medsupply.words import has_word, word
from medsupply.words import numbers as write

PROBLEMS = ("severe", "elevated", "watch")
_WEEKS = ("run_out_p14_with_reserve", "run_out_p14", "run_out_p56", "run_out_p56_watch", "run_out_p84")
# Who runs out within two weeks runs out within eight; where all is under notice, half is.
IMPLIED: dict[str, tuple[str, ...]] = {
    **{code: _WEEKS[place + 1 :] for place, code in enumerate(_WEEKS)},
    "stock_at_floor": _WEEKS,
    "only_reserve_left": _WEEKS[1:],
    "notice_covers_all_28": ("notice_covers_all", "notice_share_84", "single_holder_notice"),
    "notice_covers_all": ("notice_share_84", "single_holder_notice"),
    "single_holder_notice": ("notice_share_84",),
}
_NAMES = {
    "fi": ("name_fi", "name_en", "name_sv"),
    "sv": ("name_sv", "name_fi", "name_en"),
    "en": ("name_en", "name_fi"),
}
_FORMS = {"fi": ("form",), "sv": ("form_sv", "form"), "en": ("form_en", "form")}


def ranked(frame: pl.DataFrame) -> pl.DataFrame:
    """Rows by severity, then criticality class, then probability to run out, then share under notice, then name."""
    rank = pl.col("level").replace_strict({level: place for place, level in enumerate(ORDER)}, default=len(ORDER))
    return frame.sort(
        rank,
        pl.col("critical_class").fill_null(9),
        -pl.col("run_out_p56").fill_null(-1.0),
        -pl.col("notice_share").fill_null(-1.0),
        pl.col("atc"),
        pl.col("medicine_id"),
    )


def level_counts(levels: Iterable[str | None]) -> dict[str, int]:
    """How many rows stand at each level; none for no level."""
    return dict(Counter(level or "none" for level in levels))


def name(language: str, row: Mapping[str, Any]) -> str:
    """Substance in the reader's language; the code where no name is known."""
    found = next((row[key] for key in _NAMES[language] if row.get(key)), None) or row.get("atc") or row["medicine_id"]
    return str(found)


def names(row: Mapping[str, Any]) -> list[str]:
    """The names in all languages, each once; one that is another language's, with its mark, stands there already."""
    known = [str(row[key]) for key in ("name_fi", "name_sv", "name_en") if row.get(key)]
    return list(dict.fromkeys(name for name in known if name.rpartition(" (")[0] not in known))


def kind(language: str, row: Mapping[str, Any]) -> str:
    """Strength and form of a medicine, form class of a family."""
    form = next((row[key] for key in _FORMS[language] if row.get(key)), None)
    if row.get("strength") or form:
        return ", ".join(str(part) for part in (row.get("strength"), form) if part)
    code = row.get("form_class")
    return word(language, f"form_class.{code}") if code and has_word(language, f"form_class.{code}") else ""


def label(language: str, row: Mapping[str, Any]) -> str:
    """Name, kind and ATC code in one line, for a choice."""
    return " · ".join(part for part in (name(language, row), kind(language, row), row.get("atc") or "") if part)


def reasons(language: str, codes: Iterable[str] | None) -> list[str]:
    """The reasons in words, the weightiest first."""
    return [coded(language, "reason", code) for code in codes or ()]


def leading(codes: Iterable[str] | None) -> list[str]:
    """The reasons without those that a stronger one says already."""
    held = list(codes or ())
    said = {weaker for code in held for weaker in IMPLIED.get(code, ())}
    return [code for code in held if code not in said]


def why(language: str, row: Mapping[str, Any], most: int | None = None) -> list[Cell]:
    """The leading reasons of a row's level, ``most`` of them and that on a notice, as mails name it; beside them, for a
    level above normal, that a shortage notice is in force though the level does not rest on one."""
    led = leading(row["reasons"])
    told = led[:most] + [code for code in led[len(led[:most]) :] if code in NOTICE_REASONS]
    beside = row["level"] in PROBLEMS and under_notice(row) and NOTICE_REASONS.isdisjoint(told)
    small = Markup("<small>{}</small>").format(say(language, "situation.notice_beside"))
    return [*reasons(language, told), *([small] if beside else [])]


def unit(language: str, row: Mapping[str, Any]) -> str:
    """The unit of a row's figures in the reader's language."""
    code = row.get("unit")
    return word(language, f"unit.{code}") if code and has_word(language, f"unit.{code}") else str(code or "")


# The figures of the problem list; where no stock is known, those that purchases and notices can tell.
KNOWN = ("cover", "p14", "p56", "notice", "reporting")
BLIND = ("index", "notice", "notice_84")
_WRITTEN: dict[str, tuple[str, Callable[[str, float | None], str]]] = {
    "cover": ("cover_days", write.number),
    "p14": ("run_out_p14", write.share),
    "p56": ("run_out_p56", write.share),
    "notice": ("notice_share", write.share),
    "notice_84": ("notice_share_84", write.share),
    "reporting": ("reporting_share", write.share),
    "index": ("demand_index", lambda language, value: write.number(language, value, 2)),
}


def shown_figures(frame: pl.DataFrame) -> tuple[str, ...]:
    """Which figures a problem list of ``frame`` shows."""
    return KNOWN if frame["stock_units"].is_not_null().any() else BLIND


def columns(language: str, figures: Sequence[str] = KNOWN) -> list[Column]:
    """Heads of the problem list."""
    heads = [Column(say(language, f"column.{key}")) for key in ("medicine", "level", "why")]
    return heads + [Column(say(language, f"column.{key}"), "number") for key in figures]


def rows(
    language: str,
    frame: pl.DataFrame,
    params: Mapping[str, str],
    *,
    figures: Sequence[str] = KNOWN,
    most_reasons: int = 3,
) -> list[list[Cell]]:
    """The cells of the problem list; ``params`` are carried on in the links."""
    return [_row(language, row, figures, most_reasons, params) for row in frame.iter_rows(named=True)]


def _row(
    language: str, row: dict[str, Any], figures: Sequence[str], most_reasons: int, params: Mapping[str, str]
) -> list[Cell]:
    linked = link("medicine", name(language, row), **{**params, "medicine": row["medicine_id"]})
    below = ", ".join(part for part in (kind(language, row), row.get("atc") or "") if part)
    return [
        Markup("{}<br><small>{}</small>").format(linked, below),
        badge(language, row["level"]),
        reason_list(why(language, row, most_reasons)),
        *(_WRITTEN[key][1](language, row[_WRITTEN[key][0]]) for key in figures),
    ]


def headline(language: str, counts: Mapping[str, int], place: str) -> str:
    """The situation in one or two sentences."""
    total = sum(counts.values())
    if not total:
        return say(language, "situation.headline_none", place=place)
    high = [counted(language, f"situation.n_{level}", counts[level]) for level in PROBLEMS[:2] if counts.get(level)]
    joined = say(language, "page.and").join(high) if high else say(language, "situation.n_high_none")
    rest = say(
        language,
        "situation.headline_rest",
        watch=counts.get("watch", 0),
        normal=counts.get("normal", 0),
        unknown=counts.get("unknown", 0) + counts.get("none", 0),
    )
    return say(language, "situation.headline", place=place, total=total, high=joined) + " " + rest


def tiles(language: str, frame: pl.DataFrame) -> dict[str, Tile]:
    """Per county the worst level with its count, and the next ones, from county_code, level, n."""
    found: dict[str, Tile] = {}
    for (code,), part in frame.group_by("county_code", maintain_order=True):
        counts = {level or "none": n for level, n in part.select("level", "n").iter_rows()}
        worst, *others = [level for level in ORDER if counts.get(level)]
        rest = [f"{word(language, f'level.{level}')}: {counts[level]}" for level in others if level in PROBLEMS]
        found[str(code)] = Tile(None if worst == "none" else worst, str(counts[worst]), ", ".join(rest))
    return found


def cover_tiles(language: str, frame: pl.DataFrame) -> dict[str, Tile]:
    """Per county the level of one medicine and how many days its stock lasts."""
    days = {
        row["county_code"]: _days(language, row["cover_days"])
        for row in frame.filter(pl.col("cover_days").is_not_null()).iter_rows(named=True)
    }
    return {
        code: Tile(level, note=days.get(code, "")) for code, level in frame.select("county_code", "level").iter_rows()
    }


def _days(language: str, value: float) -> str:
    told = write.number(language, value)
    return say(language, f"map.days.{'one' if told == '1' else 'many'}", n=told)


def ranked_changes(frame: pl.DataFrame) -> list[dict[str, Any]]:
    """Changes, what got worse before what got better, the severest first."""
    order = {level: place for place, level in enumerate(ORDER)}
    return sorted(
        frame.iter_rows(named=True),
        key=lambda row: (
            row["change"] == "better",
            min(order[row["level"] or "none"], order[row["level_before"] or "none"]),
            str(row["medicine_id"]),
        ),
    )


def change_line(language: str, row: Mapping[str, Any], **params: str) -> Markup:
    """One change: the medicine, from which level to which, and why."""
    linked = link("medicine", name(language, row), **{**params, "medicine": row["medicine_id"]})
    first, *others = [word(language, f"cause.{code}") for code in row["causes"]] or [""]
    causes = "; ".join([first, *(text[:1].lower() + text[1:] for text in others)])
    return Markup("{} <small>({})</small>: {} → {}. {}.").format(
        linked, kind(language, row), badge(language, row["level_before"]), badge(language, row["level"]), causes
    )
