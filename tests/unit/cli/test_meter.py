"""The progress bar: on a terminal's stderr only, and its time is that of what is left."""

import io
import sys

import pytest

from prudent.entrypoints.cli.meter import Pace, left_in_words, metered


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_what_was_done_before_tells_nothing_about_the_rest() -> None:
    pace = Pace()
    assert pace.left(60, 100, 1000.0) is None
    # One in ten seconds, of a sweep that was resumed at 60: 39 x 10.
    assert pace.left(61, 100, 1010.0) == 390.0
    # Four in forty seconds: 36 x 10.
    assert pace.left(64, 100, 1040.0) == 360.0


def test_between_two_steps_the_time_runs_down_and_never_below_nothing() -> None:
    pace = Pace()
    pace.left(0, 2, 0.0)
    assert pace.left(1, 2, 90.0) == 90.0
    assert pace.left(1, 2, 150.0) == 30.0
    assert pace.left(1, 2, 400.0) == 0.0
    assert pace.left(2, 2, 410.0) == 0.0


def test_many_at_once_count_as_many() -> None:
    pace = Pace()
    pace.left(0, 10, 0.0)
    # Four processes end four combinations in a minute: 15 seconds each.
    assert pace.left(4, 10, 60.0) == 90.0


def test_the_time_is_in_words() -> None:
    assert left_in_words(None) == ""
    assert left_in_words(59.6) == "0:01:00 left"
    assert left_in_words(3 * 3600 + 20 * 60 + 5) == "3:20:05 left"


def test_without_a_terminal_nothing_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    pipe = io.StringIO()
    monkeypatch.setattr(sys, "stderr", pipe)
    with metered("a sweep") as progress:
        assert progress is None
    assert pipe.getvalue() == ""


def test_on_a_terminal_the_bar_and_its_time_are_on_stderr(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    screen, seconds = Terminal(), iter((100.0, 130.0))
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "120")
    with metered("sweep s", now=lambda: next(seconds)) as progress:
        assert progress is not None
        progress(3, 6, "")
        progress(4, 6, "1 failed")
    shown = screen.getvalue()
    assert "sweep s" in shown
    assert "4/6" in shown
    assert "1 failed" in shown
    assert "0:01:00 left" in shown
    assert capsys.readouterr().out == ""
