"""Attio conforms. What is special about it is in test_attio_reads.py and test_attio_writes.py."""

from __future__ import annotations

from tests.integrations.crm.attio_subject import SUBJECT
from tests.kit.conformance.suite import IntegrationConformance


class TestAttio(IntegrationConformance):
    """People, companies and a list in a simulator whose limits are out of the way."""

    subject = SUBJECT
