"""Forms of connectors: a new account of a service, and changes to one, by the schema of its integration."""

from __future__ import annotations

from typing import Any, cast

from starlette.responses import Response

from cargo_ai.console.commands import line
from cargo_ai.console.forms.entries import changed, entries_of
from cargo_ai.console.forms.fields import Field, form_of
from cargo_ai.console.forms.names import ACTION, below, readable
from cargo_ai.console.forms.posted import posted_form
from cargo_ai.console.forms.reading import Posted, read
from cargo_ai.console.forms.texts import HIDDEN, defaults_of, texts_of
from cargo_ai.console.page import PageRequest, action, page
from cargo_ai.console.views.connection.account_fields import with_account_fields
from cargo_ai.console.views.connection.choices import offer
from cargo_ai.console.views.connection.connectors import shown
from cargo_ai.kernel.refusal import Refusal
from cargo_ai.kernel.wire import JsonObject

Json = Any
_WRITE = "connection:write"
CONFIG = "/config"


async def new(request: PageRequest) -> Response:
    """An empty form."""
    integration = await _integration(request, request.path["slug"])
    form = _form(integration)
    slug = integration["slug"]
    texts = {**defaults_of(form, CONFIG), "name": [integration["name"]], "slug": [slug], "verify": ["true"]}
    return _shown(request, integration, form, texts)


async def create(request: PageRequest) -> Response:
    """Make the connector, or show what is wrong."""
    integration = await _integration(request, request.path["slug"])
    form, posted = _form(integration), posted_form(request.form)
    if ACTION in posted:
        return _shown(request, integration, form, changed(posted))
    reading = read(form, posted, name=CONFIG)
    if reading.errors:
        return _shown(request, integration, form, posted, reading.errors)
    fields: JsonObject = {
        "name": request.form.get("name", "").strip(),
        "slug": request.form.get("slug", "").strip(),
        "integrationSlug": integration["slug"],
        "config": reading.value,
        "verify": bool(request.form.get("verify")),
    }
    try:
        row = (await request.call("connection.connector.create", fields))["connector"]
    except Refusal as refusal:
        return _refused(request, integration, form, posted, refusal)
    return request.redirect(
        f"/console/connectors/{row['uuid']}", "Connected." if fields["verify"] else "Stored, without asking the service."
    )


async def connect(request: PageRequest) -> Response:
    """Make a connector by OAuth: a person goes to the service, and comes back."""
    fields = {"integrationSlug": request.path["slug"], "name": request.form.get("name"), "slug": request.form.get("slug")}
    reply = await request.call("connection.connector.connect", {name: value for name, value in fields.items() if value})
    return await shown(request, reply["connector"], consent=reply["consentUrl"])


async def edit(request: PageRequest) -> Response:
    """The form of a connector as it is."""
    request.need(_WRITE, [request.path["uuid"]])
    row = await _connector(request)
    integration = await _integration(request, row["integrationSlug"])
    form = _form(integration)
    form = await with_account_fields(request, form, texts_of(form, row["config"], CONFIG), CONFIG, row["uuid"])
    texts = {**texts_of(form, row["config"], CONFIG), "name": [row["name"]], "verify": ["true"]}
    return _shown(request, integration, form, texts, row=row)


async def update(request: PageRequest) -> Response:
    """Change the connector, or show what is wrong."""
    row = await _connector(request)
    integration = await _integration(request, row["integrationSlug"])
    posted = posted_form(request.form)
    form = await with_account_fields(request, _form(integration), posted, CONFIG, row["uuid"])
    if ACTION in posted:
        return _shown(request, integration, form, changed(posted), row=row)
    reading = read(form, posted, row["config"], CONFIG)
    if reading.errors:
        return _shown(request, integration, form, posted, reading.errors, row=row)
    fields: JsonObject = {"uuid": row["uuid"], "name": request.form.get("name", "").strip(), "verify": bool(request.form.get("verify"))}
    if reading.value != row["config"]:
        fields["config"] = reading.value
    try:
        await request.call("connection.connector.update", fields)
    except Refusal as refusal:
        return _refused(request, integration, form, posted, refusal, row)
    return request.redirect(f"/console/connectors/{row['uuid']}", "Changed.")


async def choices(request: PageRequest) -> Response:
    """What a field may hold in this account."""
    row = await _connector(request)
    form = _form(await _integration(request, row["integrationSlug"]))
    form = await with_account_fields(request, form, posted_form(request.form), CONFIG, row["uuid"])
    return await offer(request, form, CONFIG, row["uuid"])


def _refused(
    request: PageRequest, integration: JsonObject, form: Field, posted: Posted, refusal: Refusal, row: JsonObject | None = None
) -> Response:
    """The form with what the operation refused, at the fields that it names."""
    if refusal.status not in (400, 409, 422):
        raise refusal
    errors: dict[str, str] = {}
    problems = [refusal.message]
    for error in (refusal.details or {}).get("errors", []):
        path = str(error.get("path", ""))
        errors["/" + path.replace(".", "/")] = str(error.get("message", ""))
        problems.append(f"{path}: {error.get('message', '')}")
    return _shown(request, integration, form, posted, errors, row=row, problem=" ".join(dict.fromkeys(problems)), status=refusal.status)


def _shown(
    request: PageRequest,
    integration: JsonObject,
    form: Field,
    texts: Posted,
    errors: dict[str, str] | None = None,
    *,
    row: JsonObject | None = None,
    problem: str = "",
    status: int = 0,
) -> Response:
    current = row["config"] if row else None
    where = f"/console/connectors/{row['uuid']}/edit" if row else f"/console/connectors/new/{integration['slug']}"
    return request.render(
        "connection/connector_form.html",
        command=_command(integration, form, texts, row),
        title=f"Change {row['name']}" if row else f"Connect {integration['name']}",
        status=status or (422 if errors and not request.is_fragment else 200),
        connector=row,
        integration=integration,
        entry=entries_of(form, texts, errors, current, CONFIG),
        form_page=where,
        form_choices=f"{where}/choices" if row else "",
        values={name: (texts.get(name) or [""])[0] for name in ("name", "slug", "verify")},
        problem=problem or ("Some fields need another look; secrets have to be entered again." if errors else ""),
        is_oauth=row is None and _has_oauth(form),
    )


def _command(integration: JsonObject, form: Field, texts: Posted, row: JsonObject | None) -> str:
    """The command that does the same: secrets by their paths, which the command line asks for."""
    config = read(form, texts, row["config"] if row else None, CONFIG).value
    secrets = [path for path in _secrets(form, config) if path]
    flags: JsonObject = {"config": _without(form, _object(config)) or None}
    if row is None:
        flags = {
            "integrationSlug": integration["slug"],
            "slug": (texts.get("slug") or [""])[0],
            "name": (texts.get("name") or [""])[0],
            **flags,
        }
        words = "connection connector create"
    else:
        flags = {"uuid": row["uuid"], "name": (texts.get("name") or [""])[0], **flags}
        words = "connection connector update"
    return " ".join([line(words, flags), *(f"--secret {path}" for path in secrets)])


def _secrets(form: Field, value: Json, name: str = "") -> list[str]:
    """The paths of the secrets that a value may have."""
    inside = _object(value)
    if form.kind == "secret":
        return [readable(name)] if (form.required or value) and value != HIDDEN else []
    if form.kind == "either":
        return [path for branch in form.branches if _is_of(branch, inside) for path in _secrets(branch, value, name)]
    if form.kind == "group":
        return [path for field in form.fields for path in _secrets(field, inside.get(field.key), below(name, field.key))]
    if form.kind == "pairs" and form.item is not None and form.item.kind == "secret":
        return [readable(below(name, key)) for key, entry in inside.items() if entry != HIDDEN]
    return []


def _without(form: Field, value: Json) -> Json:
    """The value without secrets that were entered; what stands for those that are stored keeps them."""
    if not isinstance(value, dict):
        return value
    inside = _object(value)
    if form.kind == "either":
        return next((_without(branch, value) for branch in form.branches if _is_of(branch, inside)), JsonObject())
    if form.kind == "pairs":
        secret = form.item is not None and form.item.kind == "secret"
        return {key: entry for key, entry in inside.items() if not secret or entry == HIDDEN}
    fields = {field.key: field for field in form.fields}
    kept = {
        key: _without(fields[key], entry) if key in fields else entry
        for key, entry in inside.items()
        if key not in fields or fields[key].kind != "secret" or entry == HIDDEN
    }
    return {key: entry for key, entry in kept.items() if entry != {}}


def _is_of(branch: Field, value: JsonObject) -> bool:
    """Whether a value is of an alternative: it has what is fixed there."""
    return all(value.get(field.key) == field.default for field in branch.fields if field.kind == "fixed")


def _object(value: Json) -> JsonObject:
    return cast("JsonObject", value) if isinstance(value, dict) else {}


def _has_oauth(form: Field) -> bool:
    branches = form.branches if form.kind == "either" else (form,)
    return any(field.kind == "fixed" and field.default == "oauth" for branch in branches for field in branch.fields)


def _form(integration: JsonObject) -> Field:
    config = integration["connector"]["config"]
    return form_of(config.get("schema") or config.get("jsonSchema") or {}, config.get("uiSchema") or {})


async def _integration(request: PageRequest, slug: str) -> JsonObject:
    reply: JsonObject = (await request.call("connection.integration.get", {"slug": slug}))["integration"]
    return reply


async def _connector(request: PageRequest) -> JsonObject:
    reply: JsonObject = (await request.call("connection.connector.get", {"uuid": request.path["uuid"]}))["connector"]
    return reply


PAGES = [
    page("/connectors/new/{slug}", new, title="Connect", section="Connectors", permission=_WRITE),
    action("/connectors/new/{slug}", create, title="Connect", section="Connectors", permission=_WRITE),
    action("/connectors/new/{slug}/connect", connect, title="Connect", section="Connectors", permission=_WRITE),
    page("/connectors/{uuid}/edit", edit, title="Connector", section="Connectors"),
    action("/connectors/{uuid}/edit", update, title="Connector", section="Connectors"),
    action("/connectors/{uuid}/edit/choices", choices, title="Connector", section="Connectors"),
]
