"""Offers: what a part of the platform lets a language model call in one answer, besides the actions of the release."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.context.process import Services
from cargo_ai.domains.ai.chats.effective import Plan
from cargo_ai.kernel.wire import JsonObject
from cargo_ai.llm.step import Tool

Json = Any
Hint = Literal["reads", "writes", "deletes"]


@dataclass(frozen=True, slots=True)
class Given:
    """What a built-in tool gives. result: for the language model, which sees it marked as data. failed: it is asked to correct itself.
    parts: further parts of the answer on the wire, such as `{"type": "source-document", ...}`."""

    result: Json
    failed: bool = False
    parts: Sequence[JsonObject] = ()


@dataclass(frozen=True, slots=True)
class BuiltIn:
    """A tool that the process which writes the answer performs itself.

    perform: gets arguments that hold to the tool's schema, and a key that is the same when the call is repeated after a death: what reads
    may be repeated, what writes must do so once for a key. An error for the language model is a `Given` that has failed; anything raised
    is a bug, of which the language model only hears that the tool broke.
    approval: a person decides on each call. is_open: it reaches what is outside of the workspace.
    """

    tool: Tool
    perform: Callable[[JsonObject, str], Awaitable[Given]]
    hint: Hint = "reads"
    approval: bool = False
    is_open: bool = False


@dataclass(frozen=True, slots=True)
class Opening:
    """The answer that is about to be written. user: who wrote the message, None for a workflow or a schedule. text: what was written."""

    services: Services
    workspace: uuid.UUID
    user: uuid.UUID | None
    agent: uuid.UUID | None
    chat: uuid.UUID
    message: uuid.UUID
    plan: Plan
    text: str


@dataclass(frozen=True, slots=True)
class Offer:
    """tools: what may be called. notes: added to the system prompt; what others wrote in them goes through `untrusted`.

    problems: notes of what cannot be used now, which those who read the answer see, too.
    """

    tools: Sequence[BuiltIn] = ()
    notes: Sequence[str] = ()
    problems: Sequence[str] = ()


MakeOffer = Callable[[Opening, AsyncSession], Awaitable[Offer]]
"""Decides by the plan of the opening whether there is anything to offer. One that waits for other servers first ends the session's
transaction (`await db.rollback()`), so that no connection to the database waits with it."""
