"""Sites get and give exactly what the nation does."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from medsupply.areas import COUNTIES
from medsupply.simulate.places import places
from medsupply.simulate.sites import apportion


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 40), st.integers(1, 12))
def test_apportioned_packs_are_whole_and_add_up(seed: int, sites: int, packages: int) -> None:
    random = np.random.default_rng(seed)
    weights = random.random((sites, packages)) * (random.random((sites, packages)) < 0.7)
    total = random.integers(0, 5000, packages).astype(float)
    found = apportion(total, weights, random)
    assert (found >= 0).all() and (found == np.round(found)).all()
    assert np.array_equal(found.sum(axis=0), np.where(weights.sum(axis=0) > 0, total, 0.0))
    assert (found[weights.cumsum(axis=0) == 0] == 0).all()


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 40))
def test_nobody_gives_more_than_lies_there(seed: int, sites: int) -> None:
    random = np.random.default_rng(seed)
    shelves = random.integers(0, 30, (sites, 5)).astype(float)
    total = np.floor(shelves.sum(axis=0) * random.random(5))
    found = apportion(total, shelves, random, exact=True)
    assert (found <= shelves).all() and np.array_equal(found.sum(axis=0), total)


def test_pharmacies_are_where_people_are() -> None:
    found = places(830, 41, np.random.default_rng(0))
    pharmacies = [place for place in found if place.holder_type == "pharmacy"]
    assert len(pharmacies) == 830
    by_county = {area.code: sum(place.county == area.code for place in pharmacies) for area in COUNTIES}
    assert min(by_county.values()) >= 1 and max(by_county, key=by_county.__getitem__) == "90"
    assert len({place.holder_id for place in found}) == len(found)
    kinds = {
        kind: sum(place.holder_type == kind for place in found) for kind in ("hospital_pharmacy", "medicine_centre")
    }
    assert kinds == {"hospital_pharmacy": 24, "medicine_centre": 41}
