"""Plug: tells everybody about the native actions of this room, and gives workers their effects."""

from __future__ import annotations

from dataclasses import replace

from cargo_ai.context.plugins import Parts, native_effects, plugin
from cargo_ai.domains.orchestration.actions import human_review, memory, outcomes, send_email
from cargo_ai.domains.orchestration.actions.human_review import Reviews
from cargo_ai.domains.orchestration.actions.memory import Memories
from cargo_ai.domains.orchestration.actions.send_email import Letters
from cargo_ai.domains.orchestration.reviews import review_decide, review_notify
from cargo_ai.domains.orchestration.reviews.review_decide import ResumeJob
from cargo_ai.domains.orchestration.reviews.review_notify import ReviewNotifier
from cargo_ai.email.smtp import Mailer

_OTHER_SPELLING = replace(send_email.EFFECT, slug="send_email", description="The same as sendEmail, as some documents spell it.")

for _one in (human_review.EFFECT, memory.EFFECT, send_email.EFFECT, _OTHER_SPELLING):
    native_effects[_one.slug] = _one


@plugin
def plug(parts: Parts) -> None:
    """Let workers ask people, remember, and send letters."""
    mailer = Mailer(parts.settings)
    letters = Letters(parts.database, parts.settings, mailer)
    parts.actions.effects["native:humanReview"] = Reviews(parts.database, parts.settings).perform
    parts.actions.effects["native:memory"] = Memories(parts.database).perform
    parts.actions.effects["native:sendEmail"] = parts.actions.effects["native:send_email"] = letters.perform
    parts.tasks[review_decide.TASK] = ResumeJob(parts.database).look
    parts.tasks[review_notify.TASK] = ReviewNotifier(parts.database, parts.secrets, parts.settings, mailer).tell
    parts.hourly.append(lambda: outcomes.prune(parts.database))
    parts.hourly.append(lambda: review_decide.sweep(parts.database))
