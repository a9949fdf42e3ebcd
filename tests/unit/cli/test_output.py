import pytest

from spark_assets.cli.drawing import draw_table


def test_a_table_shows_names_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    draw_table(("Name",), [("[/x] [red]loud[/red] :smile:",)])
    assert "[/x] [red]loud[/red] :smile:" in capsys.readouterr().out
