"""The caller's own account, independent of any workspace."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from cargo_ai.contract import operations
from cargo_ai.contract.workspace.sparse import Sparse
from cargo_ai.kernel.operation import Cli, Operation, refusal
from cargo_ai.kernel.wire import Nothing, Timestamp, Uuid, Wire

PersonName = Annotated[str, Field(max_length=200)]


class LinkedinSession(Sparse):
    """A session of the person on LinkedIn."""

    li_at: str | None = Field(default=None, alias="li_at", max_length=4096)


class WebExtensionData(Sparse):
    """What a browser extension keeps with a person."""

    linkedin: LinkedinSession | None = None
    timezone: str | None = Field(default=None, max_length=100)


class Account(Wire):
    """A person, in whatever workspace."""

    uuid: Uuid
    email: str
    first_name: str | None
    last_name: str | None
    picture: str | None
    last_sign_in_at: Timestamp | None = Field(description="When one of the person's tokens for this workspace was last used, to the hour.")
    created_at: Timestamp
    updated_at: Timestamp
    web_extension_data: WebExtensionData | None


class AccountReply(Wire):
    """The caller."""

    user: Account


class UpdateAccount(Wire):
    """What to change of oneself; what is absent stays."""

    first_name: PersonName | None = None
    last_name: PersonName | None = None
    web_extension_data: WebExtensionData | None = None


get_current: Operation[Nothing, AccountReply, Any] = operations.add(
    Operation(
        "userManagement.user.getCurrent",
        "GET",
        "/userManagement/users/current",
        request=Nothing,
        response=AccountReply,
        summary="Show your own account.",
        permission=None,
        cli=Cli(examples=("cargo-ai user-management user get-current",)),
    )
)

UpdateReason = Literal["userNotFound"]

update: Operation[UpdateAccount, AccountReply, UpdateReason] = operations.add(
    Operation(
        "userManagement.user.update",
        "PUT",
        "/userManagement/users/current",
        request=UpdateAccount,
        response=AccountReply,
        summary="Change your own name.",
        permission=None,
        refusals={"userNotFound": refusal(404, "Your account does not exist any more.")},
        cli=Cli(examples=("cargo-ai user-management user update --first-name Ann --last-name Example",)),
    )
)
