"""Attachments: files of the workspace and short contents, read within bounds."""

from __future__ import annotations

import base64
import binascii
import mimetypes
import re
from collections.abc import Sequence

from pydantic import Field

from cargo_ai.email.smtp import Attachment
from cargo_ai.integrations.kit import ActionRequest, Form, InvalidConfig, ui
from cargo_ai.store.files import FileMissing, require_owner

MAX = 10
MAX_BYTES = 10 * 1024 * 1024
"""Of all together. Encoded, it is a third more, which is less than what most mail servers take."""
MAX_INLINE = 1024 * 1024
_TYPE = re.compile(r"[a-z0-9][a-z0-9.+-]{0,60}/[a-z0-9][a-z0-9.+-]{0,80}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f\u0085\u2028\u2029/\\]")
_EXPRESSION = ui(widget="ExpressionWidget")


class AttachmentForm(Form):
    """One attachment: an uploaded file, a text, or other content as base64."""

    name: str = Field(default="", title="File name", description="By default the name of the file.", max_length=200)
    content_type: str = Field(default="", title="Type", description="Such as application/pdf; by default as the name ends.", max_length=150)
    s3_filename: str = Field(default="", title="File", description="An uploaded file.", max_length=500, json_schema_extra=_EXPRESSION)
    text: str = Field(default="", title="Text", max_length=MAX_INLINE, json_schema_extra=_EXPRESSION)
    content_base64: str = Field(default="", title="Content", description="As base64.", max_length=MAX_INLINE, json_schema_extra=_EXPRESSION)


async def read_all(request: ActionRequest, forms: Sequence[AttachmentForm]) -> tuple[Attachment, ...]:
    """The attachments. InvalidConfig names the first that there is not, or that is too large."""
    attachments: list[Attachment] = []
    left = MAX_BYTES
    for index, form in enumerate(forms):
        attachment = await _read(request, form, f"attachments.{index}", left)
        left -= len(attachment.content)
        attachments.append(attachment)
    return tuple(attachments)


async def _read(request: ActionRequest, form: AttachmentForm, path: str, left: int) -> Attachment:
    if sum(map(bool, (form.s3_filename, form.text, form.content_base64))) != 1:
        raise InvalidConfig(f"`{path}` needs one of `s3Filename`, `text` and `contentBase64`.")
    name = form.name.strip() or form.s3_filename.rpartition("/")[2]
    if not name or _CONTROL.search(name):
        raise InvalidConfig(f"`{path}.name` is missing, or has a slash or a control character in it.")
    content = await _content(request, form, path, left)
    if len(content) > left:
        raise _too_large(path)
    return Attachment(name, _type_of(form, name, path), content)


async def _content(request: ActionRequest, form: AttachmentForm, path: str, left: int) -> bytes:
    if form.text:
        return form.text.encode("utf-8", "replace")
    if form.content_base64:
        try:
            return base64.b64decode("".join(form.content_base64.split()), validate=True)
        except (binascii.Error, ValueError):
            raise InvalidConfig(f"`{path}.contentBase64` is not base64.") from None
    if request.files is None:
        raise InvalidConfig(f"`{path}.s3Filename`: there are no files here.")
    try:
        key = require_owner(form.s3_filename, request.call.workspace)
        if await request.files.size(key) > left:
            raise _too_large(path)
        return await request.files.read(key)
    except FileMissing:
        raise InvalidConfig(f"`{path}.s3Filename`: there is no such file in this workspace: cargo-ai workspace file upload.") from None


def _type_of(form: AttachmentForm, name: str, path: str) -> str:
    kind = (form.content_type.strip() or mimetypes.guess_type(name)[0] or "application/octet-stream").lower()
    if not _TYPE.fullmatch(kind):
        raise InvalidConfig(f"`{path}.contentType` is not a type such as application/pdf.")
    # E-mails in e-mails and the like have rules of their own.
    return "application/octet-stream" if kind.startswith(("multipart/", "message/")) else kind


def _too_large(path: str) -> InvalidConfig:
    return InvalidConfig(f"`{path}`: the attachments have more than {MAX_BYTES // 1024**2} MB together. Send a link to the file instead.")
