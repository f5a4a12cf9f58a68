"""Snowflake conforms. What is special about it is in test_snowflake_statements.py."""

from __future__ import annotations

from tests.integrations.storage.snowflake_subject import SUBJECT
from tests.kit.conformance.suite import IntegrationConformance


class TestSnowflake(IntegrationConformance):
    """A table in a simulator."""

    subject = SUBJECT
