"""Signing in to the console and out of it."""

from spark_assets.domain.api_key import ApiKey, Caller, fingerprint
from spark_assets.domain.errors import AuthenticationError
from spark_assets.domain.session import open_session
from spark_assets.ports.unit_of_work import Repositories, UnitOfWork


async def sign_in(uow: UnitOfWork, caller: Caller, now: int) -> str:
    """Open a session that may do what the caller's key may; the session's token."""
    session, token = open_session(caller.key_id, now)
    await uow.sessions.add(session)
    return token


async def authenticate(repositories: Repositories, token: str, now: int) -> ApiKey:
    """The key behind a session. Raises AuthenticationError once the session has ended, or its key is revoked or has expired."""
    session = await repositories.sessions.find(fingerprint(token))
    key = await repositories.keys.by_id(session.key_id) if session is not None and session.is_usable(now) else None
    if key is None or not key.is_usable(now):
        raise AuthenticationError.invalid()
    return key


async def sign_out(uow: UnitOfWork, token: str) -> None:
    """End a session; one that has ended stays so."""
    await uow.sessions.remove(fingerprint(token))
