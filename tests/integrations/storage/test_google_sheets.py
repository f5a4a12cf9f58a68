"""Google Sheets conforms. What is special about it is in test_google_sheets_rows.py."""

from __future__ import annotations

from tests.integrations.storage.google_sheets_subject import SUBJECT
from tests.kit.conformance.suite import IntegrationConformance


class TestGoogleSheets(IntegrationConformance):
    """A spreadsheet in a simulator whose limits are out of the way."""

    subject = SUBJECT
