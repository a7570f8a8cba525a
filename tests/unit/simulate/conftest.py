"""One small nation per family, written once per test session."""

from __future__ import annotations

from pathlib import Path

import pytest

from medsupply.simulate import Manifest, simulate

SIZE = {"medicines": 9, "days": 100, "history_days": 130, "pharmacies": 23}


def write(out: Path, family: str = "a", seed: int = 3, **more: object) -> Manifest:
    return simulate(out, preset="small", family=family, seed=seed, **(SIZE | more))  # type: ignore[arg-type]


@pytest.fixture(scope="session", params=["a", "b", "c"])
def nation(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    return write(tmp_path_factory.mktemp(f"nation-{request.param}"), request.param)


@pytest.fixture(scope="session")
def nation_a(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    return write(tmp_path_factory.mktemp("nation"), "a")
