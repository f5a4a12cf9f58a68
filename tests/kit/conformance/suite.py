"""The conformance suite: what every integration has to do right, inherited by its test.

    class TestHubspot(IntegrationConformance):
        subject = Subject(slug="hubspot", …)

A test of another name that is inherited and does not fit a service (it has no lists, say) is skipped with the reason.
"""

from __future__ import annotations

from tests.kit.conformance.accounts import AccountTests
from tests.kit.conformance.choices import ChoiceTests
from tests.kit.conformance.effects import EffectTests
from tests.kit.conformance.extractions import ExtractorTests
from tests.kit.conformance.failures import FailureTests
from tests.kit.conformance.forms import FormTests
from tests.kit.conformance.lists import ListTests
from tests.kit.conformance.served import ServedTests


class IntegrationConformance(FormTests, AccountTests, FailureTests, EffectTests, ListTests, ChoiceTests, ServedTests, ExtractorTests):
    """All of it."""
