# Written by tools/gen.py from the registry. Change the declaration in src/cargo_ai/contract instead.
from . import ai as _ai
from . import billing as _billing
from . import connection as _connection
from . import content as _content
from . import expression as _expression
from . import observability as _observability
from . import orchestration as _orchestration
from . import segmentation as _segmentation
from . import storage as _storage
from . import system_of_record as _system_of_record
from . import user_management as _user_management
from . import workspace as _workspace

class Domains:
    @property
    def ai(self) -> _ai.AiDomain:
        """Agents: language models with instructions, tools and data of the workspace."""
        ...

    @property
    def billing(self) -> _billing.BillingDomain:
        """What your workflows use and cost, budgets, the subscription and invoices."""
        ...

    @property
    def connection(self) -> _connection.ConnectionDomain:
        """Connect services: integrations, and connectors with your credentials."""
        ...

    @property
    def content(self) -> _content.ContentDomain:
        """Files: what agents and workflows search in."""
        ...

    @property
    def expression(self) -> _expression.ExpressionDomain:
        """Expressions: evaluate them outside of a workflow, and store them as recipes."""
        ...

    @property
    def observability(self) -> _observability.ObservabilityDomain:
        """Alerts: say when runs fail, take too long, cost too much, or data gets stale."""
        ...

    @property
    def orchestration(self) -> _orchestration.OrchestrationDomain:
        """Build and run workflows: tools, plays, releases, runs and batches."""
        ...

    @property
    def segmentation(self) -> _segmentation.SegmentationDomain:
        """Segments: filter the records of a model, save filters, and detect changes."""
        ...

    @property
    def storage(self) -> _storage.StorageDomain:
        """Your data: models, their columns and relationships, and the records in them."""
        ...

    @property
    def system_of_record(self) -> _system_of_record.SystemOfRecordDomain:
        """The database that holds your data: SQL queries and their log."""
        ...

    @property
    def user_management(self) -> _user_management.UserManagementDomain:
        """Your own account."""
        ...

    @property
    def workspace(self) -> _workspace.WorkspaceDomain:
        """Manage the workspace: users, roles, tokens, folders and uploaded files."""
        ...
