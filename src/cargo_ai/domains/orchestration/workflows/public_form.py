"""Settings of public forms: store them with the tool, the captcha secret sealed and never shown."""

from __future__ import annotations

from cargo_ai.contract.orchestration.workflows.tool import ToolPublicForm
from cargo_ai.domains.orchestration.tables import Tool
from cargo_ai.kernel.secrets import SecretKey

HIDDEN = "***"


def put(row: Tool, form: ToolPublicForm | None, secrets: SecretKey) -> None:
    """Give the tool this form, or none. A secret of `***` keeps the one that is there."""
    if form is None:
        row.public_form, row.sealed_captcha_secret = None, None
        return
    stored = form.to_wire()
    stored["spam"]["captchaSecret"] = None
    row.public_form = stored
    secret = form.spam.captcha_secret
    if secret != HIDDEN:
        row.sealed_captcha_secret = secrets.seal(secret.encode()) if secret else None


def to_response(row: Tool) -> ToolPublicForm | None:
    """The form on the wire, its secret as `***`; None when the tool has none."""
    if row.public_form is None:
        return None
    form = ToolPublicForm.model_validate(row.public_form)
    if row.sealed_captcha_secret is None:
        return form
    return form.model_copy(update={"spam": form.spam.model_copy(update={"captcha_secret": HIDDEN})})


def is_enabled(row: Tool) -> bool:
    """Whether anyone may run the tool through its form."""
    return bool(row.public_form and row.public_form.get("isEnabled"))
