"""Conversations: the ids of the e-mails that one answers, as its headers name them."""

from __future__ import annotations

import re
from typing import cast

MAX_REFERENCES = 50
_ID = re.compile(r"<?([A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]+@[A-Za-z0-9!#$%&'*+/=?^_`{|}~.:\[\]-]+)>?\Z")


class InvalidMessageId(ValueError):
    """The text is not the id of an e-mail; the message names the field and shows it."""


def parse_conversation(in_reply_to: object, references: object) -> tuple[str, tuple[str, ...]]:
    """The id of the e-mail that is answered, "" for none, and those of the conversation, in angle brackets. InvalidMessageId."""
    answered = _ids(in_reply_to, "inReplyTo")
    if len(answered) > 1:
        raise InvalidMessageId("`inReplyTo` names several e-mails; it takes one.")
    before = _ids(references, "references")
    if answered and answered[0] not in before:
        before = (*before, answered[0])
    # The first and the latest are what mail programs go by.
    return (answered[0] if answered else ""), before[:1] + before[1:][-MAX_REFERENCES + 1 :]


def _ids(value: object, name: str) -> tuple[str, ...]:
    texts = cast("list[object]", value) if isinstance(value, list) else [value] if value not in (None, "") else []
    message_ids: list[str] = []
    for text in texts:
        for word in text.split() if isinstance(text, str) else [repr(text)]:
            match = _ID.match(word)
            if match is None or len(word) > 250:
                shown = word if len(word) <= 60 else word[:59] + "…"
                raise InvalidMessageId(f"`{name}`: {shown!r} is not a Message-ID such as <123@example.com>.")
            message_ids.append(f"<{match[1]}>")
    return tuple(dict.fromkeys(message_ids))
