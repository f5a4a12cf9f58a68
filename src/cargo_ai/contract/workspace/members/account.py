"""The caller's own account: an e-mail address, and a profile that each workspace has on its own."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from cargo_ai.contract import operations
from cargo_ai.contract.workspace.sparse import Sparse
from cargo_ai.kernel.operation import Cli, Operation, refusal
from cargo_ai.kernel.wire import Nothing, Timestamp, Uuid, Wire

PersonName = Annotated[str, Field(max_length=200)]


class LinkedinSession(Sparse):
    """The user's LinkedIn session."""

    li_at: str | None = Field(default=None, alias="li_at", max_length=4096)


class WebExtensionData(Sparse):
    """Data that a browser extension stores for a user."""

    linkedin: LinkedinSession | None = None
    timezone: str | None = Field(default=None, max_length=100)


class Account(Wire):
    """A user account, as the workspace of the token knows it."""

    uuid: Uuid
    email: str
    first_name: str | None
    last_name: str | None
    picture: str | None
    last_sign_in_at: Timestamp | None = Field(description="When one of the user's tokens for this workspace was last used, to the hour.")
    created_at: Timestamp
    updated_at: Timestamp
    web_extension_data: WebExtensionData | None


class AccountReply(Wire):
    """The caller."""

    user: Account


class UpdateAccount(Wire):
    """Changes to the caller's account; absent fields stay as they are."""

    first_name: PersonName | None = Field(default=None, description="The first name; null clears it.")
    last_name: PersonName | None = Field(default=None, description="The last name; null clears it.")
    web_extension_data: WebExtensionData | None = Field(
        default=None, description='Data of a browser extension: {"timezone":"Europe/Paris"}; null clears it.'
    )


AccountReason = Literal["userNotFound"]
_not_found = refusal(404, "Your account does not exist any more.")

get_current: Operation[Nothing, AccountReply, AccountReason] = operations.add(
    Operation(
        "userManagement.user.getCurrent",
        "GET",
        "/userManagement/users/current",
        request=Nothing,
        response=AccountReply,
        summary="Show your own account.",
        permission=None,
        refusals={"userNotFound": _not_found},
        cli=Cli(examples=("cargo-ai user-management user get-current",)),
    )
)

update: Operation[UpdateAccount, AccountReply, AccountReason] = operations.add(
    Operation(
        "userManagement.user.update",
        "PUT",
        "/userManagement/users/current",
        request=UpdateAccount,
        response=AccountReply,
        summary="Change your own name.",
        permission=None,
        refusals={"userNotFound": _not_found},
        cli=Cli(examples=("cargo-ai user-management user update --first-name Ann --last-name Example",)),
    )
)
