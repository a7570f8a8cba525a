"""What is true, written beside the deliveries and never read by the service."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl

from medsupply.simulate.dirt import Expected
from medsupply.simulate.goods import Array, Goods
from medsupply.simulate.living import Day
from medsupply.simulate.notices import Notices
from medsupply.simulate.products import Medicine, Package
from medsupply.simulate.state import Lived
from medsupply.simulate.writing import table

TRAILING, FLOOR_DAYS = 84, 7.0
HORIZONS = (14, 28, 56, 84, 91)
NATION = (
    "stock", "shelf", "depot", "company", "wanted", "given", "substituted", "arrived", "expired", "ordered", "permit",
)  # fmt: skip


@dataclass
class Truth:
    """Filled while the nation lives. Site rows are not kept: they are the deliveries without their dirt."""

    goods: Goods
    medicines: Sequence[Medicine]
    packages: Sequence[Package]
    days: list[date] = field(default_factory=list)
    nation: dict[str, list[Array]] = field(default_factory=lambda: {name: [] for name in NATION})
    given: list[Array] = field(default_factory=list)
    transfers: list[tuple[object, ...]] = field(default_factory=list)
    events: list[tuple[object, ...]] = field(default_factory=list)
    files: list[dict[str, object]] = field(default_factory=list)

    def lived(self, lived: Lived) -> None:
        """Every day, also before there are sites: units given per medicine, for the trailing mean."""
        self.given.append(self.goods.by_medicine(lived.given[0] * self.goods.units))
        self.given = self.given[-TRAILING:]

    def floor(self) -> Array:
        """Units per medicine at or below which the nation has run out, from the last 84 days given."""
        found: Array = FLOOR_DAYS * np.mean(self.given, axis=0)
        return found

    def day(self, day: Day, sites: Sequence[str], transfers: Sequence[tuple[int, int, int, float]]) -> None:
        """A day of the nation with sites."""
        lived = day.lived
        values = (day.stock, day.shelf.sum(axis=0), day.depot, day.company, lived.wanted[0], lived.given[0],
                  lived.substituted[0], lived.arrived[0], lived.expired[0], lived.ordered[0], day.permit)  # fmt: skip
        self.days.append(day.day)
        for name, one in zip(NATION, values, strict=True):
            self.nation[name].append(one)
        for giver, taker, package, packs in transfers:
            self.transfers.append((day.day, sites[giver], sites[taker], self.packages[package].vnr, packs))

    def expect(self, path: str, source: str, expected: Expected) -> None:
        self.files.append({"path": path, "source": source, **asdict(expected)})

    def event(self, day: date, kind: str, what: str, detail: str) -> None:
        self.events.append((day, kind, what, detail))

    def write(self, folder: Path, notices: Notices) -> None:
        """``nation`` and ``run_out`` as Parquet; ``outages``, ``transfers``, ``events`` and ``files`` as CSV."""
        folder.mkdir(parents=True, exist_ok=True)
        vnr = [p.vnr for p in self.packages]
        group = [f"G{self.medicines[p.medicine].group}" for p in self.packages]
        if self.days:
            frame = {name: np.concatenate(values) for name, values in self.nation.items()}
            pl.DataFrame({
                "day": np.repeat(np.array(self.days, dtype="datetime64[D]"), len(vnr)),
                "vnr": vnr * len(self.days), "medicine": group * len(self.days),
                "units_per_pack": np.tile(self.goods.units, len(self.days)), **frame,
            }).write_parquet(folder / "nation.parquet")  # fmt: skip
            self.run_out().write_parquet(folder / "run_out.parquet")
        self._outages(notices).write_csv(folder / "outages.csv")
        names = {"day": pl.Date, "from": pl.String, "to": pl.String, "vnr": pl.String, "packs": pl.Float64}
        table(self.transfers, names).write_csv(folder / "transfers.csv")
        events = {"day": pl.Date, "kind": pl.String, "what": pl.String, "detail": pl.String}
        table(sorted(self.events, key=str), events).write_csv(folder / "events.csv")
        pl.DataFrame(self.files).write_csv(folder / "files.csv")

    def run_out(self) -> pl.DataFrame:
        """Per medicine and day: units in the nation, the floor of that day, and whether it runs out within h days.

        ``event_h`` is null where the history ends before the horizon without one.
        """
        stock = np.array([self.goods.by_medicine(s * self.goods.units) for s in self.nation["stock"]])
        given = np.array([self.goods.by_medicine(s * self.goods.units) for s in self.nation["given"]])
        sums = np.cumsum(np.vstack([np.zeros(given.shape[1]), given]), axis=0)
        names = [f"G{one.group}" for one in self.medicines]
        rows = []
        for n in range(TRAILING - 1, len(self.days)):
            floor = FLOOR_DAYS * (sums[n + 1] - sums[n + 1 - TRAILING]) / TRAILING
            frame = {"medicine": names, "origin": [self.days[n]] * len(names), "stock": stock[n], "floor": floor}
            rows.append(pl.DataFrame(frame | self._events(stock, n, floor)))
        shape = {"medicine": pl.String, "origin": pl.Date, "stock": pl.Float64, "floor": pl.Float64}
        return pl.concat(rows) if rows else pl.DataFrame(schema=shape | {f"event_{h}": pl.Boolean for h in HORIZONS})

    def _events(self, stock: Array, n: int, floor: Array) -> dict[str, pl.Series]:
        found = {}
        for horizon in HORIZONS:
            after = stock[n + 1 : n + 1 + horizon]
            hit = (after <= floor).any(axis=0) | (stock[n] <= floor)
            known = hit | (len(after) == horizon)
            values = [bool(h) if k else None for h, k in zip(hit, known, strict=True)]
            found[f"event_{horizon}"] = pl.Series(values, dtype=pl.Boolean)
        return found

    def _outages(self, notices: Notices) -> pl.DataFrame:
        rows = [
            (self.packages[o.package].vnr, o.decided, o.start, o.ended, o.published, len(o.stated))
            for o in notices.outages
        ]
        kinds = {"vnr": pl.String, "decided": pl.Date, "start": pl.Date, "ended": pl.Date, "published": pl.Date}
        return table(rows, kinds | {"revisions": pl.Int64})
