"""Simulate a nation and write it: deliveries under ``inbox``, arrivals in ``manifest.csv``, ``truth`` beside."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import numpy as np
import polars as pl

from medsupply.errors import InputError
from medsupply.simulate import dirt, outages, places, products, published, writing
from medsupply.simulate.laws import FAMILY_A, Laws
from medsupply.simulate.presets import Preset, preset
from medsupply.simulate.world import Day, Outage, World

Progress = Callable[[int, int, str], None]
VERSION = 3
SILENT_PHARMACY, SHORT_HOSPITAL = 4, "S061"
SILENT_DAYS = 7


@dataclass
class Manifest:
    """What was written: files in order of arrival."""

    folder: Path
    last_day: date
    medicines: int
    files: list[tuple[str, str, datetime]] = field(default_factory=list)

    def arrivals(self) -> pl.DataFrame:
        """``source``, ``path`` (relative to the folder), ``received_at`` in UTC, in order of arrival."""
        schema = pl.Schema({"source": pl.String, "path": pl.String, "received_at": pl.Datetime("us", "UTC")})
        return pl.DataFrame(self.files, schema=schema, orient="row").sort("received_at", "source", "path")

    def __str__(self) -> str:
        return f"{len(self.files)} deliveries of {self.medicines} medicines up to {self.last_day} are in {self.folder}"


@dataclass
class _Truth:
    stock: list[pl.DataFrame] = field(default_factory=list)
    dirt: list[dict[str, object]] = field(default_factory=list)


def simulate(
    out: Path,
    *,
    preset: str = "demo",
    family: str = "a",
    seed: int = 1,
    days: int | None = None,
    end: date | None = None,
    oracle: bool = False,
    progress: Progress | None = None,
) -> Manifest:
    """Write a nation; the same arguments give the same bytes, and a nation that stands there already is kept."""
    size = _preset(preset, days, end)
    stamp = hashlib.sha256(json.dumps([VERSION, family, seed, oracle, asdict(size)], default=str).encode()).hexdigest()
    done = out / "manifest.csv"
    if done.exists() and (out / "stamp").read_text() == stamp:
        return _read(out, size)
    if done.exists():
        raise InputError(f"{out} holds another nation", "Name an empty folder")
    manifest = _Nation(out, size, laws_of(family), seed).write(progress)
    if oracle:
        from medsupply.simulate.oracle import write_oracle

        write_oracle(out, family, seed)
    (out / "stamp").write_text(stamp)
    manifest.arrivals().write_csv(done)
    return manifest


def laws_of(family: str) -> Laws:
    """The laws of a family; each stands in a module of its own."""
    if family == "a":
        return FAMILY_A
    if family == "b":
        from medsupply.simulate.family_b import FAMILY_B

        return FAMILY_B
    if family == "c":
        from medsupply.simulate.family_c import FAMILY_C

        return FAMILY_C
    raise InputError(f"{family!r} is no family", "Use a, b or c")


def _preset(name: str, days: int | None, end: date | None) -> Preset:
    return preset(name, stock_days=days, last_day=end)


def _read(out: Path, size: Preset) -> Manifest:
    rows = pl.read_csv(out / "manifest.csv", try_parse_dates=True)
    moments = [moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment for moment in rows["received_at"]]
    files = list(zip(rows["source"], rows["path"], moments, strict=True))
    return Manifest(out, size.last_day, size.medicines, files)


class _Nation:
    """One nation being written."""

    def __init__(self, out: Path, size: Preset, laws: Laws, seed: int) -> None:
        self.out, self.size, self.laws = out, size, laws
        self.random = np.random.default_rng(seed)
        self.medicines = products.medicines(size.medicines)
        self.packages = products.packages(self.medicines, self.random)
        self.places = places.places(size.pharmacies, self.random)
        self.last = size.last_day
        self.first = self.last - timedelta(days=max(size.dispensing_days, size.stock_days) - 1)
        self.manifest = Manifest(out, self.last, size.medicines)
        self.truth = _Truth()
        self.bundles: dict[str, list[pl.DataFrame]] = {"stock": [], "dispensing": []}

    def write(self, progress: Progress | None) -> Manifest:
        planted = self.size.stock_days > 100
        drawn = outages.draw(self.laws, self.packages, self.first, self.last, self.random, planted=planted)
        world = World(self.laws, self.medicines, self.packages, self.places, self.random)
        self._reference(drawn)
        announced = []
        total = (self.last - self.first).days + 1
        for number, day in enumerate(world.live(self.first, total, drawn), start=1):
            self._day(day, world)
            announced.append(writing.supply(day, self.packages))
            if progress and (number % 50 == 0 or number == total):
                progress(number, total, str(day.day))
        self._slow(world, pl.concat(announced))
        self._kela(drawn)
        self._truth(drawn)
        return self.manifest

    # --- files

    def _put(self, source: str, name: str, data: bytes, received_at: datetime) -> None:
        path = self.out / "inbox" / source / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        self.manifest.files.append((source, str(path.relative_to(self.out)), received_at))

    def _reference(self, drawn: list[Outage]) -> None:
        start = _morning(self.first, hour=3)
        lists = {
            "holders": writing.csv_text(writing.holders(self.places)).encode(),
            "fimea_atc": published.atc_file(self.medicines),
            "fimea_forms": published.forms_file(self.medicines),
            "fimea_packages": published.packages_file(self.medicines, self.packages),
            "fimea_substances": published.substances_file(self.medicines, self.packages),
            "fimea_substitution": published.substitution_file(self.medicines, self.packages),
        }
        for source, data in lists.items():
            self._put(source, f"{source}.{'csv' if source == 'holders' else 'txt'}", data, start)
        for which in ("eu", "national"):
            self._put("critical_list", f"{which}.csv", published.critical_file(self.medicines, which), start)
        for back in range(self.size.lists - 1, -1, -1):
            on = self.last - timedelta(days=7 * back)
            data = published.shortages_file(drawn, self.packages, on)
            self._put("fimea_shortages", f"Saatavuushairiot.{on}.txt", data, _morning(on, hour=6))

    def _day(self, day: Day, world: World) -> None:
        """The day's rows: into the month's bundle, or into a file of its own near the end."""
        left = (self.last - day.day).days
        if left < self.size.stock_days:
            rows = self._heard(writing.stock(day, world, self.places, self.packages), "holder_id", left)
            self._take("stock", day.day, rows, left)
            self.truth.stock.append(self._national(day))
        rows = self._heard(writing.dispensing(day, world, self.places, self.packages), "reporter_id", left)
        self._take("dispensing", day.day, rows, left)

    def _heard(self, rows: pl.DataFrame, who: str, left: int) -> pl.DataFrame:
        """One pharmacy falls silent for the last week."""
        silent = [place.holder_id for place in self.places if place.channel == "community"][SILENT_PHARMACY]
        return rows.filter(pl.col(who) != silent) if left < SILENT_DAYS else rows

    def _take(self, source: str, day: date, rows: pl.DataFrame, left: int) -> None:
        if left < self.size.daily_files:
            self._daily(source, day, rows, left)
            return
        self.bundles[source].append(rows)
        month_ends = (day + timedelta(days=1)).day == 1
        if month_ends or left == self.size.daily_files:
            bundle = pl.concat(self.bundles[source])
            self._put(source, f"{source}-{day:%Y-%m}.parquet", writing.parquet(bundle), _morning(day))
            self.bundles[source] = []

    def _daily(self, source: str, day: date, rows: pl.DataFrame, left: int) -> None:
        text = writing.csv_text(rows)
        if source == "stock" and left == 3 and self.size.stock_days > 100:
            text, expected = dirt.dirty_stock(text, day)
            self.truth.dirt.append({"file": f"stock-{day}.csv.gz", **asdict(expected)})
        if source == "stock" and left == 1:
            text = dirt.shortened(text, SHORT_HOSPITAL)
        late = timedelta(hours=30) if left == 6 and source == "dispensing" else timedelta()
        self._put(source, f"{source}-{day}.csv.gz", writing.gz(text), _morning(day) + late)

    def _slow(self, world: World, announced: pl.DataFrame) -> None:
        """What changes seldom: announced supply by month, obligations by year."""
        by_month = announced.with_columns(month=pl.col("announced_on").dt.truncate("1mo"))
        for (month,), rows in by_month.group_by("month", maintain_order=True):
            end = min(_month_end(month), self.last)
            text = writing.csv_text(rows.drop("month"))
            self._put("supply", f"supply-{month:%Y-%m}.csv", text.encode(), _morning(end))
        for year in range(self.first.year, self.last.year + 1):
            day = max(self.first, date(year, 1, 1))
            rows = writing.obligations(world, self.packages, year)
            self._put("obligations", f"obligations-{year}.csv", writing.csv_text(rows).encode(), _morning(day, hour=3))

    def _kela(self, drawn: list[Outage]) -> None:
        """Purchases follow the same seasons; outages dent them a little."""
        random = np.random.default_rng(self.random.integers(2**32))
        first = self.last.replace(month=1, day=1) - timedelta(days=365 * self.size.kela_years)
        mondays = [day for day in _mondays(first) if day + timedelta(days=6) <= self.last]
        weekly: dict[tuple[str, date], float] = {}
        for medicine in self.medicines:
            drift = np.cumsum(random.normal(0.0, 0.01, len(mondays)))
            for step, monday in zip(drift, mondays, strict=True):
                angle = 2 * np.pi * (monday.timetuple().tm_yday - 15) / 365.25
                level = (
                    medicine.weekly_packs
                    * (1 + medicine.season * np.cos(angle))
                    * np.exp(step + random.normal(0, 0.04))
                )
                weekly[medicine.atc, monday] = weekly.get((medicine.atc, monday), 0.0) + float(level)
        for year in sorted({monday.isocalendar()[0] for monday in mondays}):
            mine = [m for m in mondays if m.isocalendar()[0] == year and 2 <= m.isocalendar()[1] <= 52]
            if mine:
                frame = published.kela_year(self.medicines, weekly, mine, random)
                received = _morning(min(mine[-1] + timedelta(days=9), self.last), hour=9)
                self._put("kela_purchases", f"data_viikko_hva_{year}.parquet", writing.parquet(frame), received)

    # --- truth

    def _national(self, day: Day) -> pl.DataFrame:
        shelves = np.where(day.reserve > 0, day.shelf, day.shelf).sum(axis=0)
        return pl.DataFrame({
            "day": day.day, "vnr": [p.vnr for p in self.packages], "stock_packs": shelves + day.wholesale,
            "demand_packs": day.demand.sum(axis=0), "dispensed_packs": day.dispensed.sum(axis=0),
        })  # fmt: skip

    def _truth(self, drawn: list[Outage]) -> None:
        folder = self.out / "truth"
        folder.mkdir(parents=True, exist_ok=True)
        if self.truth.stock:
            pl.concat(self.truth.stock).write_parquet(folder / "stock.parquet")
        pl.DataFrame(
            [(self.packages[o.package].vnr, o.start, o.end, o.published) for o in drawn],
            schema={"vnr": pl.String, "start": pl.Date, "end": pl.Date, "published": pl.Date},
            orient="row",
        ).write_csv(folder / "outages.csv")
        pl.DataFrame(self.truth.dirt, schema=["file", "received", "accepted", "quarantined", "duplicate"]).write_csv(
            folder / "dirt.csv"
        )


def _morning(day: date, *, hour: int = 2) -> datetime:
    """When what is about ``day`` arrives: the next morning, before six in Helsinki."""
    return datetime.combine(day + timedelta(days=1 if hour <= 2 else 0), time(hour), UTC)


def _month_end(month: date) -> date:
    return (month + timedelta(days=32)).replace(day=1) - timedelta(days=1)


def _mondays(first: date) -> Iterator[date]:
    day = first - timedelta(days=first.weekday())
    while True:
        yield day
        day += timedelta(days=7)
        if (day - first).days > 3000:
            return
