from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spark_assets.domain import blob_names

SHA256 = "ab" + "0" * 62


def test_names_are_made_of_the_hash() -> None:
    assert blob_names.original(SHA256) == f"originals/ab/{SHA256}"
    assert blob_names.rendition(SHA256, "poster", "webp") == f"renditions/ab/{SHA256}-poster.webp"


@pytest.mark.parametrize("sha256", ["", "ab", SHA256.upper(), SHA256 + "0", SHA256 + "\n", "../" + SHA256[3:], "g" * 64])
def test_what_is_no_hash_makes_no_name(sha256: str) -> None:
    with pytest.raises(blob_names.InvalidBlobName):
        blob_names.original(sha256)
    with pytest.raises(blob_names.InvalidBlobName):
        blob_names.rendition(sha256, "poster", "webp")


@pytest.mark.parametrize(
    ("variant", "extension"), [("..", "webp"), ("a/b", "webp"), ("", "webp"), ("poster", "../x"), ("poster", ""), ("A", "b")]
)
def test_what_is_no_word_makes_no_variant(variant: str, extension: str) -> None:
    with pytest.raises(blob_names.InvalidBlobName):
        blob_names.rendition(SHA256, variant, extension)


@given(st.text(alphabet=st.sampled_from("ab0._-/\\ \n\0A"), max_size=30) | st.text(max_size=30))
def test_no_accepted_name_leaves_its_store(name: str) -> None:
    root = Path("/store")
    if blob_names.is_name(name):
        path = root / name
        assert ".." not in path.parts
        assert path != root
        assert path.is_relative_to(root)
        assert not any(part.startswith(".") for part in path.relative_to(root).parts)
        assert str(path) == f"/store/{name}"


@given(st.text(alphabet="ab./", max_size=12))
def test_every_beginning_of_a_name_is_a_prefix(name: str) -> None:
    if blob_names.is_name(name):
        for end in range(len(name) + 1):
            assert blob_names.require_prefix(name[:end]) == name[:end]


@pytest.mark.parametrize("prefix", ["/", "/a", "..", "../", "a/../", "a//", "./", "A", "a/.b", "a" * 600])
def test_what_begins_no_name_is_no_prefix(prefix: str) -> None:
    with pytest.raises(blob_names.InvalidBlobName):
        blob_names.require_prefix(prefix)
