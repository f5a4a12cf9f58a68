"""Public interface of orchestration: public forms of tools and signed links of reviews, for the server's routes."""

from cargo_ai.domains.orchestration.reviews import review_link
from cargo_ai.domains.orchestration.workflows import form

__all__ = ["form", "review_link"]
