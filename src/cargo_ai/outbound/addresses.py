"""Addresses that workflows may reach: the public internet, and what `CARGO_AI_OUTBOUND_ALLOW` lists."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass

from cargo_ai.kernel.settings import PREFIX, Settings, SettingsError

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

VARIABLE = f"{PREFIX}OUTBOUND_ALLOW"

# IANA's special-purpose registries, written out: what the standard library calls global differs between Python versions.
_CLOSED_V4 = tuple(
    ipaddress.IPv4Network(text)
    for text in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
    )
)
_GLOBAL_V6 = ipaddress.IPv6Network("2000::/3")
_CLOSED_V6 = tuple(ipaddress.IPv6Network(text) for text in ("2001::/23", "2001:db8::/32", "3fff::/20"))
_SIX_TO_FOUR = ipaddress.IPv6Network("2002::/16")
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_ISATAP = (0x00005EFE, 0x02005EFE)

# Services that answer with credentials of the machine, some at ordinary addresses; an entry with a name never allows these.
_METADATA = tuple(
    ipaddress.ip_network(text)
    for text in (
        "0.0.0.0/8",
        "100.100.100.200/32",
        "168.63.129.16/32",
        "169.254.0.0/16",
        "192.0.0.192/32",
        "224.0.0.0/4",
        "::/128",
        "fd00:ec2::254/128",
        "fd20:ce::254/128",
        "fe80::/10",
        "ff00::/8",
    )
)


def parse_ip(text: str) -> Address | None:
    """The address in a text; None for a name. An IPv4 address mapped into IPv6 (`::ffff:10.0.0.1`) becomes IPv4."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


def is_public(address: Address) -> bool:
    """Whether the address belongs to the public internet. What it tunnels to (6to4, NAT64, ISATAP) must be public as well."""
    if isinstance(address, ipaddress.IPv4Address):
        return not is_metadata(address) and not any(address in network for network in _CLOSED_V4)
    if address.scope_id is not None:
        return False
    number = int(address)
    if address in _NAT64:
        return is_public(ipaddress.IPv4Address(number & 0xFFFFFFFF))
    if address not in _GLOBAL_V6 or any(address in network for network in _CLOSED_V6):
        return False
    if address in _SIX_TO_FOUR and not is_public(ipaddress.IPv4Address(number >> 80 & 0xFFFFFFFF)):
        return False
    return number >> 32 & 0xFFFFFFFF not in _ISATAP or is_public(ipaddress.IPv4Address(number & 0xFFFFFFFF))


def is_metadata(address: Address) -> bool:
    """Whether it is a cloud's metadata service, link-local, multicast or no address at all: allowed by address only, never by name."""
    return any(address in network for network in _METADATA)


@dataclass(frozen=True, slots=True)
class Rule:
    """One entry of the list: a name or a network, on one port or on all."""

    name: str | None
    network: Network | None
    port: int | None

    def allows(self, host: str, address: Address, port: int) -> bool:
        """Whether it allows this address, to which `host` resolves, on this port."""
        if self.port is not None and self.port != port:
            return False
        if self.network is not None:
            return address in self.network
        return self.name == host and not is_metadata(address)


_ENTRY = re.compile(r"(?:\[(?P<six>[^\]]+)\]|(?P<plain>[^:\[\]]+))(?::(?P<port>\d{1,5}))?\Z")
_NAME = re.compile(r"[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*\Z")


@dataclass(frozen=True, slots=True)
class AllowList:
    """The addresses that may be reached: the public internet and what the rules allow."""

    rules: tuple[Rule, ...] = ()

    @staticmethod
    def of(settings: Settings) -> AllowList:
        """The allow list of the settings; SettingsError names a wrong entry."""
        return AllowList(tuple(parse_rules(settings.outbound_allow.split(","))))

    def permits(self, host: str, address: Address, port: int) -> bool:
        """Whether this address may be connected to on behalf of `host`."""
        return is_public(address) or any(rule.allows(host, address, port) for rule in self.rules)


def parse_rules(entries: Iterable[str]) -> list[Rule]:
    """The rules of `host`, `address`, `network`, each with an optional `:port`; IPv6 with a port stands in brackets."""
    return [_rule(entry.strip()) for entry in entries if entry.strip()]


def _rule(entry: str) -> Rule:
    network = _network(entry)
    if network is not None:
        return Rule(None, network, None)
    match = _ENTRY.match(entry.lower())
    port = int(match["port"]) if match and match["port"] else None
    if match is None or (port is not None and not 1 <= port <= 65535):
        raise _wrong(entry)
    network = _network(match["six"] or match["plain"])
    if network is not None:
        return Rule(None, network, port)
    name = (match["plain"] or "").rstrip(".")
    # `10.0.0.0/33` or `127.1` would otherwise pass as a name that never matches anything.
    if not _NAME.match(name) or re.fullmatch(r"[\d.]+", name):
        raise _wrong(entry)
    return Rule(name, None, port)


def _network(text: str) -> Network | None:
    address = parse_ip(text)
    if address is not None:
        return ipaddress.ip_network(address)
    try:
        return ipaddress.ip_network(text, strict=False) if "/" in text else None
    except ValueError:
        return None


def _wrong(entry: str) -> SettingsError:
    examples = "127.0.0.1, 10.0.0.0/8, crm.internal:8443"
    return SettingsError(f"{VARIABLE} takes hosts, addresses and networks, each with an optional port ({examples}), not {entry!r}.")
