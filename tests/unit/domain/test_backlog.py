from spark_assets.domain.backlog import Backlog, BacklogLimits, Line, share_of_each


def _backlog(at_hand: int = 4) -> Backlog:
    return Backlog(BacklogLimits(most=1_000, most_of_project=1_000, at_hand=at_hand))


def test_projects_share_what_is_at_hand_and_each_has_one_at_least() -> None:
    assert [share_of_each(32, projects) for projects in (0, 1, 2, 5, 32, 33, 1_000)] == [32, 32, 16, 6, 1, 1, 1]


def test_the_first_of_a_project_are_at_hand_whatever_another_one_has_in_line() -> None:
    backlog = _backlog()
    assert [backlog.add("film", in_batch=False) for _ in range(6)] == [Line.NONE] * 4 + [Line.SINGLES] * 2
    assert [backlog.add("music", in_batch=True) for _ in range(3)] == [Line.NONE] * 2 + [Line.BATCHES]


def test_a_count_replaces_what_was_known_but_not_what_was_added_since_it_began() -> None:
    backlog = _backlog()
    for _ in range(5):
        backlog.add("film", in_batch=False)
    backlog.begin_count()
    backlog.add("film", in_batch=False)
    backlog.end_count({"film": 2})
    assert [backlog.add("film", in_batch=False) for _ in range(2)] == [Line.NONE, Line.SINGLES]


def test_what_is_over_is_known_to_be_over_once_it_was_counted() -> None:
    backlog = _backlog()
    assert backlog.is_empty
    backlog.add("film", in_batch=False)
    assert not backlog.is_empty
    backlog.begin_count()
    backlog.end_count({})
    assert backlog.is_empty


def test_a_project_at_its_share_asks_for_a_count_until_one_begins() -> None:
    backlog = _backlog()
    for _ in range(4):
        backlog.add("film", in_batch=False)
    assert not backlog.is_stretched
    backlog.add("film", in_batch=False)
    assert backlog.is_stretched
    backlog.begin_count()
    assert not backlog.is_stretched
