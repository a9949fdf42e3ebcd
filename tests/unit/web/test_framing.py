"""Heads that can be read in two ways."""

import pytest

from spark_assets.web.framing import find_fault

HOST = (b"host", b"x")
CHUNKED = (b"transfer-encoding", b"chunked")

Headers = list[tuple[bytes, bytes]]


@pytest.mark.parametrize(
    ("headers", "version"),
    [
        ([HOST], "1.1"),
        ([HOST, CHUNKED], "1.1"),
        ([HOST, (b"transfer-encoding", b" Chunked ")], "1.1"),
        ([HOST, (b"x-host", b"y"), (b"x-transfer-encoding", b"y")], "1.1"),
        ([], "1.0"),
        ([(b"host", b"")], "1"),
    ],
)
def test_a_head_that_means_one_thing_is_let_in(headers: Headers, version: str) -> None:
    assert find_fault(headers, version) is None


@pytest.mark.parametrize(
    ("headers", "param"),
    [
        ([], "Host"),
        ([(b"host", b"")], "Host"),
        ([HOST, HOST], "Host"),
        ([HOST, (b"host", b"")], "Host"),
        ([HOST, CHUNKED, CHUNKED], "Transfer-Encoding"),
        ([HOST, (b"transfer-encoding", b"")], "Transfer-Encoding"),
        ([HOST, (b"transfer-encoding", b"gzip, chunked")], "Transfer-Encoding"),
        ([HOST, (b"transfer-encoding", b"identity")], "Transfer-Encoding"),
        ([HOST, (b"transfer-encoding", b"identity"), CHUNKED], "Transfer-Encoding"),
    ],
)
def test_a_head_that_may_mean_two_is_refused_with_the_header_named(headers: Headers, param: str) -> None:
    fault = find_fault(headers, "1.1")
    assert fault is not None
    assert fault.param == param
