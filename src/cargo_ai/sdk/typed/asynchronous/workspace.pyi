# Written by tools/gen.py from the registry. Change the declaration in src/cargo_ai/contract instead.
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from os import PathLike
from typing import Any, BinaryIO, Literal

import cargo_ai.contract.workspace.audit
import cargo_ai.contract.workspace.bin
import cargo_ai.contract.workspace.file
import cargo_ai.contract.workspace.folder
import cargo_ai.contract.workspace.initialisation
import cargo_ai.contract.workspace.members.invitation
import cargo_ai.contract.workspace.members.permission
import cargo_ai.contract.workspace.members.role
import cargo_ai.contract.workspace.members.session
import cargo_ai.contract.workspace.members.token
import cargo_ai.contract.workspace.members.user
import cargo_ai.contract.workspace.report
import cargo_ai.contract.workspace.search
import cargo_ai.contract.workspace.workspace
import cargo_ai.kernel.wire
import cargo_ai.sdk.downloads
import cargo_ai.sdk.frame_types

class AuditMethods:
    def download(
        self,
        *,
        user_uuid: str | None = ...,
        token_uuid: str | None = ...,
        target_uuid: str | None = ...,
        operation: str | None = ...,
        outcome: Literal['done', 'refused'] | None = ...,
        created_after: datetime | str | None = ...,
        created_before: datetime | str | None = ...,
    ) -> cargo_ai.sdk.downloads.AsyncDownload:
        """Download the audit log of this workspace, oldest first.

        user_uuid: Only by this user.
        token_uuid: Only by this token.
        target_uuid: Only on the thing with this uuid.
        operation: Only of this operation, or of those that begin with it: workspaceManagement.token
        outcome: Only what was done, or refused.
        created_after: Only from this time on.
        created_before: Only before this time.
        """
        ...

    async def list(
        self,
        *,
        user_uuid: str | None = ...,
        token_uuid: str | None = ...,
        target_uuid: str | None = ...,
        operation: str | None = ...,
        outcome: Literal['done', 'refused'] | None = ...,
        created_after: datetime | str | None = ...,
        created_before: datetime | str | None = ...,
        limit: int = ...,
        offset: int = ...,
    ) -> cargo_ai.contract.workspace.audit.AuditReply:
        """List every write in this workspace, newest first: who, from where, what, and what was refused.

        user_uuid: Only by this user.
        token_uuid: Only by this token.
        target_uuid: Only on the thing with this uuid.
        operation: Only of this operation, or of those that begin with it: workspaceManagement.token
        outcome: Only what was done, or refused.
        created_after: Only from this time on.
        created_before: Only before this time.
        limit: How many at most.
        offset: How many to leave out.
        """
        ...

    def iterate(
        self,
        *,
        user_uuid: str | None = ...,
        token_uuid: str | None = ...,
        target_uuid: str | None = ...,
        operation: str | None = ...,
        outcome: Literal['done', 'refused'] | None = ...,
        created_after: datetime | str | None = ...,
        created_before: datetime | str | None = ...,
        page_size: int | None = None,
        max_rows: int | None = None,
    ) -> AsyncIterator[cargo_ai.contract.workspace.audit.AuditEntry]:
        """List every write in this workspace, newest first: who, from where, what, and what was refused. All of them, page after page, or
        `max_rows`.

        user_uuid: Only by this user.
        token_uuid: Only by this token.
        target_uuid: Only on the thing with this uuid.
        operation: Only of this operation, or of those that begin with it: workspaceManagement.token
        outcome: Only what was done, or refused.
        created_after: Only from this time on.
        created_before: Only before this time.
        """
        ...

class BinMethods:
    async def empty(
        self,
        *,
        kinds: Sequence[Literal['model', 'play', 'tool', 'segment', 'connector']] | None = ...,
        idempotency_key: str | None = None,
    ) -> cargo_ai.contract.workspace.bin.Emptied:
        """Remove everything that is in the bin, and that you may remove, forever.

        kinds: Only these kinds, comma-separated.

        Refused for: forbidden
        """
        ...

    async def list(
        self,
        *,
        kinds: Sequence[Literal['model', 'play', 'tool', 'segment', 'connector']] | None = ...,
        limit: int = ...,
        offset: int = ...,
    ) -> cargo_ai.contract.workspace.bin.BinReply:
        """List removed models, plays, tools, segments and connectors that you may restore.

        kinds: Only these kinds, comma-separated.
        limit: How many at most, 1 to 1,000.
        offset: How many to skip.

        Refused for: forbidden
        """
        ...

    def iterate(
        self,
        *,
        kinds: Sequence[Literal['model', 'play', 'tool', 'segment', 'connector']] | None = ...,
        page_size: int | None = None,
        max_rows: int | None = None,
    ) -> AsyncIterator[cargo_ai.contract.workspace.bin.BinItem]:
        """List removed models, plays, tools, segments and connectors that you may restore. All of them, page after page, or `max_rows`.

        kinds: Only these kinds, comma-separated.

        Refused for: forbidden
        """
        ...

    async def preview(
        self,
        *,
        kind: Literal['model', 'play', 'tool', 'segment', 'connector'],
        uuid: str,
    ) -> cargo_ai.contract.workspace.bin.RemovalPreview:
        """Say what the removal of a thing would take away, and until when it could be restored.

        kind: What it is.
        uuid: Its uuid.

        Refused for: forbidden, thingNotFound
        """
        ...

    async def remove(
        self,
        uuid: str,
        *,
        idempotency_key: str | None = None,
    ) -> cargo_ai.kernel.wire.Removed:
        """Remove a thing that is in the bin forever.

        uuid: Its uuid.

        Refused for: itemNotFound, forbidden
        """
        ...

    async def restore(
        self,
        uuid: str,
        *,
        slug: str | None = ...,
        idempotency_key: str | None = None,
    ) -> cargo_ai.contract.workspace.bin.Restored:
        """Restore a removed thing with all that belongs to it.

        uuid: The removed thing, as workspace bin list shows it.
        slug: Another slug, where its own is in use by now.

        Refused for: itemNotFound, forbidden, duplicateSlug, slugNotCompatible, neededIsRemoved
        """
        ...

class FileMethods:
    async def list_columns(
        self,
        *,
        s3_filename: str,
    ) -> cargo_ai.contract.workspace.file.ColumnsReply:
        """List the columns of an uploaded CSV or Parquet file.

        s3_filename: The s3Filename that workspace file upload returned.

        Refused for: noColumnsFound, fileNotFound, fileInvalid, filesUnavailable
        """
        ...

    async def upload(
        self,
        file: str | PathLike[str] | bytes | BinaryIO | cargo_ai.sdk.frame_types.Frame,
        *,
        name: str | None = None,
        idempotency_key: str | None = None,
    ) -> cargo_ai.contract.workspace.file.Uploaded:
        """Upload a file, such as a CSV file for a batch or a model.

        file: The file; on the command line its path.

        Refused for: noFile, uploadIncomplete, fileTooLarge, filesUnavailable
        """
        ...

class FileMultipartMethods:
    async def abort(
        self,
        *,
        s3_filename: str,
        upload_id: str,
        idempotency_key: str | None = None,
    ) -> cargo_ai.kernel.wire.Removed:
        """Abort an upload in parts and discard its parts.

        s3_filename: The s3Filename that file-multipart create returned.
        upload_id: The uploadId that file-multipart create returned.

        Refused for: uploadNotFound
        """
        ...

    async def complete(
        self,
        *,
        s3_filename: str,
        upload_id: str,
        parts: Sequence[cargo_ai.contract.workspace.file.Part | Mapping[str, Any]],
        idempotency_key: str | None = None,
    ) -> cargo_ai.contract.workspace.file.CompletedReply:
        """Join the parts into the file.

        s3_filename: The s3Filename that file-multipart create returned.
        upload_id: The uploadId that file-multipart create returned.
        parts: All parts, with the etag header of each upload: [{"partNumber":1,"etag":"..."}].

        Refused for: uploadNotFound, partsInvalid, filesUnavailable
        """
        ...

    async def create(
        self,
        *,
        content_type: str,
        filename: str | None = ...,
        idempotency_key: str | None = None,
    ) -> cargo_ai.contract.workspace.file.MultipartReply:
        """Start an upload of a large file in parts.

        content_type: The content type, such as text/csv.
        filename: The name of the file.
        """
        ...

    async def sign(
        self,
        *,
        s3_filename: str,
        upload_id: str,
        part_number: int,
        idempotency_key: str | None = None,
    ) -> cargo_ai.contract.workspace.file.SignedPart:
        """Create the URL for uploading one part by PUT, valid for an hour.

        s3_filename: The s3Filename that file-multipart create returned.
        upload_id: The uploadId that file-multipart create returned.
        part_number: The number of the part, 1 to 10,000; parts are joined in this order.

        Refused for: uploadNotFound
        """
        ...

class FolderMethods:
    async def create(
        self,
        *,
        name: str,
        emoji_slug: str,
        kind: Literal['tool', 'play', 'agent', 'file', 'mcpServer', 'model', 'app', 'worker', 'alert'],
        parent_uuid: str | None = ...,
        idempotency_key: str | None = None,
    ) -> cargo_ai.contract.workspace.folder.FolderReply:
        """Create a folder for objects of one kind.

        name: The name, unique in its parent folder.
        emoji_slug: The emoji, such as inbox_tray.
        kind: The kind of objects in the folder.
        parent_uuid: The parent folder, of the same kind; the top level by default.

        Refused for: duplicateName, folderNotFound, invalidParent
        """
        ...

    async def get(
        self,
        uuid: str,
    ) -> cargo_ai.contract.workspace.folder.FolderReply:
        """Show a folder.

        uuid: Its uuid.

        Refused for: folderNotFound
        """
        ...

    async def list(
        self,
    ) -> cargo_ai.contract.workspace.folder.FoldersReply:
        """List the folders of the workspace.
        """
        ...

    async def remove(
        self,
        uuid: str,
        *,
        idempotency_key: str | None = None,
    ) -> cargo_ai.kernel.wire.Removed:
        """Remove an empty folder.

        uuid: Its uuid.

        Refused for: folderNotFound, folderIsUsed
        """
        ...

    async def update(
        self,
        uuid: str,
        *,
        name: str | None = ...,
        emoji_slug: str | None = ...,
        order: float | None = ...,
        parent_uuid: str | None = ...,
        idempotency_key: str | None = None,
    ) -> cargo_ai.contract.workspace.folder.FolderReply:
        """Rename, move or reorder a folder.

        uuid: The folder.
        name: The new name.
        emoji_slug: The new emoji, such as inbox_tray.
        order: The position in the list; lower comes first.
        parent_uuid: The new parent folder, of the same kind; null: the top level.

        Refused for: folderNotFound, duplicateName, invalidParent
        """
        ...

class InvitationMethods:
    async def create(
        self,
        *,
        user_uuid: str,
        idempotency_key: str | None = None,
    ) -> cargo_ai.contract.workspace.members.invitation.NewInvitationReply:
        """Invite a member again: a new link, which signs in once. Former links of that member stop working.

        user_uuid: The member, as `workspace user list` shows it.

        Refused for: userNotFound, roleTooPowerful
        """
        ...

    async def list(
        self,
    ) -> cargo_ai.contract.workspace.members.invitation.InvitationsReply:
        """List the invitations that were not accepted yet, without their links.
        """
        ...

    async def remove(
        self,
        uuid: str,
        *,
        idempotency_key: str | None = None,
    ) -> cargo_ai.kernel.wire.Removed:
        """Revoke an invitation: its link stops working. The user stays a member.

        uuid: Its uuid.

        Refused for: invitationNotFound
        """
        ...

class PermissionMethods:
    async def list(
        self,
    ) -> cargo_ai.contract.workspace.members.permission.PermissionsReply:
        """List every permission that rules can name: what it permits, and which roles have it.
        """
        ...

class ReportMethods:
    async def create(
        self,
        *,
        title: str,
        description: str,
        idempotency_key: str | None = None,
    ) -> cargo_ai.contract.workspace.report.ReportReply:
        """Report a problem or a wish to those who run this server; it is kept here and sent nowhere.

        title: What it is about.
        description: What happened, or what is missing.

        Refused for: tooManyReports
        """
        ...

    async def list(
        self,
        *,
        limit: int = ...,
        offset: int = ...,
    ) -> cargo_ai.contract.workspace.report.ReportsReply:
        """List the reports of this workspace, newest first.

        limit: How many at most.
        offset: How many to leave out.
        """
        ...

    def iterate(
        self,
        *,
        page_size: int | None = None,
        max_rows: int | None = None,
    ) -> AsyncIterator[cargo_ai.contract.workspace.report.Report]:
        """List the reports of this workspace, newest first. All of them, page after page, or `max_rows`.
        """
        ...

class RoleMethods:
    async def create(
        self,
        *,
        slug: str,
        permissions: Sequence[cargo_ai.contract.workspace.members.permission.Permission | Mapping[str, Any]],
        idempotency_key: str | None = None,
    ) -> cargo_ai.contract.workspace.members.role.RoleReply:
        """Create a role from permissions that you have yourself.

        slug: The name: lower case letters, digits and hyphens, such as data-editor.
        permissions: What it allows and denies: [{"effect":"allow","actions":["storage:read"]}]. A deny wins over any allow.

        Refused for: alreadyExists, permissionsTooWide, tooManyRoles
        """
        ...

    async def list(
        self,
    ) -> cargo_ai.contract.workspace.members.role.RolesReply:
        """List the roles that users of this workspace can have.
        """
        ...

    async def remove(
        self,
        role: str,
        *,
        idempotency_key: str | None = None,
    ) -> cargo_ai.kernel.wire.Removed:
        """Remove a role that no user has.

        role: The slug of the role, or its uuid.

        Refused for: roleNotFound, roleIsPreset, roleTooPowerful, roleIsUsed
        """
        ...

    async def update(
        self,
        role: str,
        *,
        slug: str | None = ...,
        permissions: Sequence[cargo_ai.contract.workspace.members.permission.Permission | Mapping[str, Any]] | None = ...,
        idempotency_key: str | None = None,
    ) -> cargo_ai.contract.workspace.members.role.RoleReply:
        """Change a role's name or permissions; its users have them from their next request on.

        role: The slug of the role, or its uuid.
        slug: The new name.
        permissions: What it allows and denies: [{"effect":"allow","actions":["storage:read"]}]. A deny wins over any allow.

        Refused for: roleNotFound, roleIsPreset, roleTooPowerful, permissionsTooWide, alreadyExists
        """
        ...

class SearchMethods:
    async def find(
        self,
        text: str,
        *,
        kinds: Sequence[Literal['tool', 'play', 'agent', 'model', 'segment', 'connector', 'chat', 'record', 'run', 'batch', 'review', 'change-set']] | None = ...,
        limit: int = ...,
    ) -> cargo_ai.contract.workspace.search.SearchReply:
        """Search tools, plays, agents, models, segments, connectors, chats, records, runs, batches and reviews that you may see.

        text: A part of a name or slug, a uuid or at least its first 8 digits, or the id of a record.
        kinds: Only these kinds, comma-separated.
        limit: How many of each kind at most, 1 to 50.
        """
        ...

class SessionMethods:
    async def list(
        self,
        *,
        limit: int = ...,
        offset: int = ...,
    ) -> cargo_ai.contract.workspace.members.session.SessionsReply:
        """List the sessions of coding agents in this workspace, newest first.

        limit: How many at most.
        offset: How many to leave out.
        """
        ...

    def iterate(
        self,
        *,
        page_size: int | None = None,
        max_rows: int | None = None,
    ) -> AsyncIterator[cargo_ai.contract.workspace.members.session.Session]:
        """List the sessions of coding agents in this workspace, newest first. All of them, page after page, or `max_rows`.
        """
        ...

    async def upsert(
        self,
        *,
        session_id: str,
        title: str,
        summary: str,
        finished: bool = ...,
        finished_at: datetime | str | None = ...,
        idempotency_key: str | None = None,
    ) -> cargo_ai.contract.workspace.members.session.SessionReply:
        """Record what a session of a coding agent does; repeating a session id updates that session.

        session_id: The id that the agent gives to the session.
        title: What it is about.
        summary: What was done.
        finished: Whether the session has ended now.
        finished_at: When it ended; null: it goes on.

        Refused for: tooManySessions, alreadyOfAnotherUser
        """
        ...

class TokenMethods:
    async def create(
        self,
        *,
        user_uuid: str | None = ...,
        expires_at: datetime | str | None = ...,
        name: str = ...,
        description: str | None = ...,
        permissions: Sequence[cargo_ai.contract.workspace.members.permission.Permission | Mapping[str, Any]] | None = ...,
        from_user: bool = ...,
        idempotency_key: str | None = None,
    ) -> cargo_ai.contract.workspace.members.token.TokenReply:
        """Create an API token; its value is shown only once.

        user_uuid: The user whose token it becomes. Yourself by default.
        expires_at: When it stops working. Never by default.
        name: The name.
        description: The description.
        permissions: Restricts the permissions of its user: [{"effect":"allow","actions":["storage:read"]}]. All permissions of its user
          by default.
        from_user: Accepted for compatibility: a token belongs to a user in any case.

        Refused for: permissionsTooWide, expiresInThePast, userNotFound
        """
        ...

    async def list(
        self,
        *,
        user_uuid: str | None = ...,
    ) -> cargo_ai.contract.workspace.members.token.TokensReply:
        """List the workspace's API tokens, without their values.

        user_uuid: Only those of this user.
        """
        ...

    async def remove(
        self,
        uuid: str,
        *,
        idempotency_key: str | None = None,
    ) -> cargo_ai.kernel.wire.Removed:
        """Revoke an API token at once.

        uuid: Its uuid.

        Refused for: tokenNotFound, lastAdminToken
        """
        ...

    async def rotate(
        self,
        uuid: str,
        *,
        grace_seconds: int = ...,
        idempotency_key: str | None = None,
    ) -> cargo_ai.contract.workspace.members.token.TokenReply:
        """Give a token a new value, shown only once; the former one stops working. Anyone may rotate the token in use.

        uuid: The token.
        grace_seconds: How long the former value still works; up to 7 days.

        Refused for: tokenNotFound, permissionsTooWide, notYourToken
        """
        ...

    async def update(
        self,
        uuid: str,
        *,
        name: str | None = ...,
        description: str | None = ...,
        permissions: Sequence[cargo_ai.contract.workspace.members.permission.Permission | Mapping[str, Any]] | None = ...,
        expires_at: datetime | str | None = ...,
        idempotency_key: str | None = None,
    ) -> cargo_ai.contract.workspace.members.token.TokenReply:
        """Change a token's name, description, rules or expiry.

        uuid: The token.
        name: The new name.
        description: The new description; null clears it.
        permissions: Restricts the permissions of its user: [{"effect":"allow","actions":["storage:read"]}]. null: all permissions of its
          user.
        expires_at: When it stops working; null: never.

        Refused for: tokenNotFound, permissionsTooWide, expiresInThePast, lastAdminToken
        """
        ...

class UserMethods:
    async def create(
        self,
        *,
        user_email: str,
        role_slug: str,
        idempotency_key: str | None = None,
    ) -> cargo_ai.contract.workspace.members.user.CreatedUser:
        """Invite a user to this workspace, by e-mail address and role. The reply has the link, which signs in once.

        user_email: The e-mail address of the user.
        role_slug: The slug of the role, such as member, or its uuid.

        Refused for: roleNotFound, roleTooPowerful, alreadyMember
        """
        ...

    async def get_current(
        self,
    ) -> cargo_ai.contract.workspace.members.user.UserReply:
        """Show your own user and role in this workspace.
        """
        ...

    async def list(
        self,
    ) -> cargo_ai.contract.workspace.members.user.UsersReply:
        """List the users of this workspace and their roles.
        """
        ...

    async def remove(
        self,
        *,
        user_uuid: str,
        idempotency_key: str | None = None,
    ) -> cargo_ai.kernel.wire.Removed:
        """Remove a user from this workspace; the user's tokens for it stop working.

        user_uuid: The user.

        Refused for: userNotFound, invalidUserEmail, lastAdmin
        """
        ...

    async def remove_permission(
        self,
        user_uuid: str,
        *,
        resource_uuid: str,
        effect: Literal['allow', 'deny'],
        idempotency_key: str | None = None,
    ) -> cargo_ai.contract.workspace.members.user.ChangedUsers:
        """Remove what was allowed or denied to a user on one thing.

        user_uuid: The user.
        resource_uuid: The thing.
        effect: allow or deny.

        Refused for: userNotFound, roleTooPowerful
        """
        ...

    async def update(
        self,
        user_uuid: str,
        *,
        role_slug: str,
        idempotency_key: str | None = None,
    ) -> cargo_ai.contract.workspace.members.user.UserReply:
        """Change the role of a user of this workspace.

        user_uuid: The user.
        role_slug: The slug of the role, such as member, or its uuid.

        Refused for: userNotFound, roleNotFound, roleTooPowerful, lastAdmin
        """
        ...

    async def upsert_permission(
        self,
        *,
        action: Literal['*', 'ai:*', 'ai:read', 'ai:write', 'ai:agent:*', 'ai:agent:read', 'ai:agent:write', 'ai:mcpServer:*', 'ai:mcpServer:read', 'ai:mcpServer:write', 'billing:*', 'billing:read', 'billing:write', 'connection:*', 'connection:read', 'connection:write', 'context:*', 'context:read', 'context:write', 'domainManagement:*', 'domainManagement:read', 'domainManagement:write', 'hosting:*', 'hosting:read', 'hosting:write', 'hosting:app:*', 'hosting:app:read', 'hosting:app:write', 'hosting:worker:*', 'hosting:worker:read', 'hosting:worker:write', 'observability:*', 'observability:read', 'observability:write', 'orchestration:*', 'orchestration:read', 'orchestration:write', 'orchestration:workflow:*', 'orchestration:workflow:read', 'orchestration:workflow:write', 'revenueOrganization:*', 'revenueOrganization:read', 'revenueOrganization:write', 'segmentation:*', 'segmentation:read', 'segmentation:write', 'storage:*', 'storage:read', 'storage:write', 'content:*', 'content:read', 'content:write', 'content:file:*', 'content:file:read', 'content:file:write', 'systemOfRecordIntegration:*', 'systemOfRecordIntegration:read', 'systemOfRecordIntegration:write', 'workspaceManagement:*', 'workspaceManagement:read', 'workspaceManagement:write', 'workspaceManagement:folder:*', 'workspaceManagement:folder:read', 'workspaceManagement:folder:write'],
        resource_uuid: str,
        effect: Literal['allow', 'deny'],
        user_uuids: Sequence[str] = ...,
        emails: Sequence[str] = ...,
        idempotency_key: str | None = None,
    ) -> cargo_ai.contract.workspace.members.user.ChangedUsers:
        """Allow or deny users an action on one thing, in addition to their roles.

        action: The permission, such as orchestration:workflow:read.
        resource_uuid: The thing: requests that name it by this uuid.
        effect: allow or deny; a deny wins.
        user_uuids: The users.
        emails: Users by their e-mail addresses.

        Refused for: failedToCreateUsers, failedToUpsertPermissions, permissionsTooWide, invalidUsers
        """
        ...

class WorkspaceMethods:
    async def create(
        self,
        *,
        name: str,
        metadata: cargo_ai.contract.workspace.workspace.Metadata | Mapping[str, Any] | None = ...,
        logo_base64: str | None = ...,
        idempotency_key: str | None = None,
    ) -> cargo_ai.contract.workspace.workspace.CreatedWorkspace:
        """Create another workspace on this server, with yourself as its admin. The reply has a token for it.

        name: The name of the workspace.
        metadata: Answers to the onboarding questions.
        logo_base64: Accepted for compatibility; it has no effect and is not stored.

        Refused for: userNotFound, roleNotFound, failedToScheduleSync, systemOfRecordAlreadyUsedByAnotherWorkspace, cannotSetupClient,
          missingPermissions, tooManyWorkspaces
        """
        ...

    async def get_current(
        self,
    ) -> cargo_ai.contract.workspace.workspace.WorkspaceReply:
        """Show the current workspace.
        """
        ...

    async def list(
        self,
    ) -> cargo_ai.contract.workspace.workspace.WorkspacesReply:
        """List the workspaces that your token can access.
        """
        ...

    async def update(
        self,
        *,
        name: str | None = ...,
        metadata: cargo_ai.contract.workspace.workspace.Metadata | Mapping[str, Any] | None = ...,
        default_role_uuid: str | None = ...,
        allowed_email_domains: Sequence[str] | None = ...,
        logo_base64: str | None = ...,
        open_ai_api_key: str | None = ...,
        syncs: Sequence[Mapping[str, Any]] | None = ...,
        chrome_extension_master_agent_uuid: Any = ...,
        chrome_extension_available_agent_uuids: Any = ...,
        allowed_login_providers: Sequence[Literal['email', 'google-oauth2', 'azuread', 'okta']] | None = ...,
        idempotency_key: str | None = None,
    ) -> cargo_ai.contract.workspace.workspace.WorkspaceReply:
        """Change the name, metadata or default role of the current workspace.

        name: The new name.
        metadata: Answers to the onboarding questions: {"mainGoal":["..."],"gtmStackList":["..."]}; null clears them.
        default_role_uuid: The uuid of the role proposed for new users; null: none.
        allowed_email_domains: Accepted for compatibility; it has no effect and is not stored.
        logo_base64: Accepted for compatibility; it has no effect and is not stored.
        open_ai_api_key: Accepted for compatibility; it has no effect and is not stored.
        syncs: Accepted for compatibility; it has no effect and is not stored.
        chrome_extension_master_agent_uuid: Accepted for compatibility; it has no effect and is not stored.
        chrome_extension_available_agent_uuids: Accepted for compatibility; it has no effect and is not stored.
        allowed_login_providers: Accepted for compatibility; it has no effect and is not stored.

        Refused for: workspaceNotFound, failedToScheduleSync, roleNotFound
        """
        ...

class WorkspaceDomain:
    @property
    def audit(self) -> AuditMethods:
        ...

    @property
    def bin(self) -> BinMethods:
        ...

    @property
    def file(self) -> FileMethods:
        ...

    @property
    def file_multipart(self) -> FileMultipartMethods:
        ...

    @property
    def folder(self) -> FolderMethods:
        ...

    @property
    def invitation(self) -> InvitationMethods:
        ...

    @property
    def permission(self) -> PermissionMethods:
        ...

    @property
    def report(self) -> ReportMethods:
        ...

    @property
    def role(self) -> RoleMethods:
        ...

    @property
    def search(self) -> SearchMethods:
        ...

    @property
    def session(self) -> SessionMethods:
        ...

    @property
    def token(self) -> TokenMethods:
        ...

    @property
    def user(self) -> UserMethods:
        ...

    @property
    def workspace(self) -> WorkspaceMethods:
        ...

    async def get_initialisation(
        self,
    ) -> cargo_ai.contract.workspace.initialisation.Initialisation:
        """Show everything of the workspace that an application needs first, in one reply.
        """
        ...

    async def usage(
        self,
    ) -> cargo_ai.contract.workspace.workspace.UsageReply:
        """Show each quota of the workspace: its limit, how much is used, and what to remove.
        """
        ...
