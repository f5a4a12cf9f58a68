"""The fields that a browser has posted, by name."""

from __future__ import annotations

from typing import Protocol

from cargo_ai.console.forms.texts import Texts


class MultiItems(Protocol):
    """A form in which a name may stand several times."""

    def multi_items(self) -> list[tuple[str, str]]:
        """Each name with each of its values."""
        ...


def posted_form(form: MultiItems) -> Texts:
    """The texts by name, in the order in which they were posted."""
    texts: Texts = {}
    for name, text in form.multi_items():
        texts.setdefault(name, []).append(text)
    return texts
