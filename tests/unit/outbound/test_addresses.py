"""Which addresses are open, and what the operator's list opens."""

from __future__ import annotations

import pytest

from cargo_ai.kernel.settings import Settings, SettingsError
from cargo_ai.outbound.addresses import AllowList, is_public, parse_ip, parse_rules

CLOSED = [
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.1",
    "100.64.0.1",
    "100.100.100.200",
    "127.0.0.1",
    "127.255.255.254",
    "168.63.129.16",
    "169.254.169.254",
    "169.254.170.2",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.192",
    "192.0.2.1",
    "192.168.1.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:a9fe:a9fe",
    "::ffff:0:127.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::1",
    "100::1",
    "2001::1",
    "2001:0:7f00:1::",
    "2001:db8::1",
    "2002:7f00:1::1",
    "2002:a9fe:a9fe::",
    "2002:c0a8:101::1",
    "2a00:1450::5efe:7f00:1",
    "2a00:1450::200:5efe:c0a8:101",
    "3fff::1",
    "5f00::1",
    "fc00::1",
    "fd00:ec2::254",
    "fd20:ce::254",
    "fe80::1",
    "fe80::1%1",
    "fec0::1",
    "ff02::1",
]
OPEN = ["1.1.1.1", "8.8.8.8", "172.15.0.1", "172.32.0.1", "100.63.0.1", "2606:4700::1111", "2002:808:808::1", "64:ff9b::808:808"]


@pytest.mark.parametrize("text", CLOSED)
def test_an_address_that_is_not_of_the_public_internet_is_closed(text: str) -> None:
    address = parse_ip(text)
    assert address is not None
    assert not is_public(address)
    assert not AllowList().permits(text, address, 443)


@pytest.mark.parametrize("text", OPEN)
def test_an_address_of_the_public_internet_is_open(text: str) -> None:
    address = parse_ip(text)
    assert address is not None
    assert is_public(address)


def permits(allow: str, host: str, address: str, port: int = 80) -> bool:
    found = parse_ip(address)
    assert found is not None
    return AllowList.of(Settings({"CARGO_AI_OUTBOUND_ALLOW": allow})).permits(host, found, port)


@pytest.mark.parametrize(
    ("allow", "host", "address", "port", "opened"),
    [
        ("127.0.0.1", "localhost", "127.0.0.1", 80, True),
        ("127.0.0.1", "x", "::ffff:127.0.0.1", 80, True),
        ("127.0.0.1", "localhost", "127.0.0.2", 80, False),
        ("127.0.0.1:8443", "localhost", "127.0.0.1", 8443, True),
        ("127.0.0.1:8443", "localhost", "127.0.0.1", 80, False),
        (" 10.0.0.0/8 , 192.168.0.0/16:80", "x", "10.2.3.4", 1, True),
        (" 10.0.0.0/8 , 192.168.0.0/16:80", "x", "192.168.0.9", 80, True),
        (" 10.0.0.0/8 , 192.168.0.0/16:80", "x", "192.168.0.9", 81, False),
        ("10.1.2.3/8", "x", "10.9.9.9", 80, True),
        ("crm.internal", "crm.internal", "10.0.0.5", 80, True),
        ("CRM.internal.:8443", "crm.internal", "10.0.0.5", 8443, True),
        ("crm.internal:8443", "crm.internal", "10.0.0.5", 80, False),
        ("crm.internal", "other.internal", "10.0.0.5", 80, False),
        ("crm.internal", "evil.crm.internal", "10.0.0.5", 80, False),
        ("crm.internal", "crm.internal", "169.254.169.254", 80, False),
        ("crm.internal", "crm.internal", "0.0.0.0", 80, False),
        ("169.254.169.254", "x", "169.254.169.254", 80, True),
        ("::1", "x", "::1", 80, True),
        ("[::1]:8080", "x", "::1", 8080, True),
        ("[::1]:8080", "x", "::1", 80, False),
        ("fd00::/8", "x", "fd12::1", 80, True),
        ("[fd00::/8]:443", "x", "fd12::1", 443, True),
        ("10.0.0.0/8", "x", "64:ff9b::a00:1", 80, False),
        ("", "localhost", "127.0.0.1", 80, False),
    ],
)
def test_the_list_opens_what_it_names_and_no_more(allow: str, host: str, address: str, port: int, opened: bool) -> None:
    assert permits(allow, host, address, port) is opened


@pytest.mark.parametrize(
    "entry", ["10.0.0.0/33", "127.1", "http://crm.internal", "crm.internal:0", "crm.internal:70000", "a b", "[::1", "*"]
)
def test_a_wrong_entry_is_refused_by_name(entry: str) -> None:
    with pytest.raises(SettingsError, match="CARGO_AI_OUTBOUND_ALLOW takes") as raised:
        parse_rules([entry])
    assert entry in str(raised.value)
