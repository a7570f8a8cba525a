"""A command that is misused: what is wrong in one sentence, exit code 2, never "unexpected"."""

from __future__ import annotations

import sys

import pytest
import typer

from medsupply import cli


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["medsupply", *arguments])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    return int(ended.value.code or 0)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["backtest", "civ", "--origins", "2019-01-01"], "No such option: --origins"),
        (["backtest", "civ"], "Missing option '--data'"),
        (["nonsense"], "No such command 'nonsense'"),
        ([], "The national medication"),
    ],
)
def test_what_is_wrong_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: list[str], told: str
) -> None:
    assert run(monkeypatch, *arguments) == 2
    said = capsys.readouterr()
    assert told in said.err + said.out and "unexpected happened" not in said.err


def test_stopped_by_hand(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def stopped(*_: object, **__: object) -> int:
        raise typer.Abort

    monkeypatch.setattr(cli, "app", stopped)
    assert run(monkeypatch, "demo") == 130
    assert "Stopped." in capsys.readouterr().err
