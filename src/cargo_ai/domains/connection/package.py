"""What the connection domain adds to the server: the actions of all integrations, and each workspace's own dataset."""

from __future__ import annotations

from cargo_ai.context.package import Package
from cargo_ai.context.process import Hooks
from cargo_ai.domains.connection import dataset
from cargo_ai.domains.connection.accounts import waiting_runs
from cargo_ai.domains.connection.connector_action import UNKNOWN, load_actions, own_actions
from cargo_ai.domains.connection.connectors import connector_bin, search_kinds
from cargo_ai.domains.connection.custom import refresh
from cargo_ai.domains.connection.oauth import exchange

PACKAGE = Package(
    module=__package__ or "",
    actions=(UNKNOWN,),
    load_actions=load_actions,
    own_actions=own_actions,
    chores={"read manifests of custom integrations": refresh.refresh, "delete unused consents": exchange.prune},
    jobs={waiting_runs.TASK: waiting_runs.task},
    hooks=Hooks(bin_kinds=(connector_bin.KIND,), search_kinds=search_kinds.KINDS, workspace_created=(dataset.add_native,)),
)
