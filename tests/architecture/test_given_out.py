"""The search for secrets in logs, which every server process of a test ends with, finds them."""

import json

import pytest

from tests.factories import given_out
from tests.factories.spark_processes import ServeProcess, environment

KEY = "sk_" + "Zz9" * 16
WEBHOOK = "whsec_q0+/" + "Ab1" * 10 + "="
SIGNATURE = "0f" * 32
TOKEN = "tok-EN_" * 5


@pytest.fixture(autouse=True)
def nothing_given_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if the run had just begun."""
    monkeypatch.setattr(given_out, "_given", set())
    monkeypatch.setattr(given_out, "_queries", set())


@pytest.mark.parametrize(
    ("answer", "location", "secret"),
    [
        ({"id": "key-1", "key": KEY}, "", KEY),
        ({"secret": WEBHOOK}, "", WEBHOOK),
        ({"url": f"http://x/media/a/b.jpg?expires=1&key=1&signature={SIGNATURE}"}, "", SIGNATURE),
        ({"items": [{"url": f"http://x/s/{TOKEN}"}]}, "", TOKEN),
        ({}, f"http://x/media/a/b.jpg?expires=1&key=1&signature={SIGNATURE}", SIGNATURE),
    ],
    ids=["key", "webhook", "link", "share", "redirect"],
)
def test_what_an_answer_gives_out_is_found_in_a_log(answer: dict[str, object], location: str, secret: str) -> None:
    assert given_out.find_given_out(f'{{"event": "x", "header": "Bearer {secret}"}}') == []
    given_out.note_answer(json.dumps(answer).encode(), location)
    for line in (f'"Bearer {secret}"', f"signature={secret}&x=1", f"GET /s/{secret} HTTP/1.1", f"[{secret}]"):
        assert given_out.find_given_out(f"a line\n{line}\nanother") == [f"{secret[:8]}…"], line
    assert given_out.find_given_out(f'"hint": "{secret[:7]}…"') == []


def test_the_query_of_a_source_is_found_in_a_log() -> None:
    given_out.note_request(json.dumps({"URL": "https://example.com/x.jpg?token=hush-hush&x=1"}).encode())
    assert given_out.find_given_out("fetching https://example.com/x.jpg") == []
    assert given_out.find_given_out("fetching https://example.com/x.jpg?token=hush-hush&x=1 now") == ["token=hush-hush&x=1"]


def test_a_server_whose_log_holds_a_secret_fails_its_test_when_it_closes() -> None:
    for line, is_told in ((f'"Bearer {KEY}"', True), ('"hint": "sk_Zz9Z…"', False)):
        given_out.note_secret(KEY)
        process = ServeProcess(environment())
        (process.folder / "server.log").write_text(line)
        assert process.log == line
        if is_told:
            with pytest.raises(AssertionError, match="ServeProcess holds"):
                process.close()
        else:
            process.close()
