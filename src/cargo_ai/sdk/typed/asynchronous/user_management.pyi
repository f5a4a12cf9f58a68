# Written by tools/gen.py from the registry. Change the declaration in src/cargo_ai/contract instead.
from collections.abc import Mapping
from typing import Any

import cargo_ai.contract.workspace.members.account

class UserMethods:
    async def get_current(
        self,
    ) -> cargo_ai.contract.workspace.members.account.AccountReply:
        """Show your own account.

        Refused for: userNotFound
        """
        ...

    async def update(
        self,
        *,
        first_name: str | None = ...,
        last_name: str | None = ...,
        web_extension_data: cargo_ai.contract.workspace.members.account.WebExtensionData | Mapping[str, Any] | None = ...,
        idempotency_key: str | None = None,
    ) -> cargo_ai.contract.workspace.members.account.AccountReply:
        """Change your own name.

        first_name: The first name; null clears it.
        last_name: The last name; null clears it.
        web_extension_data: Data of a browser extension: {"timezone":"Europe/Paris"}; null clears it.

        Refused for: userNotFound
        """
        ...

class UserManagementDomain:
    @property
    def user(self) -> UserMethods:
        ...
