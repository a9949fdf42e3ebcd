"""Ways to write an address that must not be reached: every spelling that some program somewhere takes for a host."""

from collections.abc import Sequence
from typing import Final

HIDDEN: Final = (
    # Dotted quads, as they are and inside IPv6.
    "127.0.0.1", "127.0.0.2", "127.1.2.3", "0.0.0.0", "127.0.0.1.", "127.0.0.2.",
    "[::1]", "[::]", "[0:0:0:0:0:0:0:1]", "[0000:0000:0000:0000:0000:0000:0000:0001]", "[::ffff:127.0.0.2]", "[::FFFF:7F00:2]",
    "[::ffff:0.0.0.0]", "[::127.0.0.2]", "[::ffff:0:127.0.0.2]", "[64:ff9b::127.0.0.2]", "[64:ff9b:1::127.0.0.2]", "[2002:7f00:2::1]",
    "[2001:0:7f00:2:8000:63bf:f7f7:f7f7]", "[2606:4700::5efe:127.0.0.2]", "[2002:808:808::5efe:7f00:2]",
    "[fe80::1]", "[fd00:ec2::254]", "[ff02::1]", "169.254.169.254", "168.63.129.16", "100.100.100.200", "10.0.0.1", "224.0.0.1",
    "255.255.255.255", "localhost", "LOCALHOST", "LocalHost.",
    # Digits and dots of other scripts, which IDNA turns into plain ones.
    "\uff11\uff12\uff17.\uff10.\uff10.\uff12", "127\u30020\uff0e0\uff612", "\u2460\u2461\u2466.0.0.2",
    "\U0001d7cf\U0001d7d0\U0001d7d5.0.0.2", "127.0.0.\u00b2", "1\u00ad27.0.0.2", "127.0.0.2\u3002", "loc\u00adalhost",
    "\uff4c\uff4f\uff43\uff41\uff4c\uff48\uff4f\uff53\uff54", "\u24db\u24de\u24d2\u24d0\u24db\u24d7\u24de\u24e2\u24e3",
)  # fmt: skip
"""Hosts that are names or addresses in the plain form after encoding: accepted, and refused by the guard."""

UNPLAIN: Final = (
    "2130706434", "0x7f000002", "0X7F000002", "017700000002", "00000177.0.0.2", "0177.0.0.02", "0x7f.0.0.2", "0x7f.0x0.0x0.0x2",
    "127.2", "127.0.2", "0x7f.2", "0177.2", "127.0x2", "127.0.0.0x2", "127.000.000.002", "127.0.0.002", "1.2.3.4.5", "127.0.0.256",
    "4294967297", "0", "0x", "0x0", "00", "127.0.0.2.0x", "x.0x7f", "\uff10\uff58\uff17\uff46\uff10\uff10\uff10\uff10\uff10\uff12",
    "\u2460\u2461\u2466.2", "127..0.0.2", ".127.0.0.2", "127.0.0.2..", "127%2e0%2e0%2e2", "%31%32%37.0.0.2", "127.0.0.2%00", "127.0.0.2%2f",
    "%6cocalhost", "localhost%00.example.com", "127.0.0.2%20", "127.0.0.2,8.8.8.8", "127.0.0.2;8.8.8.8", "127.0.0.2!",
    "[127.0.0.2]", "[::1", "::1]", "::1", "[::1%lo]", "[::1%25lo]", "[fe80::1%251]", "[::1]]", "[[::1]]", "[::1].example.com",
    "[::ffff:127.0.0.2%25lo]", "[::ffff:127.2]", "[::ffff:0x7f.0.0.2]", "[::ffff:127.0.0.02]", "[v1.7f000002]", "[]", "[ ::1]", "[::1 ]",
    "[\uff1a\uff1a1]", "[::\uff11]", "", ".", "..", "\u3002",
)  # fmt: skip
"""Hosts that programs read differently, or not at all: refused before anything is looked up."""

_TWO_READINGS: Final = (
    "http://{good}@{bad}/x", "http://{bad}@{good}/x", "http://{good}:x@{bad}/x", "http://a@b@{bad}/x", "http://@{bad}/x", "http://:@{bad}/x",
    "http://{good}\\@{bad}/x", "http://{bad}\\@{good}/x", "http:\\\\{bad}\\x", "http:/\\{bad}/x", "http://{good}\\.{bad}/x",
    "http://{good}/\\..\\{bad}", "http://{good}\t@{bad}/x", "http://\t{bad}/x", "ht\ttp://{bad}/x", "http://{bad}\n/x", "\nhttp://{bad}/x",
    "http://{bad}\r\nHost: {good}/x", "http://{good} {bad}/x", " http://{bad}/x", "http://{bad}/x ", "http://{good}\x00{bad}/x",
    "http://{good}\x00.{bad}/x", "http://{good}%00@{bad}/x", "http://{good}%00.{bad}/x", "http://{good}%23@{bad}/x", "http://{good}%2f@{bad}/x",
    "http://{good}%5c@{bad}/x", "http://{good}&@{bad}/x", "http://{good};@{bad}/x", "http://{good},{bad}/x",
    "http://{good}\u2044@{bad}/x", "http://{good}\uff20{bad}/x", "http://{good}\uff0f@{bad}/x", "http://{good}\uff03@{bad}/x",
    "http://{good}\uff1f@{bad}/x", "http://{good}\uff1a80@{bad}/x", "http:\uff0f\uff0f{bad}/x", "http://{good}\u2100.{bad}/x",
    "http://{good}\u200b@{bad}/x", "http://{good}\u2028{bad}/x", "http://{good}\u00a0{bad}/x", "\ufeffhttp://{bad}/x",
    "http:{bad}/x", "http:/{bad}/x", "http:///{bad}/x", "http:////{bad}/x", "//{bad}/x", "{bad}/x", "/x", "?{bad}", "#{bad}", "",
    "http://?@{bad}/x", "http://#@{bad}/x", "http://?{bad}", "http://#{bad}", "http:?//{bad}", "http://:80/x",
    "url:http://{bad}/x", "jar:http://{bad}/x", "view-source:http://{bad}/x", "blob:http://{bad}/x", "javascript://{bad}/%0aalert(1)",
    "file:///etc/passwd", "file://{bad}/etc/passwd", "ftp://{bad}/x", "ftps://{bad}/x", "sftp://{bad}/x", "tftp://{bad}/x", "ldap://{bad}/x",
    "dict://{bad}/x", "gopher://{bad}/_x", "ws://{bad}/x", "wss://{bad}/x", "unix://{bad}/x", "http+unix://{bad}/x", "s3://{bad}/x",
    "netdoc://{bad}/x", "smb://{bad}/x", "nfs://{bad}/x", "ssh://{bad}/x", "git://{bad}/x", "phar://{bad}/x", "about:blank", "h\u200bttp://{bad}/x",
    "\uff48ttp://{bad}/x", "http\u2236//{bad}/x",
)  # fmt: skip

_PORTS: Final = (
    "0", "00000", "65536", "99999", "4294967376", "18446744073709551696", "-1", "+80", "", " 80", "80 ", "0x50", "8e1", "80.", "8_0",
    "80:80", ":80", "\uff18\uff10", "\u0668\u0660", "\u00b2", "%38%30", "000000080", "a", "80a", "80@127.0.0.2",
)  # fmt: skip


def hidden(port: int) -> list[str]:
    """Addresses that are accepted at submission and must be refused by the guard, on this port."""
    return [f"http://{host}:{port}/x" for host in HIDDEN] + [f"https://{host}:{port}/x" for host in ("127.0.0.2", "[::1]", "localhost")]


def unreadable(port: int, good: str) -> list[str]:
    """Addresses that are refused at submission: unplain hosts, two readings (one of them the `good` host and port), odd ports."""
    readings: Sequence[str] = [text.format(good=good, bad=f"127.0.0.2:{port}") for text in _TWO_READINGS]
    return [f"http://{host}:{port}/x" for host in UNPLAIN] + list(readings) + [f"http://127.0.0.1:{text}/x" for text in _PORTS]
