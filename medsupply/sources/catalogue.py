"""One entry per source: who publishes it, in which form, what a file of it stands for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from medsupply.tables.deliveries import CONTRACTS, Contract


class Kind(StrEnum):
    """What a delivery stands for."""

    SNAPSHOT = "snapshot"  # complete per holder and day; a later one replaces it whole
    DAYS = "days"  # rows of reporters and days; a later row with the same key replaces the older one
    FULL_LIST = "full_list"  # replaces the last list (of the same scope) whole
    EVENTS = "events"  # a later row with the same key replaces the older one; others stay


@dataclass(frozen=True)
class Source:
    """What is fixed about one source."""

    name: str
    title: str
    publisher: str
    kind: Kind
    rhythm: str
    licence: str = "delivered under agreement, restricted"
    encoding: str = "utf-8"
    separator: str = ";"
    other_separator: str | None = None
    """Separator of the published file, where it is not the contract's."""
    quoting: bool = True
    scope: tuple[str, ...] = ()
    """Columns within which a full list replaces the last."""
    key: tuple[str, ...] = ()
    """Key of a row where it is wider than the contract's."""
    published_extra: frozenset[str] = frozenset()
    """Columns of the published file that are not taken and give no warning."""
    footer: bool = False
    """Lines whose first column is no code of the list are none of it."""
    may_be_empty: frozenset[str] = frozenset()
    """Text columns of the key that may be empty: a nil row has no package."""
    named: frozenset[str] = frozenset()
    """Columns that name a company, a site, a product or who decided; persons are not looked for in them."""
    looks_for_persons: bool = True
    """Whether the contract's own text columns are searched; a list that an authority publishes holds none."""
    late_after_days: int | None = None
    """Days after which a list that was not published again, changed or not, is late; None: it comes when it changes,
    so that no age of it is late."""
    aliases: Mapping[str, str] = field(default_factory=dict)

    @property
    def contract(self) -> type[Contract]:
        return CONTRACTS[self.name]

    @property
    def row_key(self) -> tuple[str, ...]:
        return self.key or tuple(self.contract.primary_key())

    @property
    def is_site(self) -> bool:
        return self.kind in (Kind.SNAPSHOT, Kind.DAYS)


def _register(
    name: str,
    title: str,
    rhythm: str = "twice a month",
    late_after_days: int = 35,
    aliases: Mapping[str, str] | None = None,
) -> Source:
    """A list of Fimea as published: ISO-8859-1, semicolons, no quoting."""
    return Source(
        name,
        title,
        "Fimea",
        Kind.FULL_LIST,
        rhythm,
        licence="open data of Fimea; name Fimea and the date",
        encoding="iso-8859-1",
        quoting=False,
        looks_for_persons=False,
        late_after_days=late_after_days,
        aliases=aliases or {},
    )


_ALL = (
    Source(
        "holders",
        "Holders that must report",
        "the service's operator",
        Kind.FULL_LIST,
        "when it changes",
        named=frozenset({"name"}),
    ),
    Source(
        "stock",
        "Stock snapshots",
        "wholesalers, hospital pharmacies, pharmacies",
        Kind.SNAPSHOT,
        "daily",
        key=("holder_id", "counted_on", "vnr", "lot", "expires_on"),
        may_be_empty=frozenset({"vnr"}),
    ),
    Source(
        "dispensing",
        "Dispensing",
        "pharmacies, hospital pharmacies",
        Kind.DAYS,
        "daily",
        may_be_empty=frozenset({"vnr"}),
    ),
    Source("supply", "Announced supply", "wholesalers, companies", Kind.EVENTS, "when it changes"),
    Source(
        "obligations", "Obligatory storage", "Fimea", Kind.FULL_LIST, "yearly", scope=("year",), late_after_days=400
    ),
    Source("permits", "Permits", "Fimea", Kind.EVENTS, "when it changes"),
    Source(
        "critical_list",
        "Critical medicines",
        "EMA; STM; Fimea",
        Kind.FULL_LIST,
        "yearly",
        licence="EMA: reuse with acknowledgement",
        late_after_days=400,
        scope=("list",),
        other_separator=",",
        footer=True,
        looks_for_persons=False,
        may_be_empty=frozenset({"route"}),
    ),
    Source(
        "package_map",
        "Articles and practical replacements",
        "the service's operator",
        Kind.FULL_LIST,
        "when it changes",
        named=frozenset({"author"}),
    ),
    _register("fimea_packages", "Packages of the register"),
    _register("fimea_atc", "ATC codes"),
    _register("fimea_substances", "Substances"),
    _register(
        "fimea_forms",
        "Pharmaceutical forms",
        aliases={"nimi": "laakemuotonimi", "nimir": "laakemuotonimir", "nimie": "laakemuotonimie"},
    ),
    _register("fimea_substitution", "Substitution groups", "quarterly", 110),
    Source(
        "fimea_shortages",
        "Shortage notices",
        "Fimea",
        Kind.FULL_LIST,
        "daily",
        licence="open data of Fimea; name Fimea and the date",
        late_after_days=4,
        looks_for_persons=False,
    ),
    Source(
        "kela_purchases",
        "Weekly purchases",
        "Kela",
        Kind.FULL_LIST,
        "weekly",
        licence="CC BY 4.0, Kela",
        scope=("vuosi",),
        looks_for_persons=False,
        may_be_empty=frozenset({"atc_koodi"}),
        published_extra=frozenset(
            f"{name}_{language}" for name in ("atc_selite", "aluenimi") for language in ("fi", "sv", "en")
        )
        | {"updated"},
        late_after_days=21,
    ),
    Source(
        "kela_names",
        "Names of ATC codes",
        "Kela",
        Kind.FULL_LIST,
        "when it changes",
        licence="CC BY 4.0, Kela",
        looks_for_persons=False,
        may_be_empty=frozenset({"values"}),
        # The moment of the run that wrote it: taken, it would make a new version of every row each week.
        published_extra=frozenset({"updated"}),
    ),
)
SOURCES: dict[str, Source] = {source.name: source for source in _ALL}
