"""How far a long command is, where stderr is a file: a line a minute, and nothing of a short one."""

from __future__ import annotations

import sys

import pytest
from tqdm import tqdm

from pipeline.core.system.progress import Lines, bar, duration, scaled


class Clock:
    """Seconds that pass when the test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_a_long_command_says_a_line_a_minute(capsys: pytest.CaptureFixture[str]) -> None:
    clock = Clock()
    with Lines("build", 9_800_000_000, "tokens", clock=clock) as shown:
        for _ in range(130):
            clock.now += 1
            shown.update(31_000_000)
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.splitlines() == [
        "build: 1.9 B of 9.8 B tokens (18 %), 31 M tokens/s, 4 min left",
        "build: 3.7 B of 9.8 B tokens (37 %), 31 M tokens/s, 3 min left",
    ]


def test_a_short_command_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    clock = Clock()
    with Lines("build", 100, "tokens", clock=clock) as shown:
        clock.now += 59.9
        shown.update(100)
    assert capsys.readouterr().err == ""


def test_the_rate_is_that_since_the_last_line(capsys: pytest.CaptureFixture[str]) -> None:
    """What an earlier run has left is counted at once: it says nothing of how fast this one is."""
    clock = Clock()
    shown = Lines("build", 1_000_000, "tokens", clock=clock)
    shown.update(880_000)
    clock.now += 60
    shown.update(0)
    for _ in range(10):
        clock.now += 6
        shown.update(600)
    assert capsys.readouterr().err.splitlines()[1:] == ["build: 886 k of 1 M tokens (88 %), 100 tokens/s, 19 min left"]


@pytest.mark.parametrize(
    ("total", "rate", "line"),
    [
        (None, 500, "verify: 30 k tokens, 500 tokens/s"),  # nobody knows how many there are
        (0, 500, "verify: 30 k tokens, 500 tokens/s"),
        (30_000, 500, "verify: 30 k of 30 k tokens (100 %), 500 tokens/s"),
        (20_000, 500, "verify: 30 k of 20 k tokens (150 %), 500 tokens/s"),
        (9, 0.05, "verify: 3 of 9 tokens (33 %), 2 min left"),
        (9, 0, "verify: 0 of 9 tokens (0 %)"),
    ],
)
def test_a_line_says_what_is_known(
    capsys: pytest.CaptureFixture[str], total: int | None, rate: float, line: str
) -> None:
    clock = Clock()
    shown = Lines("verify", total, "tokens", clock=clock)
    clock.now += 60
    shown.update(int(60 * rate))
    assert capsys.readouterr().err == line + "\n"


def test_a_terminal_has_a_bar_and_a_file_has_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(bar("build", 1, "tokens"), Lines)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    with bar("build", 1, "tokens") as shown:
        assert isinstance(shown, tqdm)


def test_numbers_and_times_are_short() -> None:
    assert [scaled(number) for number in (0, 0.25, 9.96, 999, 1000, 12_345, 2 * 10**12)] == [
        "0", "0.2", "10", "999", "1 k", "12 k", "2 T"
    ]  # fmt: skip
    assert [duration(seconds) for seconds in (0, 99, 100, 5999, 6000, 90_000)] == [
        "0 s", "99 s", "2 min", "1 h 40 min", "1 h 40 min", "25 h 0 min"
    ]  # fmt: skip
