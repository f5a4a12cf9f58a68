"""Accounts of BigQuery: a key file or a person's consent, and the project that pays; proven by its list of datasets."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, cast

from pydantic import Field

from cargo_ai.integrations.kit import AccountSpec, Form, InvalidConfig, Verification
from cargo_ai.integrations.kit.signing.vendors import google_oauth, google_service_account

Json = Any
SCOPE = "https://www.googleapis.com/auth/bigquery"
_PROJECT = re.compile(r"(?:[a-z0-9.-]{1,100}:)?[a-z][a-z0-9-]{3,61}")


class Project(Form):
    """Where queries run."""

    project_id: str = Field(
        default="",
        title="Project",
        description="The id of the project that queries run in, and that pays for them; by default that of the service account.",
        max_length=200,
    )
    location: str = Field(
        default="", title="Location", description="Of your datasets: EU, US, europe-west3, … Needed outside of EU and US.", max_length=40
    )


def project_of(config: Mapping[str, Json]) -> str:
    """The project that pays. InvalidConfig where it is not known."""
    project = str(config.get("projectId") or "").strip() or _of_key_file(str(config.get("serviceAccountKey") or ""))
    if not _PROJECT.fullmatch(project):
        raise InvalidConfig("`projectId` of the connector is missing, or is not an id of a project.")
    return project


def _of_key_file(text: str) -> str:
    try:
        document: Json = json.loads(text)
    except (ValueError, RecursionError):
        return ""
    return str(cast("Mapping[str, Json]", document).get("project_id") or "") if isinstance(document, dict) else ""


def location_of(config: Mapping[str, Json]) -> str | None:
    """Where the datasets are; None: BigQuery finds out."""
    return str(config.get("location") or "").strip() or None


ACCOUNT = AccountSpec(
    sign_ins=(google_service_account(SCOPE), google_oauth(SCOPE)),
    fields=Project,
    verification=Verification(lambda config: f"/bigquery/v2/projects/{project_of(config)}/datasets?maxResults=1"),
)
