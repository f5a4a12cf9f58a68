"""Slugs of integrations as requests give them: another spelling that is known becomes the one that there is."""

from __future__ import annotations

from pydantic import BeforeValidator

ALSO_KNOWN = {"openai": "openAi"}


def canonical(slug: object) -> object:
    """The slug that there is for one that was given; anything else as it is."""
    return ALSO_KNOWN.get(slug, slug) if isinstance(slug, str) else slug


AS_THERE_IS = BeforeValidator(canonical)
