import pytest

from spark_assets.domain.errors import InvalidParameter
from spark_assets.domain.usage import DAY, MICRO
from spark_assets.web.monitor.span import read_span

NOW = 1_780_000_000 * MICRO
"""2026-05-28T20:26:40Z."""
MAY, MAY_29, JUNE = 1_777_593_600 * MICRO, 1_780_012_800 * MICRO, 1_780_272_000 * MICRO


@pytest.mark.parametrize(
    ("query", "span"),
    [
        ({}, (MAY, MAY_29)),
        ({"start": "2026-05-28"}, (MAY_29 - DAY, MAY_29)),
        ({"end": "2026-05-31"}, (MAY, JUNE)),
        ({"start": "2026-05-28", "end": "2026-05-28"}, (MAY_29 - DAY, MAY_29)),
        ({"start": "2026-05-01T00:00:00Z", "end": "2026-06-01T00:00:00Z"}, (MAY, JUNE)),
        ({"start": "2026-05-01T02:00:00+02:00", "end": "2026-05-31T20:00:00-04:00"}, (MAY, JUNE)),
        ({"start": "2026-05-01T00:00:00", "end": "2026-05-01T00:00:00.5"}, (MAY, MAY + MICRO // 2)),
        ({"start": "1777593600", "end": "1780272000"}, (MAY, JUNE)),
        ({"start": "2025-06-01", "end": "2026-05-31"}, (MAY - 334 * DAY, JUNE)),
    ],
)
def test_the_forms_in_which_clients_name_a_span(query: dict[str, str], span: tuple[int, int]) -> None:
    assert read_span(query, NOW) == span


@pytest.mark.parametrize(
    ("query", "param"),
    [
        ({"start": "yesterday"}, "start"),
        ({"start": "2026-02-30"}, "start"),
        ({"end": "2026-13-01"}, "end"),
        ({"end": "2026-05-28T25:00:00Z"}, "end"),
        ({"end": "9999-12-31T23:59:59-23:59"}, "end"),
        ({"start": "0001-01-01T00:00:00+01:00"}, "start"),
        ({"start": "2026-05-28T20:00:00+99:00"}, "start"),
        ({"start": "\u0662\u0660\u0662\u0666-05-28"}, "start"),
        ({"start": "123456789012"}, "start"),
        ({"start": "-5"}, "start"),
        ({"start": "2026-05-29", "end": "2026-05-28"}, "start"),
        ({"start": "2026-05-28T00:00:00Z", "end": "2026-05-28T00:00:00Z"}, "start"),
        ({"start": "2025-01-01", "end": "2026-05-28"}, "start"),
        ({"start": "0001-01-01", "end": "9999-12-31"}, "start"),
    ],
)
def test_a_span_that_is_none_is_refused(query: dict[str, str], param: str) -> None:
    with pytest.raises(InvalidParameter) as refused:
        read_span(query, NOW)
    assert refused.value.param == param


@pytest.mark.parametrize("end", ["0001-01-01", "9999-12-31", "0", "99999999999", "9999-12-31T23:59:59Z"])
def test_an_end_at_the_edge_of_the_calendar_still_has_its_month(end: str) -> None:
    start, found = read_span({"end": end}, NOW)
    assert 0 < found - start <= 31 * DAY
