"""The areas of Finland: counties, collaborative areas (YTA) and the country, with codes, names and the tile grid.

Codes and names: Statistics Finland, as in Kela's open data (90 = City of Helsinki, 91 = Åland, 99 = the country).
Population: THL Sotkanet, 31.12.2022. The tile grid follows geofi's ``grid_hyvinvointialue``.
"""

from __future__ import annotations

from dataclasses import dataclass

COUNTRY = "99"
ALAND = "91"


@dataclass(frozen=True)
class Area:
    """One area. ``collaborative`` is the YTA of a county; row and column place it on the tile map."""

    code: str
    fi: str
    sv: str
    en: str
    collaborative: str | None = None
    population: int = 0
    row: int = 0
    column: int = 0

    def name(self, language: str) -> str:
        return str(getattr(self, language))


_COUNTY_ROWS = """
01|Itä-Uudenmaan|Östra Nylands|East Uusimaa|1|98972|6|4
02|Keski-Uudenmaan|Mellersta Nylands|Central Uusimaa|1|203192|6|3
03|Länsi-Uudenmaan|Västra Nylands|West Uusimaa|1|486346|6|2
04|Vantaan ja Keravan|Vanda och Kervo|Vantaa and Kerava|1|280495|7|3
05|Varsinais-Suomen|Egentliga Finlands|Southwest Finland|4|485567|5|1
06|Satakunnan|Satakunta|Satakunta|4|212556|4|1
07|Kanta-Hämeen|Egentliga Tavastlands|Kanta-Häme|3|169537|5|2
08|Pirkanmaan|Birkalands|Pirkanmaa|3|532671|4|2
09|Päijät-Hämeen|Päijänne-Tavastlands|Päijät-Häme|1|204528|4|3
10|Kymenlaakson|Kymmenedalens|Kymenlaakso|1|159488|5|3
11|Etelä-Karjalan|Södra Karelens|South Karelia|1|125353|5|4
12|Etelä-Savon|Södra Savolax|South Savo|2|130451|4|4
13|Pohjois-Savon|Norra Savolax|North Savo|2|247689|3|3
14|Pohjois-Karjalan|Norra Karelens|North Karelia|2|162540|3|4
15|Keski-Suomen|Mellersta Finlands|Central Finland|2|272437|3|2
16|Etelä-Pohjanmaan|Södra Österbottens|South Ostrobothnia|3|190774|3|1
17|Pohjanmaan|Österbottens|Ostrobothnia|4|176323|2|1
18|Keski-Pohjanmaan|Mellersta Österbottens|Central Ostrobothnia|5|67805|2|2
19|Pohjois-Pohjanmaan|Norra Österbottens|North Ostrobothnia|5|416543|2|3
20|Kainuun|Kajanalands|Kainuu|5|70521|2|4
21|Lapin|Lapplands|Lapland|5|175795|1|3
"""


def _county(row: str) -> Area:
    code, fi, sv, en, yta, population, r, c = row.split("|")
    return Area(
        code,
        f"{fi} hyvinvointialue",
        f"{sv} välfärdsområde",
        f"{en} wellbeing services county",
        f"Y{yta}",
        int(population),
        int(r),
        int(c),
    )


COUNTIES: tuple[Area, ...] = (
    *(_county(row) for row in _COUNTY_ROWS.strip().splitlines()),
    Area("90", "Helsingin kaupunki", "Helsingfors stad", "City of Helsinki", "Y1", 664028, 7, 2),
    Area(ALAND, "Ahvenanmaa", "Åland", "Åland", None, 30359, 6, 1),
)

COLLABORATIVE_AREAS: tuple[Area, ...] = (
    Area("Y1", "Etelä-Suomen yhteistyöalue", "Södra Finlands samarbetsområde", "Southern collaborative area"),
    Area("Y2", "Itä-Suomen yhteistyöalue", "Östra Finlands samarbetsområde", "Eastern collaborative area"),
    Area("Y3", "Sisä-Suomen yhteistyöalue", "Inre Finlands samarbetsområde", "Inland collaborative area"),
    Area("Y4", "Länsi-Suomen yhteistyöalue", "Västra Finlands samarbetsområde", "Western collaborative area"),
    Area("Y5", "Pohjois-Suomen yhteistyöalue", "Norra Finlands samarbetsområde", "Northern collaborative area"),
)

AREAS: dict[str, Area] = {
    area.code: area for area in (*COUNTIES, *COLLABORATIVE_AREAS, Area(COUNTRY, "Koko maa", "Hela landet", "Finland"))
}
COUNTY_CODES: tuple[str, ...] = tuple(area.code for area in COUNTIES)
COLLABORATIVE_OF: dict[str, str] = {area.code: area.collaborative for area in COUNTIES if area.collaborative}
