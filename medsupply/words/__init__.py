"""The words of pages and mails in Finnish, Swedish and English, by stable code: ``word("sv", "level.severe")``."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import lru_cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any

from medsupply.errors import InputError
from medsupply.settings import LANGUAGES

__all__ = ["LANGUAGES", "has_word", "word", "words"]


@lru_cache(maxsize=len(LANGUAGES))
def words(language: str) -> Mapping[str, str]:
    """All words of ``language`` by dotted key. Raises InputError for a language that is not spoken here."""
    if language not in LANGUAGES:
        raise InputError(f"There are no words in {language!r}", f"Use one of {', '.join(LANGUAGES)}")
    text = (files("medsupply.words") / f"{language}.toml").read_text(encoding="utf-8")
    return MappingProxyType(dict(flat(tomllib.loads(text))))


def word(language: str, key: str, **values: object) -> str:
    """The word of ``key`` (``level.severe``) with ``{name}`` places filled. Raises InputError for an unknown key."""
    try:
        found = words(language)[key]
    except KeyError:
        raise InputError(
            f"There is no word for {key!r} in {language!r}", f"Add it to medsupply/words/{language}.toml"
        ) from None
    return found.format(**values) if values else found


def has_word(language: str, key: str) -> bool:
    """Whether ``key`` has a word in ``language``."""
    return key in words(language)


def flat(tree: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """Dotted key and text of every leaf of a TOML table."""
    pairs: list[tuple[str, str]] = []
    for key, value in tree.items():
        name = f"{prefix}{key}"
        pairs += flat(value, f"{name}.") if isinstance(value, Mapping) else [(name, str(value))]
    return pairs
