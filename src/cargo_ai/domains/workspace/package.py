"""What the domain adds to the server: the handlers of its operations, the jobs that send e-mails, and chores."""

from __future__ import annotations

from functools import partial

from cargo_ai.context.package import Package
from cargo_ai.context.process import Services
from cargo_ai.context.removal import bin_kinds
from cargo_ai.domains.workspace import audit, bin_chore, upload_store, usage
from cargo_ai.domains.workspace.login import email_code
from cargo_ai.domains.workspace.login.email_code import LoginMailer
from cargo_ai.domains.workspace.members import invitation_email
from cargo_ai.domains.workspace.members.invitation_email import InvitationMailer
from cargo_ai.email.smtp import Mailer
from cargo_ai.engine.dispatch.queue import Task


async def _remove_uploads(services: Services) -> None:
    await upload_store.remove_expired(services.database, services.files)
    await upload_store.remove_unused(services)


def _send_invitation(services: Services) -> Task:
    mailer = services.once(Mailer, lambda: Mailer(services.settings))
    return InvitationMailer(services.database, services.secrets, services.settings, mailer).send


def _send_login_code(services: Services) -> Task:
    mailer = services.once(Mailer, lambda: Mailer(services.settings))
    return LoginMailer(services.database, services.secrets, services.settings, mailer).send


PACKAGE = Package(
    module=__package__ or "",
    jobs={
        invitation_email.TASK: _send_invitation,
        email_code.TASK: _send_login_code,
        bin_kinds.TASK: lambda services: partial(bin_chore.remove_expired, services),
    },
    downloads={audit.KIND: audit.produce},
    chores={
        "forget what the audit log has kept for long": lambda services: audit.prune(services.database, services.settings),
        "add up what workspaces keep": lambda services: usage.fold(services.database),
        "remove forever what has been in the bin for long": bin_chore.remove_expired,
        "remove uploads that nothing reads": _remove_uploads,
    },
)
