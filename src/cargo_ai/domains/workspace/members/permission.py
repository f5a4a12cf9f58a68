"""Permissions: list every one, with the roles that have it and the operations that need it."""

from __future__ import annotations

import uuid

from cargo_ai import contract as contracts
from cargo_ai.context.context import Caller, Context
from cargo_ai.context.handlers import handles
from cargo_ai.contract.workspace.members import permission as contract
from cargo_ai.domains.workspace.members import access_rules
from cargo_ai.kernel.wire import Nothing

_NO_ONE = uuid.UUID(int=0)

_SUBJECTS = {
    "ai": "agents, chats, prompts and everything else of AI",
    "ai:agent": "agents, their releases and their chats",
    "ai:mcpServer": "MCP servers",
    "billing": "credits, budgets, invoices and the subscription",
    "connection": "connectors, their accounts and integrations",
    "context": "the context repository and its runtime",
    "domainManagement": "domains and their DNS records",
    "hosting": "hosted apps and workers",
    "hosting:app": "hosted apps",
    "hosting:worker": "hosted workers",
    "observability": "alerts and their events",
    "orchestration": "workflows, plays, tools, runs and batches",
    "orchestration:workflow": "workflows: plays, tools, their releases, runs and batches",
    "revenueOrganization": "members, territories, capacities and allocations",
    "segmentation": "segments and their changes",
    "storage": "models, columns, records and queries",
    "content": "files and libraries that agents read",
    "content:file": "files that agents read",
    "systemOfRecordIntegration": "systems of record",
    "workspaceManagement": "users, roles, tokens, folders and the workspace itself",
    "workspaceManagement:folder": "folders",
}


def describe(action: str) -> str:
    """What a permission permits, in a sentence."""
    subject, _, level = action.rpartition(":")
    if not subject:
        return "Everything."
    verb = {"read": "See", "write": "See and change"}.get(level, "Everything with")
    return f"{verb} {_SUBJECTS[subject]}."


@handles(contract.get_all)
async def get_all(ctx: Context, request: Nothing) -> contract.PermissionsReply:
    """Every permission, in the order of the contract."""
    presets = {slug: _holder(slug) for slug in access_rules.PRESETS}
    declared = list(contracts.load())
    return contract.PermissionsReply(
        permissions=[
            contract.ListedPermission.model_validate(
                {
                    "action": action,
                    "description": describe(action),
                    "roles": [slug for slug, holder in presets.items() if holder.may(action)],
                    "operations": sorted(operation.name for operation in declared if operation.permission == action),
                }
            )
            for action in contract.ACTIONS
        ]
    )


def _holder(role: str) -> Caller:
    """Who has a preset role and nothing else."""
    return Caller(_NO_ONE, _NO_ONE, _NO_ONE, role, (access_rules.to_layer(access_rules.preset_rules(role)),))
