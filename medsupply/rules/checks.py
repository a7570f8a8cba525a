"""Checks of single values of the rules file; each raises InputError that names the key."""

from __future__ import annotations

from collections.abc import Mapping
from math import inf
from typing import Any

from medsupply.errors import InputError

INSTRUCTION = "Correct the rules file; medsupply/rules/current.toml shows every key with its meaning"


def table(raw: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = raw.get(name)
    if not isinstance(value, Mapping):
        raise InputError(f"The rules file has no table [{name}]", INSTRUCTION)
    return value


def text(raw: Mapping[str, Any], name: str) -> str:
    value = raw.get(name)
    if not isinstance(value, str) or not value.strip():
        raise InputError(f"{name} of the rules file is missing or no text", INSTRUCTION)
    return value


def no_others(raw: Mapping[str, Any], known: set[str], where: str = "") -> None:
    """``raw`` has no key that is not ``known``; ``where``: its table, empty for the whole file."""
    unknown = sorted(set(raw) - known)
    if unknown:
        told = f"[{where}] of the rules file" if where else "The rules file"
        raise InputError(f"{told} has the unknown key {unknown[0]}", INSTRUCTION)


def whole(value: Any, where: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise InputError(f"{where} is {value!r}, no whole number of 1 or more", INSTRUCTION)
    return value


def share(value: Any, where: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise InputError(f"{where} is {value!r}, no number from 0 to 1", INSTRUCTION)
    return float(value)


def positive(value: Any, where: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < inf:
        raise InputError(f"{where} is {value!r}, no number of 0 or more", INSTRUCTION)
    return float(value)


def switch(value: Any, where: str) -> bool:
    if not isinstance(value, bool):
        raise InputError(f"{where} is {value!r}, neither true nor false", INSTRUCTION)
    return value
