"""The dashboard's own sentences, by key, in Finnish, Swedish and English. Words of codes are in medsupply.words."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import lru_cache
from importlib.resources import files
from types import MappingProxyType

from medsupply.errors import InputError
from medsupply.settings import LANGUAGES
from medsupply.words import flat, has_word, word


@lru_cache(maxsize=len(LANGUAGES))
def sentences(language: str) -> Mapping[str, str]:
    """All sentences of ``language`` by dotted key."""
    text = (files("medsupply.dashboard") / "texts" / f"{language}.toml").read_text(encoding="utf-8")
    return MappingProxyType(dict(flat(tomllib.loads(text))))


def say(language: str, key: str, **values: object) -> str:
    """The sentence of ``key`` with its places filled. Raises InputError for an unknown key."""
    try:
        found = sentences(language)[key]
    except KeyError:
        raise InputError(f"There is no sentence {key!r} in {language!r}", "Add it to dashboard/texts") from None
    return found.format(**values) if values else found


def counted(language: str, key: str, count: int, **values: object) -> str:
    """The sentence ``key.one`` for one, else ``key.many``, with ``{n}`` filled."""
    return say(language, f"{key}.{'one' if count == 1 else 'many'}", n=count, **values)


def coded(language: str, group: str, code: str | None) -> str:
    """The word of a code; the code itself where a later version of the service has brought a new one."""
    return word(language, f"{group}.{code}") if code and has_word(language, f"{group}.{code}") else str(code or "")
