"""The object types that every account has, their usual properties, and the pipeline of deals."""

from __future__ import annotations

from typing import Any

from tests.simulators.hubspot.properties import Property

Json = Any
DEAL_STAGES = {
    "appointmentscheduled": "Appointment Scheduled",
    "qualifiedtobuy": "Qualified To Buy",
    "presentationscheduled": "Presentation Scheduled",
    "decisionmakerboughtin": "Decision Maker Bought-In",
    "contractsent": "Contract Sent",
    "closedwon": "Closed Won",
    "closedlost": "Closed Lost",
}
LIFECYCLE = {
    "subscriber": "Subscriber",
    "lead": "Lead",
    "marketingqualifiedlead": "Marketing Qualified Lead",
    "salesqualifiedlead": "Sales Qualified Lead",
    "opportunity": "Opportunity",
    "customer": "Customer",
}
INDUSTRIES = {"COMPUTER_SOFTWARE": "Computer Software", "BANKING": "Banking", "RETAIL": "Retail"}
ROLES = {"DECISION_MAKER": "Decision Maker", "CHAMPION": "Champion", "BUDGET_HOLDER": "Budget Holder"}


def _texts(*names: str) -> list[Property]:
    return [Property(name, name.replace("_", " ").capitalize()) for name in names]


def system_properties(created: str = "createdate", modified: str = "hs_lastmodifieddate") -> list[Property]:
    """What HubSpot itself sets on each record."""
    return [
        Property("hs_object_id", "Record ID", "number", "number", unique=True, read_only=True),
        Property(created, "Create Date", "datetime", "date", read_only=True),
        Property(modified, "Last Modified Date", "datetime", "date", read_only=True),
        Property("hubspot_owner_id", "Owner", "string", "select"),
    ]


def contact_properties() -> list[Property]:
    """The usual properties of contacts. `email` identifies a contact, although `hasUniqueValue` is false there (recorded)."""
    return [
        *system_properties(modified="lastmodifieddate"),
        *_texts("email", "firstname", "lastname", "phone", "company", "website", "jobtitle", "city", "country", "hs_linkedin_url"),
        Property("lifecyclestage", "Lifecycle Stage", "enumeration", "radio", options=LIFECYCLE),
        Property("hs_buying_role", "Buying Role", "enumeration", "checkbox", options=ROLES),
        Property("hs_email_optout", "Unsubscribed from all email", "bool", "booleancheckbox", read_only=True),
        Property("date_of_birth", "Date of birth", "date", "date"),
    ]


def company_properties() -> list[Property]:
    """The usual properties of companies. `domain` is not unique: HubSpot lets two companies have one."""
    return [
        *system_properties(),
        *_texts("name", "domain", "website", "phone", "city", "country", "description", "linkedin_company_page"),
        Property("numberofemployees", "Number of Employees", "number", "number"),
        Property("annualrevenue", "Annual Revenue", "number", "number"),
        Property("industry", "Industry", "enumeration", "select", options=INDUSTRIES),
        Property("lifecyclestage", "Lifecycle Stage", "enumeration", "radio", options=LIFECYCLE),
        Property("num_associated_contacts", "Number of Associated Contacts", "number", "number", read_only=True),
    ]


def deal_properties() -> list[Property]:
    """The usual properties of deals."""
    return [
        *system_properties(),
        *_texts("dealname", "description"),
        Property("amount", "Amount", "number", "number"),
        Property("closedate", "Close Date", "datetime", "date"),
        Property("pipeline", "Pipeline", "enumeration", "select", options={"default": "Sales Pipeline"}),
        Property("dealstage", "Deal Stage", "enumeration", "radio", options=DEAL_STAGES),
    ]


def ticket_properties() -> list[Property]:
    """The usual properties of tickets."""
    return [
        *system_properties(),
        *_texts("subject", "content", "hs_pipeline", "hs_pipeline_stage"),
        Property("hs_ticket_priority", "Priority", "enumeration", "select", options={"LOW": "Low", "MEDIUM": "Medium", "HIGH": "High"}),
    ]


def deal_pipelines() -> list[dict[str, Json]]:
    """The pipelines of deals, as recorded."""
    times = {"createdAt": "1970-01-01T00:00:00Z", "updatedAt": "1970-01-01T00:00:00Z", "archived": False}
    stages = [
        {"id": key, "label": label, "displayOrder": order, "metadata": {"isClosed": str(key.startswith("closed")).lower()}}
        | {"writePermissions": "CRM_PERMISSIONS_ENFORCEMENT"}
        | times
        for order, (key, label) in enumerate(DEAL_STAGES.items())
    ]
    return [{"id": "default", "label": "Sales Pipeline", "displayOrder": 0, "stages": stages} | times]
