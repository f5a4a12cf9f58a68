"""A service that speaks OpenAI's HTTP conforms."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from cargo_ai.integrations.open_ai_compatible import Address
from cargo_ai.kernel.schemas.validation_errors import errors_of
from tests.kit.conformance.language_models import LanguageModelConformance, subject


class TestOpenAiCompatible(LanguageModelConformance):
    """A service that speaks OpenAI's HTTP."""

    subject = subject("openAiCompatible", "gpt-4o", lambda simulator, key: {"method": "bearer", "apiKey": key, "baseUrl": simulator.url})


@pytest.mark.parametrize("address", ["http://ann:secret@127.0.0.1/v1", "https://a.example/v1?key=secret", "127.0.0.1:8000/v1", ""])
def test_an_address_that_may_hold_a_secret_is_refused(address: str) -> None:
    with pytest.raises(ValidationError) as refused:
        Address.model_validate({"baseUrl": address})
    (error,) = errors_of(refused.value)
    assert "without user, password, query and fragment" in error["message"]
