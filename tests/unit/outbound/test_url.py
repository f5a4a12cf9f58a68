"""Addresses: one meaning each, and none that names another host than it seems to."""

from __future__ import annotations

import pytest

from cargo_ai.outbound.url import InvalidUrl, Url, is_absolute, parse_url


@pytest.mark.parametrize(
    ("text", "host", "port", "target", "authority"),
    [
        ("http://a", "a", 80, "/", "a"),
        ("HTTP://A.Example:80/x", "a.example", 80, "/x", "a.example"),
        ("https://a:8443/?q", "a", 8443, "/?q", "a:8443"),
        ("https://a:443", "a", 443, "/", "a"),
        ("http://a:", "a", 80, "/", "a"),
        ("http://a?x=1#part", "a", 80, "/?x=1", "a"),
        ("http://user:word@a/x", "a", 80, "/x", "a"),
        ("http://[::1]:8080/", "::1", 8080, "/", "[::1]:8080"),
        ("http://[::FFFF:127.0.0.1]", "::ffff:127.0.0.1", 80, "/", "[::ffff:127.0.0.1]"),
        ("http://bücher.example/ü?ü=ü", "xn--bcher-kva.example", 80, "/%C3%BC?%C3%BC=%C3%BC", "xn--bcher-kva.example"),
        ("http://faß.example", "xn--fa-hia.example", 80, "/", "xn--fa-hia.example"),
        ("http://a/b c?d e", "a", 80, "/b%20c?d%20e", "a"),
        ("http://a/%41%2f", "a", 80, "/%41%2f", "a"),
        ("http://a/50%?p=100%", "a", 80, "/50%25?p=100%25", "a"),
        ("http://a/b/../c/./d", "a", 80, "/c/d", "a"),
        ("http://a/b/..", "a", 80, "/", "a"),
        ("http://a/../../b/.", "a", 80, "/b/", "a"),
        ("http://a/.well-known/x", "a", 80, "/.well-known/x", "a"),
        ("http://a/?to=/../x", "a", 80, "/?to=/../x", "a"),
        ('http://a/"<>{}', "a", 80, "/%22%3C%3E%7B%7D", "a"),
    ],
)
def test_an_address_is_read(text: str, host: str, port: int, target: str, authority: str) -> None:
    url = parse_url(text)
    assert (url.host, url.port, url.target, url.authority) == (host, port, target, authority)
    assert parse_url(str(url)) == url


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a",
        "/a",
        "//a/b",
        "http:a",
        "http:/a",
        "mailto:x@y",
        "http://a b/",
        "http://a\\@b/",
        "http://a\\b/",
        "http://a@b@c/",
        "http://a:b:1/",
        "http://a:0/",
        "http://a:65536/",
        "http://a:١/",
        "http://a:-1/",
        "http://[::1/",
        "http://[1.2.3.4]/",
        "http://[fe80::1%25eth0]/",
        "http://[::1]x/",
        "http://-a/",
        "http://.a/",
        "http://a%00b/",
        "http://a%2eb/",
        "http://xn--/",
        "http://①②⑦.⓪.⓪.①/",
        "http://a\r\nHost: b/",
        "http://a/\r\nHost: b",
        "http://a/\x00",
        "http://a/\x7f",
        "http://a/\ud800",
        "http://" + "a" * 300,
        "http://a/" + "a" * 70_000,
    ],
)
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(InvalidUrl, match="is not a valid address"):
        parse_url(text)


@pytest.mark.parametrize(
    ("text", "message"), [("file:///etc/passwd", "must start with http://"), ("ftp://a/", "must start"), ("http:///a", "no host")]
)
def test_what_cannot_be_called_is_refused_with_the_reason(text: str, message: str) -> None:
    with pytest.raises(InvalidUrl, match=message):
        parse_url(text)


@pytest.mark.parametrize(
    ("location", "expected"),
    [
        ("/x?y=1", "http://a.example:81/x?y=1"),
        ("x", "http://a.example:81/b/x"),
        ("../x", "http://a.example:81/x"),
        ("?z", "http://a.example:81/b/c?z"),
        ("//other/x", "http://other/x"),
        ("https://other:444/x#part", "https://other:444/x"),
        ("", "http://a.example:81/b/c?q"),
    ],
)
def test_a_redirect_is_joined(location: str, expected: str) -> None:
    assert str(parse_url("http://a.example:81/b/c?q").join(location)) == expected


@pytest.mark.parametrize("location", ["http://[", "javascript:alert(1)", "http://a\\@b/", "http://a:99999/"])
def test_a_redirect_to_no_address_is_refused(location: str) -> None:
    with pytest.raises(InvalidUrl):
        parse_url("http://a/").join(location)


@pytest.mark.parametrize(("text", "expected"), [("http://a", "/?x=1"), ("http://a/b?c", "/b?c&x=1"), ("http://a/b?", "/b?x=1")])
def test_a_query_is_added_to_what_is_there(text: str, expected: str) -> None:
    assert parse_url(text).with_query("x=1").target == expected
    assert parse_url(text).with_query("") == parse_url(text)


def test_an_origin_is_scheme_host_and_port() -> None:
    assert parse_url("http://A.example.:80/x").origin == parse_url("http://a.example/y?z").origin
    assert len({parse_url(text).origin for text in ("http://a", "https://a", "http://a:443", "http://b")}) == 4


def test_only_what_has_a_scheme_and_slashes_is_absolute() -> None:
    assert is_absolute("https://a")
    assert not any(is_absolute(text) for text in ("a", "/a", "//a", "a:b", "1http://a"))


def test_urls_are_values() -> None:
    assert parse_url("http://a/b") == Url("http", "a", 80, "/b")
