"""How limits are written on the command line."""

import pytest
import typer

from spark_assets.cli.quota import read_changes, shown_bytes
from spark_assets.domain.quota import LARGEST_LIMIT


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("0", 0),
        ("1000000", 1_000_000),
        ("12B", 12),
        ("500GB", 500 * 10**9),
        ("500 gb", 500 * 10**9),
        ("1.5TiB", 3 * 2**39),
        ("0.0000015kB", None),
        ("0.0005kB", 0),
        ("1.25MB", 1_250_000),
        ("2KiB", 2048),
        (str(LARGEST_LIMIT), LARGEST_LIMIT),
        (str(LARGEST_LIMIT + 1), None),
        ("none", "lifted"),
        ("", None),
        ("-1", None),
        ("1e3", None),
        ("GB", None),
        ("5 apples", None),
        ("٣GB", None),
    ],
)
def test_bytes_take_a_number_with_a_unit(text: str, count: int | str | None, capsys: pytest.CaptureFixture[str]) -> None:
    if count is None:
        with pytest.raises(typer.Exit) as ended:
            read_changes(None, None, text)
        assert ended.value.exit_code == 2
        assert capsys.readouterr().err.startswith("spark-assets: --bytes takes ")
    else:
        assert read_changes(None, None, text) == {"bytes": None if count == "lifted" else count}


@pytest.mark.parametrize("text", ["", "-1", "1.5", "5k", "٣", "9" * 20])
def test_other_limits_are_whole_numbers(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert read_changes("3", "none", None) == {"assets": 3, "groups": None}
    with pytest.raises(typer.Exit):
        read_changes(None, text, None)
    assert capsys.readouterr().err.startswith(f"spark-assets: --groups takes a whole number of at most {LARGEST_LIMIT}, or 'none'")


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 B"), (999, "999 B"), (1000, "1 kB"), (1024, "1 KiB"), (1_500_000_000, "1500 MB"), (2**40, "1 TiB"), (10**12, "1 TB")],
)
def test_bytes_are_shown_exactly_in_the_largest_unit(count: int, text: str) -> None:
    assert shown_bytes(count) == text
