"""Generated pages say what the code says."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_reference_is_what_the_definitions_say() -> None:
    finished = subprocess.run(
        [sys.executable, "docs/generate.py", "--check"], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert finished.returncode == 0, finished.stderr


def test_the_client_that_blocks_is_the_one_that_awaits_with_nothing_awaited() -> None:
    finished = subprocess.run(
        [sys.executable, "scripts/generate_client.py", "--check"], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )
    assert finished.returncode == 0, finished.stderr


def test_every_link_between_the_documents_leads_to_a_file() -> None:
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    assert pages
    broken = [f"{page.relative_to(ROOT)}: {target}" for page in pages for target in _targets(page) if not (page.parent / target).exists()]
    assert broken == []


def _targets(page: Path) -> list[str]:
    links = [piece.partition(")")[0] for piece in page.read_text().split("](")[1:]]
    return [link.partition("#")[0] for link in links if not link.startswith(("http://", "https://", "#", "mailto:"))]
