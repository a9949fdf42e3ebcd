"""Shapes of our own REST surface: keys. Their secrets are shown once, when they are made. What does not apply is null."""

import msgspec


class KeyBody(msgspec.Struct, kw_only=True):
    """An API key, masked."""

    id: str
    name: str
    hint: str
    """The first characters of its secret, to tell keys apart."""
    scopes: list[str]
    projects: list[str] | None
    """Names of the projects that it may use; null: all."""
    created_at: str
    expires_at: str | None
    revoked_at: str | None
    last_used_at: str | None


class NewKeyBody(KeyBody, kw_only=True):
    """A new API key with the key itself, which is never shown again."""

    key: str


class AccessKeyBody(KeyBody, kw_only=True):
    """An access key, its secret masked."""


class NewAccessKeyBody(AccessKeyBody, kw_only=True):
    """A new access key with its secret, which is never shown again."""

    secret: str


class KeyList(msgspec.Struct):
    """One part of a list; `next_cursor` leads on, until it is null."""

    items: list[KeyBody]
    next_cursor: str | None


class AccessKeyList(msgspec.Struct):
    """One part of a list; `next_cursor` leads on, until it is null."""

    items: list[AccessKeyBody]
    next_cursor: str | None
