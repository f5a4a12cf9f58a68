"""Invitations: links by which members of a workspace get their first token, once."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from cargo_ai.contract import operations
from cargo_ai.kernel.operation import Cli, Operation, refusal
from cargo_ai.kernel.wire import ByUuid, Nothing, Removed, Timestamp, Uuid, Wire

EmailStatus = Literal["off", "waiting", "sent", "failed"]


class Invitation(Wire):
    """An invitation that was not accepted yet. Only the newest one of a member is valid."""

    uuid: Uuid
    user_uuid: Uuid
    email: str
    role_slug: str
    created_by_uuid: Uuid
    created_at: Timestamp
    expires_at: Timestamp
    email_status: EmailStatus = Field(description="Whether the link was sent by e-mail; off: this server cannot send e-mails with links.")
    email_problem: str | None = Field(description="Why the e-mail was not sent, or not yet.")


class NewInvitation(Invitation):
    """A new invitation with what opens it, which is shown only now."""

    code: str = Field(description="What the link carries: with it anyone signs in as this member, once.")
    link: str = Field(description="Opening it shows what to do and uses nothing up.")
    command: str = Field(description="The command with which the invited person signs in.")


class NewInvitationReply(Wire):
    """One new invitation."""

    invitation: NewInvitation


class InvitationsReply(Wire):
    """The invitations that were not accepted yet, newest first; also those that have expired."""

    invitations: list[Invitation]


class CreateInvitation(Wire):
    """A new invitation of a member; former ones stop working."""

    user_uuid: Uuid = Field(description="The member, as `workspace user list` shows it.")


_too_powerful = refusal(400, "{email} may do more than you may do yourself, so you cannot make a link that signs in as that user.")

CreateReason = Literal["userNotFound", "roleTooPowerful"]

create: Operation[CreateInvitation, NewInvitationReply, CreateReason] = operations.add(
    Operation(
        "workspaceManagement.invitation.create",
        "POST",
        "/workspaceManagement/invitations",
        request=CreateInvitation,
        response=NewInvitationReply,
        summary="Invite a member again: a new link, which signs in once. Former links of that member stop working.",
        permission="workspaceManagement:write",
        refusals={"userNotFound": refusal(404, "There is no user {user} in this workspace."), "roleTooPowerful": _too_powerful},
        cli=Cli(examples=("cargo-ai workspace invitation create --user-uuid 0198c5f0-0000-7000-8000-000000000001",)),
        agent_safe=False,
    )
)

get_all: Operation[Nothing, InvitationsReply, Any] = operations.add(
    Operation(
        "workspaceManagement.invitation.all",
        "GET",
        "/workspaceManagement/invitations/list",
        request=Nothing,
        response=InvitationsReply,
        summary="List the invitations that were not accepted yet, without their links.",
        permission="workspaceManagement:read",
        cli=Cli(examples=("cargo-ai workspace invitation list",)),
    )
)

RemoveReason = Literal["invitationNotFound"]

remove: Operation[ByUuid, Removed, RemoveReason] = operations.add(
    Operation(
        "workspaceManagement.invitation.remove",
        "DELETE",
        "/workspaceManagement/invitations/{uuid}",
        request=ByUuid,
        response=Removed,
        summary="Revoke an invitation: its link stops working. The user stays a member.",
        permission="workspaceManagement:write",
        refusals={"invitationNotFound": refusal(404, "There is no open invitation {uuid} in this workspace.")},
        cli=Cli(examples=("cargo-ai workspace invitation remove 0198c5f0-0000-7000-8000-000000000001",)),
        agent_safe=False,
    )
)
