"""OpenAI's endpoint for embeddings. Its vectors come from the letters of words, and from a few words that it takes for others."""

from __future__ import annotations

import re
import zlib
from typing import Any

from tests.simulators.language_models.control import Control
from tests.simulators.language_models.openai import refused

Json = Any
MODELS = {"text-embedding-3-small": 256, "text-embedding-3-large": 384}
MAX_TEXTS = 2_048
_SAME = {"holiday": "vacation", "holidays": "vacation", "money": "refund", "reimbursed": "refund", "refunded": "refund", "salary": "pay"}
_WORD = re.compile(r"\w+")


def embed(control: Control, body: Json) -> Json:
    """Vectors of texts, always the same for the same text and model."""
    model, texts = body.get("model"), body.get("input")
    if model not in MODELS:
        raise refused(404, "model_not_found", f"The model `{model}` does not exist or you do not have access to it.")
    texts = [texts] if isinstance(texts, str) else texts
    if not texts or len(texts) > MAX_TEXTS or not all(isinstance(text, str) and text for text in texts):
        raise refused(400, "invalid_input", "'input' takes a text, or a list of at most 2048 texts, none of them empty.")
    control.embedded += texts
    data = [{"object": "embedding", "index": at, "embedding": vector(text, MODELS[model])} for at, text in enumerate(texts)]
    tokens = sum(len(text) // 4 + 1 for text in texts)
    return {"object": "list", "data": data, "model": model, "usage": {"prompt_tokens": tokens, "total_tokens": tokens}}


def vector(text: str, dimensions: int = 256) -> list[float]:
    """Texts are near each other that have words, or parts of words, in common."""
    values = [0.01] * dimensions
    for word in _WORD.findall(text.lower()):
        marked = f"^{_SAME.get(word, word)}$"
        for at in range(max(len(marked) - 2, 1)):
            hashed = zlib.crc32(marked[at : at + 3].encode())
            values[hashed % dimensions] += 1 if hashed & 0x8000_0000 else -1
    return values
