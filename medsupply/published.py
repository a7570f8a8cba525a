"""The published files as they are, and when each of them was received: what the real run loads.

Kela: weekly purchases and names of ATC codes (CC BY 4.0). Fimea: basic register, substitution lists, shortage notices.
EMA: Union list of critical medicines v2.1. The register run of 5.4.2023 also holds for every moment before it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

from medsupply.errors import InputError


@dataclass(frozen=True)
class Published:
    """One file: its source, where it lies in the folder, and when it was received."""

    source: str
    path: str
    received: str
    needed: bool = True
    """Without it there is no real run; what only names things may be absent."""

    @property
    def received_at(self) -> datetime:
        return datetime.fromisoformat(self.received).replace(hour=12, tzinfo=UTC)


FILES: tuple[Published, ...] = (
    Published("fimea_atc", "fimea/register_2023/atc.txt", "2023-04-05"),
    Published("fimea_substances", "fimea/register_2023/laakeaine.txt", "2023-04-05"),
    Published("fimea_forms", "fimea/register_2023/laakemuoto.txt", "2023-04-05"),
    Published("fimea_packages", "fimea/register_2023/pakkaus-m.txt", "2023-04-05"),
    Published("fimea_packages", "fimea/pakkaus-m.2026-06-30.txt", "2026-06-30"),
    Published("fimea_substitution", "fimea/substitution/GS-ladattava.2022-12-10.txt", "2022-12-10"),
    Published("fimea_substitution", "fimea/substitution/GS-ladattava.2025-03-14.txt", "2025-03-14"),
    Published("critical_list", "eu/union_list_v2.1.csv", "2026-01-19"),
    Published("fimea_shortages", "fimea/shortages/Saatavuushairiot.2022-11-14.txt", "2022-11-14"),
    Published("fimea_shortages", "fimea/shortages/Saatavuushairiot.2022-11-16.txt", "2022-11-16"),
    Published("fimea_shortages", "fimea/shortages/Saatavuushairiot.2022-11-17.txt", "2022-11-17"),
    Published("kela_purchases", "kela/data_viikko_hva_2019.parquet", "2020-01-15"),
    Published("kela_purchases", "kela/data_viikko_hva_2020.parquet", "2021-01-13"),
    Published("kela_purchases", "kela/data_viikko_hva_2021.parquet", "2022-01-12"),
    # Exists only in a later revision; taken as known in time for the picture of that autumn, which says so.
    Published("kela_purchases", "kela/data_viikko_hva_2022.parquet", "2022-12-10"),
    Published("kela_purchases", "kela/data_viikko_hva_2023.parquet", "2024-01-10"),
    Published("kela_purchases", "kela/data_viikko_hva_2024.parquet", "2025-01-15"),
    Published("kela_purchases", "kela/vintages_2025/data_viikko_hva_2025.2025-07-02.parquet", "2025-07-02"),
    Published("kela_purchases", "kela/vintages_2025/data_viikko_hva_2025.2025-10-01.parquet", "2025-10-01"),
    Published("kela_purchases", "kela/vintages_2025/data_viikko_hva_2025.2025-12-23.parquet", "2025-12-23"),
    Published("kela_purchases", "kela/data_viikko_hva_2025.parquet", "2026-03-05"),
    Published("kela_names", "kela/metadata_viikko_hva.parquet", "2026-07-01", needed=False),
)

# The autumn of the shortage lists, and the last complete week of the purchases.
PICTURES: tuple[tuple[date, date], ...] = (
    (date(2022, 11, 20), date(2022, 12, 11)),
    (date(2025, 12, 28), date(2026, 6, 30)),
)


def files_in(folder: Path) -> Iterator[tuple[Published, Path]]:
    """The published files in ``folder``, in order of receipt. Raises InputError that names the first one it lacks."""
    for one in sorted(FILES, key=lambda one: (one.received, one.source, one.path)):
        path = folder / one.path
        if path.is_file():
            yield one, path
        elif one.needed:
            raise InputError(
                f"{path} is not there", "Name the folder that holds the published files (kela/, fimea/, eu/)"
            )
