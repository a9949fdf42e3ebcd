"""What a quota refuses."""

import pytest

from spark_assets.domain.errors import QuotaExceeded
from spark_assets.domain.quota import Allowance, Holdings, Quota

NOTHING = Holdings()


def _quota(held: Holdings, **allowed: int) -> Quota:
    return Quota(project_id="project-film", allowed=Allowance(**allowed), held=held)


def test_holdings_are_added_and_turned_to_losses() -> None:
    held = Holdings(assets=3, groups=2, bytes=100)
    assert held + -held == NOTHING
    assert held + Holdings(bytes=1) == Holdings(assets=3, groups=2, bytes=101)


@pytest.mark.parametrize("what", ["assets", "groups", "bytes"])
def test_what_is_gained_beyond_its_limit_is_refused_and_nothing_else(what: str) -> None:
    full, over = _quota(Holdings(**{what: 5}), **{what: 5}), _quota(Holdings(**{what: 6}), **{what: 5})
    full.refuse_excess(Holdings(**{what: 1}))
    over.refuse_excess(NOTHING)
    over.refuse_excess(Holdings(**{what: -1}))
    for other in {"assets", "groups", "bytes"} - {what}:
        over.refuse_excess(Holdings(**{other: 1}))
    _quota(Holdings(**{what: 6})).refuse_excess(Holdings(**{what: 6}))
    with pytest.raises(QuotaExceeded, match=f"with 2 more the project's number of {what} would be 6, and its quota allows 5; delete some"):
        over.refuse_excess(Holdings(**{what: 2}))


def test_room_is_expected_for_what_is_not_counted_yet() -> None:
    quota = _quota(Holdings(assets=4, groups=1, bytes=10), assets=5, groups=1, bytes=11)
    quota.expect_room(Holdings(assets=1))
    for gained in (Holdings(assets=2), Holdings(groups=1), Holdings(bytes=2)):
        with pytest.raises(QuotaExceeded):
            quota.expect_room(gained)


@pytest.mark.parametrize("held", [10, 11])
def test_an_asset_is_not_expected_where_no_byte_could_follow(held: int) -> None:
    quota = _quota(Holdings(bytes=held), bytes=10)
    quota.expect_room(Holdings(groups=1))
    with pytest.raises(QuotaExceeded, match=f"the project holds {held} bytes, and its quota allows 10"):
        quota.expect_room(Holdings(assets=1))
