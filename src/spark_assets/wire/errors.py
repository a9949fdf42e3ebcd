"""The shape of a refusal over HTTP."""

import msgspec


class ErrorDetail(msgspec.Struct, omit_defaults=True):
    """Code and sentence, once apart and once together, since some clients show nothing but `error_message`."""

    code: str
    message: str
    error_message: str
    param: str | None = None


class ErrorBody(msgspec.Struct):
    """What a refused request is answered."""

    error: ErrorDetail
    message: str
    request_id: str
