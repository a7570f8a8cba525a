"""The reviewed form table: form class of a Finnish pharmaceutical form, and the classes that a route fits."""

from __future__ import annotations

import tomllib
from functools import lru_cache
from importlib.resources import files
from typing import Any

import polars as pl

FORM_CLASSES = ("oral solid", "oral liquid", "parenteral", "inhaled", "rectal", "topical", "ocular", "other")


@lru_cache(maxsize=1)
def form_table() -> dict[str, Any]:
    """The form table as stored in ``forms.toml``."""
    return tomllib.loads((files("medsupply.picture") / "forms.toml").read_text(encoding="utf-8"))


@lru_cache(maxsize=1)
def _class_of() -> dict[str, str]:
    return {form: name for name, forms in form_table()["classes"].items() for form in forms}


def normalised_form(form: pl.Expr) -> pl.Expr:
    """A form as the table's keys are written: lower case, single spaces, one spelling of injection/infusion."""
    tidy = form.str.to_lowercase().str.strip_chars().str.replace_all(r"\s+", " ")
    tidy = tidy.str.replace("injektio-/infuusio", "injektio/infuusio", literal=True)
    return pl.when(tidy != "").then(tidy)


def form_class(form: pl.Expr) -> pl.Expr:
    """The form class of a form; null where no form is given, by its first telling word where it is not reviewed."""
    tidy = normalised_form(form)
    by_word = pl.lit(None, dtype=pl.String)
    for word, name in reversed(form_table()["words"].items()):
        by_word = pl.when(tidy.str.contains(word, literal=True)).then(pl.lit(name)).otherwise(by_word)
    found = tidy.replace_strict(_class_of(), default=None, return_dtype=pl.String)
    return pl.when(tidy.is_not_null()).then(pl.coalesce(found, by_word, pl.lit("other")))


def is_reviewed(form: pl.Expr) -> pl.Expr:
    """Whether the form stands in the reviewed table."""
    return normalised_form(form).is_in(list(_class_of()))


@lru_cache(maxsize=4096)
def classes_of_routes(routes: str | None) -> frozenset[str]:
    """The form classes that a comma-separated list of routes fits; unknown routes fit every class."""
    table = form_table()["routes"]
    named = [route.strip().lower() for route in (routes or "").split(",") if route.strip()]
    if not named or any(route not in table for route in named):
        return frozenset(FORM_CLASSES)
    return frozenset(name for route in named for name in table[route])
