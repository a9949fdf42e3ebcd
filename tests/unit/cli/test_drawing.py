"""How answers look on a terminal of any width, and what a name may do to it."""

import re

import pytest

from spark_assets.cli.drawing import draw_table, printable
from spark_assets.cli.remote.bars import open_bars

COLUMNS = ("ID", "Name", "Status", "Created")
ROWS = (("asset-20261129171024-vwnv8", "Dunes at dusk", "Active", "2026-11-29"), ("asset-20261129171024-zs2gl", "", "Failed", "2026-11-29"))


def _drawn(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], width: int) -> list[str]:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("NO_COLOR", "1")
    draw_table(COLUMNS, ROWS)
    return [re.sub(r"\x1b\[[0-9;]*m", "", line).rstrip() for line in capsys.readouterr().out.splitlines()]


def test_a_wide_terminal_has_a_line_for_each_row(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert len(_drawn(monkeypatch, capsys, 80)) == 3


def test_a_narrow_one_leaves_out_what_is_of_less_weight(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert _drawn(monkeypatch, capsys, 50)[0].split() == ["ID", "Name", "Status"]


def test_a_very_narrow_one_has_a_line_for_each_value_and_leaves_out_none(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert [line.split(maxsplit=1) for line in _drawn(monkeypatch, capsys, 40)] == [
        ["ID", ROWS[0][0]], ["Name", "Dunes at dusk"], ["Status", "Active"], ["Created", "2026-11-29"], [],
        ["ID", ROWS[1][0]], ["Status", "Failed"], ["Created", "2026-11-29"],
    ]  # fmt: skip


@pytest.mark.parametrize("picture", ["👩‍👩‍👧‍👦", "🏳️‍🌈", "🧑🏽‍🚀", "🤷‍♀️"])
def test_a_picture_of_joined_characters_is_one(picture: str) -> None:
    assert printable(f"{picture} a\N{BEL}") == f"{picture} a\\x07"


@pytest.mark.parametrize(
    "text", ["ad\N{ZERO WIDTH JOINER}min", "\N{ZERO WIDTH JOINER}🚀", "🚀\N{ZERO WIDTH JOINER}", "🚀\N{ZERO WIDTH JOINER}x"]
)
def test_a_joiner_that_joins_nothing_hides_nothing(text: str) -> None:
    assert printable(text) == text.replace("\N{ZERO WIDTH JOINER}", "\\u200d")


@pytest.mark.parametrize(("width", "has_bar"), [(80, True), (40, False)])
def test_progress_tells_name_stage_and_share_on_a_terminal_of_any_width(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], width: int, has_bar: bool
) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setenv("TERM", "xterm")
    with open_bars(["a-film-with-a-rather-long-name.mp4", "moon.jpg"]) as bars:
        bars.tell(0, 1, 2, "sending")
    drawn = [line.rstrip() for line in re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", capsys.readouterr().err).replace("\r", "\n").splitlines()]
    last = next(line for line in reversed(drawn) if "sending" in line)
    assert len(last) <= width
    assert re.fullmatch(r"…\S*long-name\.mp4 .*sending +50 %", last)
    assert ("━" in last) is has_bar
