"""Public interface of orchestration: public forms of tools, signed links of reviews and hooks, for the server's routes."""

from cargo_ai.domains.orchestration.hooks.delivery import Delivered, deliver
from cargo_ai.domains.orchestration.reviews import review_link
from cargo_ai.domains.orchestration.workflows import form

__all__ = ["Delivered", "deliver", "form", "review_link"]
