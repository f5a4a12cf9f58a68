"""S3 conforms. What is special about it is in test_s3_objects.py."""

from __future__ import annotations

from tests.integrations.storage.s3_subject import SUBJECT
from tests.kit.conformance.suite import IntegrationConformance


class TestS3(IntegrationConformance):
    """A bucket in a simulator that verifies each signature."""

    subject = SUBJECT
