"""The codes of failed ingestions: on the asset as they are here, in the task as `InvalidParameter.<Code>`."""

from typing import Final, NamedTuple


class IngestCode(NamedTuple):
    """Why an asset did not become active."""

    code: str
    meaning: str
    remedy: str


_LIMIT: Final = "Adapt the file, or the media policy; the message gives the measured value and the limit."
_RETRY: Final = "Try again; if it comes back, look into the server's log for the `request_id`."
INGEST_CODES: Final = (
    IngestCode("DownloadFailed", "The source could not be fetched; `reason` says why.", "See the reasons below."),
    IngestCode("FileSizeTooLarge", "The file has more bytes than are accepted.", _LIMIT),
    IngestCode("TypeMismatch", "The file is of another kind than the asset's type says.", "Correct the type."),
    IngestCode("FormatUndetectable", "The first bytes match no known media format.", "Check that the address serves the file itself."),
    IngestCode("FormatUnsupported", "The format or its codec is not accepted for this type.", "Convert the file."),
    IngestCode("MediaCorrupt", "The file is damaged or incomplete.", "Export it anew."),
    *(
        IngestCode(f"{what}{way}", f"The {words} is {relation} the limit.", _LIMIT)
        for what, words, ways in (
            ("Duration", "duration", ("TooShort", "TooLong")),
            ("Width", "width", ("TooSmall", "TooLarge")),
            ("Height", "height", ("TooSmall", "TooLarge")),
            ("AspectRatio", "ratio of width to height", ("TooSmall", "TooLarge")),
            ("PixelCount", "number of pixels", ("TooSmall", "TooLarge")),
            ("Fps", "frame rate", ("TooLow", "TooHigh")),
        )
        for way, relation in zip(ways, ("below", "above"), strict=True)
    ),
    IngestCode("FrameCountTooLarge", "The animation has too many frames.", _LIMIT),
    IngestCode("AudioTrackRequired", "The video has no sound, and the policy asks for it.", "Add a sound track."),
    IngestCode("AudioTrackForbidden", "The video has sound, and the policy forbids it.", "Remove the sound track."),
    IngestCode("ContentRestricted", "The moderator refused the content.", "The message says why."),
    IngestCode("QuotaExceeded", "The project may not hold so many bytes.", "Delete some assets, or have the quota raised."),
    IngestCode("InternalError", "A fault of the server; stands alone in the task too. `reason` says which.", _RETRY),
)
DOWNLOAD_REASONS: Final = {
    "blocked_address": "the address or port is not one that the server may fetch from",
    "dns_failed": "the name of the host could not be resolved",
    "connect_failed": "nobody answers at the address",
    "tls_error": "the source did not prove its identity",
    "timeout": "the download took too long, or came too slowly",
    "incomplete": "the connection broke before the whole file had arrived",
    "too_many_redirects": "the source redirects too often",
    "bad_redirect": "a redirect leads to what is not fetched",
    "http_status": "the source answered with another status than 200",
    "bad_encoding": "the source sent the file compressed although it was asked not to",
    "bad_response": "the answer is not valid HTTP, or its headers are too large",
    "empty_body": "the source answered with an empty file",
}
FAULT_REASONS: Final = {
    "parser_crashed": "the process that read the file ended unexpectedly",
    "parser_timeout": "reading the file took too long",
    "storage_unavailable": "the store or the spool could not be written to",
    "attempts_exhausted": "every attempt failed",
}
