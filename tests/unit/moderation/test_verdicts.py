"""What counts as a verdict, what a client is told of it, and what an endpoint is told of an asset."""

import base64
import json

import pytest

from spark_assets.domain.media import MediaFacts, MediaFormat
from spark_assets.moderation.http_moderator import read_verdict, write_case
from spark_assets.ports.moderator import ALLOWED, LONGEST_REASON, NoVerdict, Verdict
from tests.factories.moderation import case


def test_two_answers_are_verdicts() -> None:
    assert read_verdict(b'{"allow": true}') == ALLOWED
    assert read_verdict(b' {"reason": "a weapon", "allow": false} ') == Verdict("a weapon")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"true",
        b"null",
        b"[]",
        b"{}",
        b"allow",
        b'"allow"',
        b'{"allow": 1}',
        b'{"allow": "true"}',
        b'{"allow": null}',
        b'{"allow": [true]}',
        b'{"Allow": true}',
        b'{"allow": true, "reason": "a weapon"}',
        b'{"allow": true, "allow": true}',
        b'{"allow": false, "allow": true}',
        b'{"allow": false}',
        b'{"allow": false, "reason": null}',
        b'{"allow": false, "reason": ["a weapon"]}',
        b'{"allow": 0, "reason": "a weapon"}',
        b'{"allow": false, "reason": "a weapon", "score": 1}',
        b'{"allow": true} {"allow": true}',
        b'{"allow": true',
        b'\xff{"allow": true}',
        b'{"allow": NaN}',
        b"1" * 60_000,
        b'{"allow": ' + b"[" * 30_000 + b"]" * 30_000 + b"}",
        b"<html>allow</html>",
    ],
    ids=lambda body: body[:40].decode("latin-1"),
)
def test_whatever_else_is_answered_is_no_verdict(body: bytes) -> None:
    with pytest.raises(NoVerdict, match="expected"):
        read_verdict(body)


@pytest.mark.parametrize(
    ("reason", "sentence"),
    [
        ("shows a weapon", "shows a weapon"),
        ("  two\r\nlines\tand a bell\x07\u2028 ", "two lines and a bell"),
        ("half a pair \ud83d of surrogates\x00", "half a pair of surrogates"),
        ("zeigt 武器 👩‍🚀", "zeigt 武器 👩‍🚀"),
        ("", "the moderator refused the file and gave no reason"),
        (" \n\x00 ", "the moderator refused the file and gave no reason"),
        ("x" * LONGEST_REASON, "x" * LONGEST_REASON),
        ("x" * (LONGEST_REASON + 1), "x" * (LONGEST_REASON - 1) + "…"),
    ],
)
def test_a_reason_reaches_the_client_as_one_line_of_bounded_length(reason: str, sentence: str) -> None:
    assert Verdict(reason).sentence == sentence
    assert len(sentence.encode()) <= 4 * LONGEST_REASON


def test_an_endpoint_is_told_the_facts_and_shown_the_rendition() -> None:
    facts = MediaFacts(format=MediaFormat.MP4, width=640, height=480, duration=2.5, frame_rate=24.0, codec="h264", has_audio=True)
    told = json.loads(write_case(case(facts=facts, name="hero 武器", rendition=b"\xff\xd8\xff")))
    assert base64.b64decode(told["rendition"].pop("data")) == b"\xff\xd8\xff"
    assert told == {
        "asset_id": "asset-1",
        "project_id": "project-default",
        "name": "hero 武器",
        "type": "Image",
        "sha256": "ab" * 32,
        "size": 512,
        "facts": {
            "format": "mp4", "width": 640, "height": 480, "frame_count": None, "duration": 2.5, "frame_rate": 24.0, "codec": "h264",
            "has_audio": True,
        },
        "rendition": {"media_type": "image/jpeg"},
    }  # fmt: skip
    assert json.loads(write_case(case(rendition=None)))["rendition"] is None
