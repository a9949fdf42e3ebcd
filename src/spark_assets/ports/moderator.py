"""The judge of contents: an asset is shown to it before it is stored."""

import unicodedata
from typing import Final, Protocol

import msgspec

from spark_assets.domain.media import AssetType, MediaFacts

LONGEST_REASON: Final = 300
"""Characters of a reason that a client is told; what is longer is cut."""

_WITHOUT_REASON: Final = "the moderator refused the file and gave no reason"
_UNPRINTABLE: Final = frozenset({"Cc", "Cs", "Zl", "Zp"})
"""Unicode's categories of controls, halves of surrogate pairs, and ends of lines and paragraphs."""


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """What a moderator sees of an asset that is about to be stored."""

    asset_id: str
    project_id: str
    name: str
    """As the client wrote it."""
    type: AssetType
    sha256: str
    """Lower-case hex, of the original's bytes."""
    size: int
    """Bytes of the original."""
    facts: MediaFacts
    rendition: bytes | None
    """The thumbnail, poster or waveform (JPEG); None if there is none to draw."""


class Verdict(msgspec.Struct, frozen=True):
    """Allowed, or refused for a reason."""

    refusal: str | None = None
    """Why the asset is refused, as a sentence for the client; None: it is allowed."""

    @property
    def sentence(self) -> str:
        """The refusal as a client may see it: one line of at most LONGEST_REASON characters."""
        kept = (" " if unicodedata.category(character) in _UNPRINTABLE else character for character in self.refusal or "")
        line = " ".join("".join(kept).split()) or _WITHOUT_REASON
        return line if len(line) <= LONGEST_REASON else f"{line[: LONGEST_REASON - 1].rstrip()}…"


ALLOWED: Final = Verdict()


class NoVerdict(Exception):
    """The moderator could not be asked, or what it answered is no verdict; the text says to the operator what was wrong."""


class Moderator(Protocol):
    """Judges assets."""

    async def judge(self, case: Case) -> Verdict:
        """Allow the asset or refuse it. It may be asked about the same asset again. Raises NoVerdict."""
