"""Simulate a nation and write it: deliveries under ``inbox``, arrivals in ``manifest.csv``, ``truth`` beside."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from dataclasses import asdict, replace
from datetime import UTC, date, timedelta
from pathlib import Path

import numpy as np
import polars as pl

from medsupply.errors import InputError
from medsupply.simulate import families, goods, kela, notices, places, planting, products, published, reports
from medsupply.simulate.dirt import Expected
from medsupply.simulate.files import Files, Manifest, morning, next_morning
from medsupply.simulate.living import Day, Living, Plan
from medsupply.simulate.observer import Observer
from medsupply.simulate.oracle import PATHS, Oracle
from medsupply.simulate.presets import Preset
from medsupply.simulate.presets import preset as preset_
from medsupply.simulate.silence import Silence
from medsupply.simulate.sites import Sites
from medsupply.simulate.state import Lived
from medsupply.simulate.truth import TRAILING, Truth
from medsupply.simulate.writing import csv_text, parquet

Progress = Callable[[int, int, str], None]
VERSION = 7
OLD_VNR = "099001"
ALERT_HORIZONS = (14, 56)
WEEKLY_FOR = 62
"""Days before the last one in which announcements come by the week; before that by the month."""
PUBLISHED_AGAIN, PUBLISHED_FOR = (1, 15), 100
"""Days of the month on which the register is published, in so many days before the last one."""


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
    medicines: int | None = None,
    pharmacies: int | None = None,
    hospitals: int | None = None,
    history_days: int | None = None,
    form: str | None = None,
    residuals: Path | None = None,
    paths: int = PATHS,
    daily_paths: int = 0,
    daily_files: int | None = None,
    planted: bool | None = None,
) -> Manifest:
    """Write a nation; the same arguments give the same bytes, and a nation that stands there already is kept.

    ``days``: of stock snapshots; ``history_days``: of dispensing; ``daily_files``: last days that come as a file a day
    (earlier ones are bundled); ``form``: of daily files (csv.gz, csv, parquet); ``planted``: what ``planting`` says;
    ``residuals``: weekly series (unique_id, ds, y) that family b draws from; ``paths``: continuations of the oracle;
    ``daily_paths``: those of the oracle of alerts, every day up to ``ALERT_HORIZONS`` (0: none).
    Raises InputError for an unknown preset or family, a folder that holds another nation, or series that are not there.
    """
    size = preset_(
        preset, stock_days=days, last_day=end, medicines=medicines, pharmacies=pharmacies, hospitals=hospitals,
        dispensing_days=history_days, daily_form=form, daily_files=daily_files, planted=planted,
    )  # fmt: skip
    stamp = _stamp(size, family, seed, oracle, paths, daily_paths, _hash_of(residuals))
    if _stands(out, stamp):
        return _read(out, size)
    (out / "stamp").write_text(stamp)
    manifest = _Nation(out, size, family, seed, residuals, paths if oracle else 0, daily_paths).write(progress)
    manifest.arrivals().write_csv(out / "manifest.csv")
    return manifest


def _stamp(size: Preset, *told: object) -> str:
    """What a nation follows from, as a hash."""
    return _hash(json.dumps([VERSION, *told, asdict(size)], default=str).encode())


def _stands(out: Path, stamp: str) -> bool:
    """Whether this very nation stands there whole; what an interrupted run left is cleared away."""
    out.mkdir(parents=True, exist_ok=True)
    mine, whole = out / "stamp", (out / "manifest.csv").exists()
    if mine.exists() and mine.read_text() == stamp and whole:
        return True
    if (mine.exists() and whole) or (not mine.exists() and any(out.iterdir())):
        raise InputError(f"{out} holds something else already", "Name an empty folder")
    for name in ("inbox", "truth"):
        shutil.rmtree(out / name, ignore_errors=True)
    return False


def _hash_of(residuals: Path | None) -> str | None:
    if residuals is None:
        return None
    if not residuals.is_file():
        raise InputError(f"There is no file {residuals}", "Name weekly series with columns unique_id, ds, y")
    return _hash(residuals.read_bytes())


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _read(out: Path, size: Preset) -> Manifest:
    rows = pl.read_csv(out / "manifest.csv", try_parse_dates=True)
    moments = [moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment for moment in rows["received_at"]]
    files = list(zip(rows["source"], rows["path"], moments, strict=True))
    return Manifest(out, size.last_day, size.medicines, files)


class _Nation:
    """One nation being written."""

    def __init__(
        self, out: Path, size: Preset, family: str, seed: int, residuals: Path | None, paths: int, daily_paths: int
    ) -> None:
        self.size, self.seed = size, seed
        random = np.random.default_rng([seed, 1])
        self.medicines = products.medicines(size.medicines)
        self.packages = products.packages(self.medicines, random)
        self.goods = goods.goods(self.medicines, self.packages, random)
        self.places = places.places(size.pharmacies, size.centres, random, hospitals=size.hospitals)
        self.sites = Sites(
            self.places, self.medicines, self.packages, self.goods, np.random.default_rng([seed, 2]),
            carried=size.carried,
        )  # fmt: skip
        self.goods = replace(self.goods, least=self.sites.carries.sum(axis=0).astype(float))
        self.nature = families.nature(family, self.goods, residuals)
        self.nature.trouble = size.trouble
        self.notices = notices.Notices(families.manners(family), np.random.default_rng([seed, 3]))
        self.living = Living(self.nature, self.sites, self.notices, seed)
        self.reports = reports.Reports(self.sites, self.packages, self.goods, zeros_every=size.zeros_every)
        self.purchases = kela.Purchases(self.medicines, self.goods)
        self.truth = Truth(self.goods, self.medicines, self.packages)
        self.files = Files(Manifest(out, size.last_day, size.medicines), self.truth)
        names = [f"G{m.group}" for m in self.medicines]
        self.oracle = Oracle(self.nature, names, seed, paths) if paths else None
        self.observer = Observer(self.nature, self.notices)
        self.bound = Oracle(self.nature, names, seed, paths, forget=self.observer.forget) if paths else None
        daily = (self.nature, names, seed, daily_paths, ALERT_HORIZONS)
        self.daily = Oracle(*daily) if daily_paths else None
        self.daily_bound = Oracle(*daily, forget=self.observer.forget) if daily_paths else None
        self.last = size.last_day
        self.first = self.last - timedelta(days=size.dispensing_days - 1)
        self.announcing = np.random.default_rng([seed, 4])
        self.applied: dict[int, date] = {}
        self.registers: dict[str, bytes] = {}
        self.slow: dict[str, list[pl.DataFrame]] = {"supply": [], "permits": []}
        self.silence = self._silence(family)

    def write(self, progress: Progress | None) -> Manifest:
        kela_first = date(self.last.year - self.size.kela_years, 1, 1)
        for lived in self.living.before(min(kela_first, self.first) - timedelta(days=2 * TRAILING), self.first):
            self._lived(lived)
        self._reference()
        total = self.size.dispensing_days
        for number, day in enumerate(self.living.days(self.last, self._plan()), start=1):
            self._lived(day.lived)
            self._day(day, (self.last - day.day).days)
            if progress and (number % 25 == 0 or number == total):
                progress(number, total, str(day.day))
        self._kela(kela_first)
        self._truth()
        return self.files.manifest

    def _plan(self) -> Plan:
        """What to plant in a nation of this size; the truth tells of regimes, its other files of the rest."""
        plan = planting.PLAN.within(self.size.medicines) if self.size.planted else Plan()
        for one in plan.regimes:
            start = self.last - timedelta(days=one.before)
            self.truth.event(start, "regime", f"G{self.medicines[one.medicine].group}", f"demand x {one.factor}")
        return plan

    def _silence(self, family: str) -> Silence:
        rate, mean = families.silences(family)
        names = [p.holder_id for p in self.places if p.holder_type != "state_reserve"]
        found = Silence(names, self.first, self.last, rate, mean, self.seed)
        if self.size.planted:
            pharmacy = [p.holder_id for p in self.places if p.holder_type == "pharmacy"][4]
            found.plant(pharmacy, self.last - timedelta(days=planting.SILENT_FOR - 1), self.last)
        return found

    def _lived(self, lived: Lived) -> None:
        self.purchases.see(lived)
        self.truth.lived(lived)

    def _reference(self) -> None:
        start = morning(self.first)
        m, p = self.medicines, self.packages
        lists = {
            "holders.csv": csv_text(reports.holders(self.places)).encode(),
            "fimea_atc.txt": published.atc_file(m),
            "fimea_forms.txt": published.forms_file(m),
            "fimea_packages.txt": published.packages_file(m, p),
            "fimea_substances.txt": published.substances_file(m, p),
            "fimea_substitution.txt": published.substitution_file(m, p),
        }
        self.registers = lists
        for name, data in lists.items():
            self.files.lines(name.partition(".")[0], name, data, start)
        for which in ("eu", "national"):
            self.files.lines("critical_list", f"{which}.csv", published.critical_file(m, which), start)
        names = kela.names(m, self.first)
        expected = Expected(names.height, names.height)
        self.files.put("kela_names", "metadata_viikko_hva.parquet", parquet(names), start, expected)
        mapped = published.package_map_file(m, reports.ARTICLE, OLD_VNR, p[0].vnr, self.first)
        self.files.lines("package_map", "package_map.csv", mapped, start)
        for year in range(self.first.year, self.last.year + 1):
            day = max(self.first, date(year, 1, 1))
            self.files.rows("obligations", f"obligations-{year}", self.reports.obligations(year), morning(day))

    def _day(self, day: Day, left: int) -> None:
        """The day's rows: into the bundle, or into a file of its own near the end; lists and truth."""
        names = [place.holder_id for place in self.sites.places]
        if left < self.size.stock_days:
            self.truth.day(day, names, self.sites.transfers)
            self._site_rows("stock", day.day, self.silence.heard(self.reports.stock(day), "holder_id", day.day), left)
        rows = self.silence.heard(self.reports.dispensing(day), "reporter_id", day.day)
        self._site_rows("dispensing", day.day, rows, left)
        self._events(day, left)
        if left < self.size.daily_files or (left % 7 == 0 and left < 7 * self.size.lists):
            self._notices(day.day)
        if left < PUBLISHED_FOR and day.day.day in PUBLISHED_AGAIN and day.day > self.first:
            self._registers(day.day)
        if self.oracle and self.bound and self._asks(left):
            for one in (self.oracle, self.bound):
                one.ask(self.living.state, self.truth.floor())
        if self.daily and self.daily_bound and self.size.stock_days - left >= TRAILING:
            for one in (self.daily, self.daily_bound):
                one.ask(self.living.state, self.truth.floor())

    def _site_rows(self, source: str, day: date, rows: pl.DataFrame, left: int) -> None:
        size = self.size
        if left >= size.daily_files:
            monthly = size.daily_files > 0
            ends = (day + timedelta(days=1)).day == 1 if monthly else day.weekday() == 6
            self.files.gather(source, day, rows, close=ends or left == size.daily_files)
        elif size.planted:
            for one in planting.files_of(source, day, rows, left):
                self.files.put(source, one.name, one.data, one.received_at, one.expected)
                if one.event:
                    kind = "correction" if one.corrects else "delivery"
                    self.truth.event(day, kind, one.corrects or one.name, one.event)
        else:
            self.files.daily(source, day, rows, size.daily_form)

    def _events(self, day: Day, left: int) -> None:
        """Announced supply and permits: by the week, by the day near the end."""
        told = self.announcing.random(len(self.packages)) < self.nature.announced_share
        self.observer.see(day.lived, self.living.state, told)
        self.slow["supply"].append(self.reports.supply(day.lived, told))
        self.slow["permits"].append(self.reports.permits(day.lived, self.applied))
        weekly = left < WEEKLY_FOR and day.day.weekday() == 6
        if left < self.size.daily_files or weekly or left == 0 or (day.day + timedelta(days=1)).day == 1:
            for source, frames in self.slow.items():
                # A grant replaces its application: one file holds the newest row of a key.
                key = reports.PERMIT_KEY if source == "permits" else [*reports.SUPPLY]
                rows = pl.concat(frames).unique(key, keep="last", maintain_order=True)
                self.files.rows(source, f"{source}-{day.day}", rows, next_morning(day.day))
                frames.clear()

    def _registers(self, on: date) -> None:
        """The register as published again, unchanged: a duplicate that tells that it still holds."""
        for name, data in self.registers.items():
            stem, _, ending = name.partition(".")
            if stem.startswith("fimea_") and (stem != "fimea_substitution" or (on.day, on.month % 3) == (1, 1)):
                again = Expected(0, 0, verdict="duplicate", note="published again unchanged")
                self.files.put(stem, f"{stem}-{on}.{ending}", data, morning(on), again)

    def _notices(self, on: date) -> None:
        """The list as published in the morning of ``on``, with the dirt that the real one has."""
        rows = self.notices.rows(self.packages, on)
        dirty = notices.dirty_rows(on)
        total = len(rows) + len(dirty)
        expected = Expected(total, total - 2, 2, 0, "partly", "year 0202; an end before its start")
        data = notices.list_file([*rows, *dirty])
        self.files.put("fimea_shortages", f"Saatavuushairiot.{on}.txt", data, morning(on, 6), expected)

    def _asks(self, left: int) -> bool:
        """Origins of the oracle: regular ones with a whole trailing window behind and all horizons before the end."""
        behind = self.size.stock_days - left
        return left % self.size.oracle_every == 0 and behind >= TRAILING

    def _kela(self, first: date) -> None:
        """One file per year when its last week is published, and the last Wednesdays' files of the running year."""
        for year, mondays in self.purchases.years(first, self.last - timedelta(days=3)):
            for cut in range(max(0, len(mondays) - 4) if year == self.last.year else len(mondays) - 1, len(mondays)):
                some = mondays[: cut + 1]
                on = some[-1] + timedelta(days=kela.PUBLISHED_AFTER)
                name = f"data_viikko_hva_{year}-{on}.parquet"
                frame = self.purchases.frame(some, self.seed)
                expected = Expected(frame.height, frame.height)
                self.files.put("kela_purchases", name, parquet(frame), morning(min(on, self.last), 9), expected)

    def _truth(self) -> None:
        folder = self.files.manifest.folder / "truth"
        for holder, start, end in self.silence.spans:
            self.truth.event(start, "silence", holder, f"until {end}")
        self.truth.write(folder, self.notices)
        if self.oracle and self.bound:
            self.oracle.frame().write_parquet(folder / "oracle.parquet")
            self.bound.frame().write_parquet(folder / "observer.parquet")
        if self.daily and self.daily_bound:
            self.daily.frame().write_parquet(folder / "oracle_daily.parquet")
            self.daily_bound.frame().write_parquet(folder / "observer_daily.parquet")
