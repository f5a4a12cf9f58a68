"""A price of the settings is one of an action that there is, and that can cost something; else the server does not start."""

from __future__ import annotations

import pytest

from cargo_ai.kernel.settings import Settings, SettingsError
from cargo_ai.server.price_names import check_price_names

WRONG = {
    "hunter.findEmial=1": "hunter.findEmial, but Hunter has no action findEmial. Did you mean findEmail?",
    "huntr.findEmail=1": "huntr.findEmail, but there is no integration huntr. Did you mean hunter?",
    "native.scipt=1": "native.scipt, but there is no built-in action scipt. Did you mean script?",
    "hunter.tokens=1/tokens": "hunter.tokens, but Hunter has no action tokens.",
    "clearbit.company_enrich=1": "clearbit.company_enrich, which has no effect: another service answers for Clearbit. Give the price",
    "zzzzzz.x=1": "zzzzzz.x, but there is no integration zzzzzz. `cargo-ai connection integration list`",
}


def settings(prices: str) -> Settings:
    return Settings({"CARGO_AI_ACTION_COSTS": prices})


@pytest.mark.parametrize("price", WRONG)
def test_a_price_that_would_have_no_effect_is_refused(price: str) -> None:
    with pytest.raises(SettingsError) as refused:
        check_price_names(settings(f"http.request=2,{price}"))
    assert str(refused.value).startswith(f"CARGO_AI_ACTION_COSTS has a price for {WRONG[price]}")


def test_prices_of_actions_tokens_and_what_is_built_in_are_accepted() -> None:
    check_price_names(settings("native.script=0.5,native.modelUpdate=1,http.request=2,openAi.tokens=1/1000 tokens,hunter.findEmail=0"))
