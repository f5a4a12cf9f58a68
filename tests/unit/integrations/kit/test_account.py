"""Accounts: their forms follow from the ways to sign in, and every form of a secret is known."""

from __future__ import annotations

import base64
from typing import Any

import jsonschema_rs
import pytest
from pydantic import Field

from cargo_ai.integrations.kit import AccountSpec, Anonymous, ApiKey, Basic, Bearer, Form


class Region(Form):
    region: str = Field(default="", title="Region")


class Address(Form):
    base_url: str


ONE = AccountSpec(sign_ins=(ApiKey(header="X-Key", description="From the settings page."),), fields=Region, bound_to=("region",))
SEVERAL = AccountSpec(sign_ins=(Bearer(kind="privateApp", field="accessToken"), Basic()), fields=Region)


@pytest.mark.parametrize(
    ("spec", "config", "valid"),
    [
        (ONE, {"apiKey": "k"}, True),
        (ONE, {"apiKey": "k", "method": "apiKey", "region": "eu"}, True),
        (ONE, {"apiKey": ""}, False),
        (ONE, {"region": "eu"}, False),
        (ONE, {"apiKey": "k", "more": 1}, False),
        (SEVERAL, {"method": "privateApp", "accessToken": "t"}, True),
        (SEVERAL, {"method": "basic", "username": "u", "region": "eu"}, True),
        (SEVERAL, {"accessToken": "t"}, False),
        (SEVERAL, {"method": "basic", "accessToken": "t"}, False),
    ],
)
def test_a_config_fits_one_way_to_sign_in(spec: AccountSpec, config: dict[str, Any], valid: bool) -> None:
    assert jsonschema_rs.validator_for(spec.schema).is_valid(config) is valid


def test_secrets_are_hidden_in_every_way_to_sign_in() -> None:
    assert SEVERAL.hidden({"method": "privateApp", "accessToken": "t", "region": "eu"}) == {
        "method": "privateApp",
        "accessToken": "***",
        "region": "eu",
    }
    assert SEVERAL.hidden({"method": "basic", "username": "u", "password": "p"}) == {
        "method": "basic",
        "username": "***",
        "password": "***",
    }


def test_a_stored_secret_stays_only_while_it_is_sent_to_the_same_place() -> None:
    stored = {"apiKey": "key", "region": "eu"}
    assert ONE.merged({"apiKey": "***", "region": "eu"}, stored) == (stored, [])
    assert ONE.merged({"apiKey": "***", "region": "us"}, stored)[1] == ["apiKey"]


def test_secrets_are_recognised_as_they_are_sent() -> None:
    pair = base64.b64encode(b"user-name:pass word").decode()
    texts = SEVERAL.sensitive_texts({"method": "basic", "username": "user-name", "password": "pass word"})
    assert {pair, "pass word", "pass+word", "user-name"} == set(texts)
    assert texts[0] == pair


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"method": "privateApp"}, '"accessToken" is a required property'),
        ({"method": "basic", "accessToken": "t"}, "'accessToken' was unexpected"),
    ],
)
def test_what_is_wrong_is_said_of_the_sign_in_that_is_chosen(config: dict[str, Any], message: str) -> None:
    schema = SEVERAL.schema_of_choice(config["method"])
    assert any(message in error.message for error in jsonschema_rs.validator_for(schema).iter_errors(config))


@pytest.mark.parametrize("auth", ["text", None, [], {}, {"kind": "oauth"}, {"kind": ["bearer"]}])
def test_a_sign_in_that_there_is_not_is_a_problem_of_the_choice(auth: Any) -> None:
    nested = AccountSpec(sign_ins=(Bearer(), Basic()), under="auth", choice="kind")
    problem = ("auth.kind", "must be one of bearer, basic") if isinstance(auth, dict) else ("auth", "must be an object")
    assert nested.problem_of_choice({"auth": auth}) == problem
    assert nested.problem_of_choice({"auth": {"kind": "basic"}}) is None
    assert SEVERAL.problem_of_choice({}) == ("method", "must be one of privateApp, basic")
    assert ONE.problem_of_choice({}) is None and ONE.choice_of({"method": ["x"]}) is None
    assert nested.choice_of({"auth": {"kind": "basic"}}) == "basic" and nested.choice_of({}) is None


def test_a_sign_in_that_is_left_out_is_the_only_one_that_fits() -> None:
    open_ai_like = AccountSpec(sign_ins=(Bearer(field="apiKey"), Anonymous()), fields=Address)
    assert open_ai_like.completed({"baseUrl": "http://x"}) == {"baseUrl": "http://x", "method": "none"}
    assert open_ai_like.completed({"baseUrl": "http://x", "apiKey": "k"})["method"] == "bearer"
    assert "method" not in open_ai_like.completed({"baseUrl": "http://x", "token": "k"})
    assert SEVERAL.completed({}) == {} and SEVERAL.completed({"method": "former"}) == {"method": "former"}
    nested = AccountSpec(sign_ins=(Bearer(), Basic()), under="auth", choice="kind")
    assert nested.completed({"auth": {"username": "a", "password": "b"}})["auth"]["kind"] == "basic"
    assert nested.completed({"auth": "text"}) == {"auth": "text"} and nested.completed({}) == {}


def test_a_stored_config_whose_sign_in_is_gone_is_still_shown() -> None:
    assert SEVERAL.hidden({"method": "former", "accessToken": "t"})["accessToken"] == "***"
    assert "former-secret" in SEVERAL.sensitive_texts({"method": "former", "accessToken": "former-secret"})


async def test_a_key_is_sent_without_what_copying_brought_along() -> None:
    config = {"apiKey": " key-4711\n"}
    assert (await ONE.sign_in_of(config).credentials(config)).headers == {"X-Key": "key-4711"}
    assert "key-4711" in ONE.sensitive_texts(config)


def test_an_api_key_goes_to_one_place() -> None:
    with pytest.raises(ValueError, match="either"):
        ApiKey()
    with pytest.raises(ValueError, match="either"):
        ApiKey(header="a", query="b")
