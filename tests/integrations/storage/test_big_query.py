"""BigQuery conforms. What is special about it is in test_big_query_jobs.py."""

from __future__ import annotations

from tests.integrations.storage.big_query_subject import SUBJECT
from tests.kit.conformance.suite import IntegrationConformance


class TestBigQuery(IntegrationConformance):
    """A table in a simulator whose limits are out of the way."""

    subject = SUBJECT
