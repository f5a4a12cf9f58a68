"""The installation has one id, and notices a wrong secret key."""

from __future__ import annotations

import asyncio
import uuid

import pytest

from cargo_ai.domains.workspace.installation import verify_key
from cargo_ai.kernel.secrets import SecretKey, WrongKey
from cargo_ai.server.api.state import State

KEY, OTHER = SecretKey(b"a" * 32), SecretKey(b"b" * 32)


async def verify(state: State, key: SecretKey) -> uuid.UUID:
    async with state.database.session(None) as db:
        found = await verify_key(db, key)
        await db.commit()
    return found


async def test_the_same_key_finds_the_same_installation(state: State) -> None:
    assert await verify(state, KEY) == await verify(state, KEY)


async def test_servers_that_start_together_agree_on_one_installation(state: State) -> None:
    assert len(set(await asyncio.gather(*(verify(state, KEY) for _ in range(4))))) == 1


async def test_another_key_is_refused_with_a_sentence_that_says_what_to_do(state: State) -> None:
    await verify(state, KEY)
    with pytest.raises(WrongKey, match=r"set up with another secret key.*CARGO_AI_SECRET_KEY"):
        await verify(state, OTHER)
