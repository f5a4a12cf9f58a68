"""Services, and secrets that others keep."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from cargo_ai.kernel.configuration.setting_kinds import Setting, addresses_of, path_of, text, url


class OutboundSettings:
    """Which services may be called, and where secrets are that are not stored here."""

    title: ClassVar[str] = "Services, and secrets that others keep"

    outbound_allow = text(
        "Hosts, addresses and networks besides the public internet that workflows may call, by comma, each with an optional `:port`.",
        ("api", "worker"),
        shown_default="the public internet only",
    )
    secrets_env = text(
        "Variables of the server's environment that connectors may name as `secret://env/NAME`, by comma; `*` stands for any text. "
        "Never those of the server itself, CARGO_AI_*. Who may write connectors can use each of them.",
        ("api", "worker"),
        shown_default="no variable",
    )
    secrets_dir = text(
        "The folder of files that connectors may name as `secret://file/PATH`. `{workspace}` in it stands for the workspace's uuid.",
        ("api", "worker"),
        shown_default="no file",
    )
    vault_addr = url(
        "The HashiCorp Vault that connectors may name as `secret://vault/MOUNT/PATH#FIELD` (KV version 2).",
        ("api", "worker"),
        shown_default="no Vault",
    )
    vault_token = text("The token for Vault. Its policies should let it read what connectors need and nothing else.", ("api", "worker"))
    vault_token_file = Setting[Path | None](
        "path",
        None,
        "A file with the token for Vault, read again for each secret, as an agent of Vault writes it; it wins over CARGO_AI_VAULT_TOKEN.",
        ("api", "worker"),
        lambda _, raw: path_of(raw),
        "none",
    )
    vault_namespace = text("The namespace in Vault.", ("api", "worker"), shown_default="none")
    vault_paths = text(
        "Paths in Vault (`MOUNT/PATH`) that connectors may name, by comma; `*` stands for any text, `{workspace}` for the workspace's "
        "uuid.",
        ("api", "worker"),
        "*",
        shown_default="all that the token may read (`*`)",
    )
    cloud_secrets = text(
        "Secrets of clouds that connectors may name as `secret://aws/NAME`, `secret://google/PROJECT/NAME` or `secret://azure/VAULT/NAME`, "
        "by comma and without `secret://`; `*` stands for any text, `{workspace}` for the workspace's uuid. Each cloud needs its extra.",
        ("api", "worker"),
        shown_default="none",
    )
    service_addresses = Setting[Mapping[str, str]](
        "slug=URL, by comma",
        {},
        "Where services are called instead of at their vendor's address: a proxy, or a simulator (`hubspot=http://127.0.0.1:8123`).",
        ("api", "worker"),
        addresses_of,
        "the vendors' addresses",
    )
    captcha_url = text(
        "Where captchas of public forms are verified, instead of at their provider.", ("api",), shown_default="the provider's URL"
    )
