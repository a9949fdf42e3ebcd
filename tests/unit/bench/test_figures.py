"""How a measured row is judged against its goal and against the run before."""

import io

import pytest
from rich.console import Console

from bench.compare import build_table
from bench.figures import Figure, Goal, compare
from bench.report import PAGE, read_results, render

RATE = Goal(0.5, at_least=True)
GROWTH = Goal(128, at_least=False, of_ratio=False, unit=" MB")


def _rate(ours: float) -> Figure:
    return compare("create", "requests/s", [ours], [100.0], RATE)


def _growth(ours: float) -> Figure:
    return compare("memory", "MB", [ours], [300.0], GROWTH)


@pytest.mark.parametrize(
    ("figure", "before", "is_worse"),
    [
        (_rate(44), _rate(50), True),
        (_rate(46), _rate(50), False),
        (_rate(60), _rate(50), False),
        (_growth(75), _growth(60), True),
        (_growth(70), _growth(60), False),
        (_growth(10), _growth(60), False),
        (_growth(12), _growth(-1), True),
        (_growth(10), _growth(-1), False),
    ],
)
def test_worse_is_what_lost_more_than_a_tenth_of_itself_or_of_what_is_allowed(figure: Figure, before: Figure, is_worse: bool) -> None:
    assert figure.is_worse_than(before) is is_worse


def test_the_median_of_the_rounds_counts() -> None:
    figure = compare("create", "requests/s", [1.0, 60.0, 900.0], [100.0, 100.0, 3.0], RATE)
    assert (figure.ours, figure.baseline, figure.ratio, figure.reached) == (60.0, 100.0, 0.6, True)


def test_what_got_worse_is_marked_though_its_goal_is_reached() -> None:
    drawn = io.StringIO()
    Console(file=drawn, width=110).print(build_table([_rate(60), _growth(200)], {"create": _rate(90)}))
    _, create, memory = drawn.getvalue().rstrip().splitlines()
    assert create.split()[-3:] == ["0.90", "reached,", "WORSE"]
    assert memory.split()[-1] == "short"


def test_the_page_shows_what_was_measured() -> None:
    results = read_results()
    assert results is not None
    assert render(results.rows) in PAGE.read_text()
