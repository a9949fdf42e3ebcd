"""Shapes of our own REST surface: addresses of an asset's bytes. What does not apply is null."""

import msgspec


class LinkBody(msgspec.Struct):
    """A signed link: it works for anyone until it expires."""

    url: str
    variant: str
    expires_at: str


class ShareBody(msgspec.Struct):
    """A share: its address works for anyone until it expires or is revoked."""

    id: str
    asset_id: str
    project: str
    variant: str
    url: str | None
    """Null if the key that sealed it is gone; the address that was given out works all the same."""
    created_at: str
    expires_at: str | None


class ShareList(msgspec.Struct):
    """One part of a list; `next_cursor` leads on, until it is null."""

    items: list[ShareBody]
    next_cursor: str | None
