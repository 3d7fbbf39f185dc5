"""Bars for what takes more than a moment."""

import io

import pytest

from pfc_metarl import progress as module
from pfc_metarl.progress import progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_bar_on_a_terminal_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "DELAY", 0.0)
    for screen in (Terminal(), io.StringIO()):
        monkeypatch.setattr("sys.stderr", screen)
        assert list(progress(range(3), "fitting")) == [0, 1, 2]
        assert ("fitting" in screen.getvalue()) == screen.isatty()


def test_no_bar_for_a_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Terminal()
    monkeypatch.setattr("sys.stderr", screen)
    assert list(progress(iter("ab"), "fitting")) == ["a", "b"]
    assert "fitting" not in screen.getvalue()
