"""Permissions of users on single things, besides what their roles say."""

from __future__ import annotations

from typing import Any

from sqlalchemy import or_, select

from cargo_ai.context.context import Context
from cargo_ai.context.handlers import handles
from cargo_ai.context.lookup import found_or_refuse
from cargo_ai.contract.workspace.members import user as contract
from cargo_ai.contract.workspace.members.permission import MAX_RESOURCES
from cargo_ai.domains.workspace.members import access_rules
from cargo_ai.domains.workspace.members.invitation import lock_members
from cargo_ai.domains.workspace.tables import Membership, Role, User
from cargo_ai.kernel import ids

_LIST = "cargo-ai workspace user list"
Rules = list[dict[str, Any]]


def _is_about(rule: dict[str, Any], resource: str, effect: str) -> bool:
    return rule.get("effect") == effect and rule.get("resources") == [resource]


def _canonical(uid: str) -> str:
    return str(ids.parse(uid) or uid).lower()


async def _named_members(ctx: Context, request: contract.UpsertPermission) -> list[tuple[User, Membership, Role]]:
    """The members that the request names. Refusal for the first that is not one."""
    users = {ids.parse(user) for user in request.user_uuids}
    query = (
        select(User, Membership, Role)
        .join(Membership, Membership.user_uuid == User.uuid)
        .join(Role, Role.uuid == Membership.role_uuid)
        .where(Membership.workspace_uuid == ctx.workspace, or_(User.uuid.in_(users), User.email.in_(request.emails)))
        .order_by(User.uuid)
    )
    members = [(user, member, role) for user, member, role in await ctx.db.execute(query)]
    emails, known = {user.email for user, _, _ in members}, {user.uuid for user, _, _ in members}
    for email in request.emails:
        if email not in emails:
            invite = f"cargo-ai workspace user create --user-email {email} --role-slug viewer"
            contract.upsert_permission.refuse("failedToCreateUsers", fix=invite, email=email)
    missing = next((user for user in request.user_uuids if ids.parse(user) not in known), None)
    if missing is not None or not members:
        contract.upsert_permission.refuse("invalidUsers", fix=_LIST, user=missing or "at all named")
    return members


@handles(contract.upsert_permission)
async def upsert_permission(ctx: Context, request: contract.UpsertPermission) -> contract.ChangedUsers:
    """Give users a rule about one thing. It replaces a former one of the same effect on the same thing."""
    rule: dict[str, Any] = {"effect": request.effect, "resources": [_canonical(request.resource_uuid)], "actions": [request.action]}
    beyond = access_rules.first_exceeding(ctx.who, [rule])
    if beyond is not None:
        contract.upsert_permission.refuse("permissionsTooWide", action=beyond)
    await lock_members(ctx.db, ctx.workspace, shared=False)
    members = await _named_members(ctx, request)
    for user, member, role in members:
        if request.effect == "deny":
            _refuse_powerful(ctx, user, member, role)
        others = [known for known in member.permissions if not _is_about(known, rule["resources"][0], request.effect)]
        if len(others) >= MAX_RESOURCES:
            problem = f"has rules about {MAX_RESOURCES} things, which is the most"
            contract.upsert_permission.refuse("failedToUpsertPermissions", email=user.email, problem=problem)
        member.permissions = [*others, rule]
    await ctx.db.flush()
    return contract.ChangedUsers(count=len(members))


def _refuse_powerful(ctx: Context, user: User, member: Membership, role: Role) -> None:
    """No one denies anything to those who may do more than they; to an admin nothing can be denied, for one has to be able to undo it."""
    if role.slug == access_rules.ADMIN:
        contract.upsert_permission.refuse(
            "failedToUpsertPermissions", email=user.email, problem="is an admin, to whom nothing can be denied: change the role instead"
        )
    if access_rules.first_exceeding(ctx.who, [*role.permissions, *member.permissions]) is not None:
        contract.upsert_permission.refuse("failedToUpsertPermissions", email=user.email, problem="may do more than you may do yourself")


@handles(contract.remove_permission)
async def remove_permission(ctx: Context, request: contract.RemovePermission) -> contract.ChangedUsers:
    """Remove the rules of a user about one thing. Where it has no such rule, nothing changes."""
    await lock_members(ctx.db, ctx.workspace, shared=False)
    user = ids.parse(request.user_uuid)
    member = await ctx.db.scalar(select(Membership).where(Membership.user_uuid == user))
    member = found_or_refuse(contract.remove_permission, member, "userNotFound", fix=_LIST, user=request.user_uuid)
    resource = _canonical(request.resource_uuid)
    removed: Rules = [rule for rule in member.permissions if _is_about(rule, resource, request.effect)]
    for rule in removed:
        action = rule["actions"][0]
        # To lift a denial is to allow what is behind it.
        if request.effect == "deny" and not ctx.who.may(action):
            contract.remove_permission.refuse("roleTooPowerful", user=request.user_uuid, action=action)
    member.permissions = [rule for rule in member.permissions if rule not in removed]
    await ctx.db.flush()
    return contract.ChangedUsers(count=1 if removed else 0)
