"""The settings page: every variable of the server and of the command line, from where they are declared."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from cargo_ai.cli.configuration.environment import VARIABLES
from cargo_ai.kernel.settings import SETTINGS, Setting, Settings

HEADER = "<!-- Written by tools/gen.py. Change src/cargo_ai/kernel/settings.py or its groups, or cli/configuration/environment.py. -->\n"
TEXT = """# Settings

The server reads its settings from environment variables when it starts. All are optional; an empty variable counts as unset. A switch is
on with `1`, `true`, `yes` or `on`. `cargo-ai server start` passes its environment on to the API and to the workers, and warns of variables
that begin with `CARGO_AI_` and are not settings. *Read by*: `server` is `cargo-ai server …` with its supervisor, `api` the process that
answers requests, `worker` the processes that run workflows.

What should hold at every start can stand in `settings.toml` in the data folder: the names below without `CARGO_AI_`, in small letters.
Flags win over environment variables, these over the file. A name that is not a setting is ignored with a warning; a value that cannot be
used is an error. The file may hold passwords, so it is closed to other users (0600) when it is read. It counts from the next start on.

```toml
port = 9000
outbound_allow = ["10.0.0.5", "crm.internal:8443"]
smtp_host = "mail.example.com"
```

{operators}

Apps of OAuth have a pair of variables for each integration, read by the API and the workers: `CARGO_AI_OAUTH_HUBSPOT_CLIENT_ID` and
`CARGO_AI_OAUTH_HUBSPOT_CLIENT_SECRET`, and so on; see [connecting an account](guide/connect-an-account.md).

## Set by the server itself, or by tests

{internal}

## Command line and Python client

Flags win over these variables, these over `.cargo-ai.json` of the folder, that over `~/.config/cargo-ai/credentials.json`, that
over the running server of the data folder. The common variables `HTTPS_PROXY`, `NO_PROXY`, `SSL_CERT_FILE` and `NO_COLOR` work too.

{client}
"""


def page() -> str:
    """docs/settings.md."""
    groups = [group for group in Settings.__mro__ if "title" in vars(group)]
    operators = [f"## {vars(group)['title']}\n\n{_table(_of(group))}" for group in groups]
    internal = [setting for setting in SETTINGS.values() if setting.internal]
    client = ["| Variable | |", "| --- | --- |", *(f"| `{name}` | {meaning} |" for name, meaning in VARIABLES.items())]
    return HEADER + TEXT.format(operators="\n\n".join(operators), internal=_table(internal), client="\n".join(client))


def _of(group: type[object]) -> list[Setting[Any]]:
    """The settings for operators that a group declares."""
    return [setting for setting in SETTINGS.values() if not setting.internal and any(setting is value for value in vars(group).values())]


def _table(settings: Iterable[Setting[Any]]) -> str:
    rows = [
        f"| `{setting.variable}` | {setting.kind} | {_default(setting)} | {', '.join(setting.read_by)} | {setting.meaning} |"
        for setting in settings
    ]
    return "\n".join(["| Variable | Type | Default | Read by | |", "| --- | --- | --- | --- | --- |", *rows])


def _default(setting: Setting[Any]) -> str:
    return setting.shown_default or (f"`{setting.default}`" if setting.default else "")
