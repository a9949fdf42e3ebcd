"""Writes `spark_assets/client/synchronous` from `asynchronous`: the same code with nothing awaited.

python scripts/generate_client.py            writes the files
python scripts/generate_client.py --check    ends with 1 if a file is not what would be written
"""

import re
import subprocess
import sys
from pathlib import Path
from typing import Final

CLIENT: Final = Path(__file__).parent.parent / "src/spark_assets/client"
BY_HAND: Final = frozenset({"__init__.py", "means.py"})
"""Where the two differ by more than words."""
_WORDS: Final = (
    (r"contextlib\.asynccontextmanager", "contextlib.contextmanager"),
    (r"async (def|with|for) ", r"\1 "),
    (r"\bawait ", ""),
    (r"\bAsync(?=[A-Z])", ""),
    (r"__aenter__", "__enter__"),
    (r"__aexit__", "__exit__"),
    (r"\ba(close|read|iter_raw)\(", r"\1("),
    (r"client\.asynchronous", "client.synchronous"),
)


def translate(text: str) -> str:
    """A module that blocks from one that awaits."""
    for pattern, replacement in _WORDS:
        text = re.sub(pattern, replacement, text)
    return text


def formatted(text: str) -> str:
    """The same with its imports in order, no needless loops, and its lines as ruff breaks them."""
    ruff = [str(Path(sys.executable).parent / "ruff")]
    name = ["--stdin-filename", str(CLIENT / "synchronous/x.py"), "--quiet"]
    for command in (["check", "--fix-only", "--unsafe-fixes", "--select", "I,UP028", *name, "-"], ["format", *name, "-"]):
        text = subprocess.run([*ruff, *command], input=text, capture_output=True, text=True, check=True).stdout
    return text


def main() -> int:
    """Write, or compare; the exit code."""
    is_check, stale = "--check" in sys.argv[1:], []
    for source in sorted((CLIENT / "asynchronous").glob("*.py")):
        if source.name in BY_HAND:
            continue
        target, text = CLIENT / "synchronous" / source.name, formatted(translate(source.read_text()))
        if not target.exists() or target.read_text() != text:
            stale.append(target.name)
            if not is_check:
                target.write_text(text)
    if is_check and stale:
        print(f"not what scripts/generate_client.py would write: {', '.join(stale)}", file=sys.stderr)
    return 1 if is_check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
