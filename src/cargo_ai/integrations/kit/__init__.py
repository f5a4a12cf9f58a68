"""The kit: what an integration is made of. Everything that a service's folder needs can be imported from here."""

from __future__ import annotations

from cargo_ai.engine.graph.action import Action, Done, Failed, InvalidConfig, Later, Outcome, RowBatch
from cargo_ai.engine.limits.policy import Headers, Policy, Reading, Route
from cargo_ai.integrations.kit.account import AccountSpec, OpenAccount, Verification
from cargo_ai.integrations.kit.autocomplete import Autocomplete, Choice, DynamicSchema, FormRequest, narrowed
from cargo_ai.integrations.kit.calls.admission import Admission, CallShape, Unlimited
from cargo_ai.integrations.kit.calls.service_call import Answer, Service, ServiceSpec, segment
from cargo_ai.integrations.kit.calls.unexpected import object_of, unexpected
from cargo_ai.integrations.kit.errors import AccountHalted, ErrorRule, ServiceError, Throttled
from cargo_ai.integrations.kit.forms import Form, Secret, read, schema_of, secret_field, ui, ui_schema_of, widget
from cargo_ai.integrations.kit.integration import Category, Integration, SubCategory, integrations
from cargo_ai.integrations.kit.lists.extraction import (
    Cursor,
    ExtractedPage,
    Extractor,
    ExtractRequest,
    Record,
    SourceColumn,
    SourceShape,
    walk,
)
from cargo_ai.integrations.kit.lists.file_lists import Download, FileList, ListedFile
from cargo_ai.integrations.kit.lists.paging import Page, cursor, items_of, link, offset, page
from cargo_ai.integrations.kit.lists.windows import Stretch, Windows, service_time
from cargo_ai.integrations.kit.request import ActionRequest, ConnectorAction, attempt, connector_action, outcome_of, without_secrets
from cargo_ai.integrations.kit.secret_texts import HIDDEN, scrub, scrub_json
from cargo_ai.integrations.kit.signing.client_credentials import ClientCredentials, ClientCredentialsForm
from cargo_ai.integrations.kit.signing.oauth import OAuth2
from cargo_ai.integrations.kit.signing.service_account import ServiceAccount
from cargo_ai.integrations.kit.signing.sign_in import Anonymous, ApiKey, Basic, Bearer, Credentials, Login, SignIn

__all__ = [
    "HIDDEN",
    "AccountHalted",
    "AccountSpec",
    "Action",
    "ActionRequest",
    "Admission",
    "Anonymous",
    "Answer",
    "ApiKey",
    "Autocomplete",
    "Basic",
    "Bearer",
    "CallShape",
    "Category",
    "Choice",
    "ClientCredentials",
    "ClientCredentialsForm",
    "ConnectorAction",
    "Credentials",
    "Cursor",
    "Done",
    "Download",
    "DynamicSchema",
    "ErrorRule",
    "ExtractRequest",
    "ExtractedPage",
    "Extractor",
    "Failed",
    "FileList",
    "Form",
    "FormRequest",
    "Headers",
    "Integration",
    "InvalidConfig",
    "Later",
    "ListedFile",
    "Login",
    "OAuth2",
    "OpenAccount",
    "Outcome",
    "Page",
    "Policy",
    "Reading",
    "Record",
    "Route",
    "RowBatch",
    "Secret",
    "Service",
    "ServiceAccount",
    "ServiceError",
    "ServiceSpec",
    "SignIn",
    "SourceColumn",
    "SourceShape",
    "Stretch",
    "SubCategory",
    "Throttled",
    "Unlimited",
    "Verification",
    "Windows",
    "attempt",
    "connector_action",
    "cursor",
    "integrations",
    "items_of",
    "link",
    "narrowed",
    "object_of",
    "offset",
    "outcome_of",
    "page",
    "read",
    "schema_of",
    "scrub",
    "scrub_json",
    "secret_field",
    "segment",
    "service_time",
    "ui",
    "ui_schema_of",
    "unexpected",
    "walk",
    "widget",
    "without_secrets",
]
