"""People: up to ten are matched by one call; telephone numbers and what a waterfall finds come later and are asked for."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, cast

from pydantic import ConfigDict, Field

from cargo_ai.integrations.apolloio.client import list_at, object_at
from cargo_ai.integrations.apolloio.fields import text_field
from cargo_ai.integrations.kit import Done, Form, InvalidConfig, Later, segment
from cargo_ai.integrations.kit.calls.jobs import Waiting, begun, collect, jobs_of
from cargo_ai.integrations.kit.errors import at
from cargo_ai.integrations.kit.rows import Rows

Json = Any
JsonObject = Mapping[str, Json]

MAX = 10
"""As many people go into one call."""
FIRST_SECONDS, MAX_SECONDS = 15.0, 300.0
MAX_WAIT_SECONDS = 86_400.0
"""What has not come within a day is given up; what was known at once is given."""
_ALONE = {"id", "email", "hashed_email", "linkedin_url"}
REASON = "Apollo is looking for numbers and addresses"


class Person(Form):
    """Who it is, by Apollo's names: the more is given, the surer is the match."""

    model_config = ConfigDict(alias_generator=None)

    id: str = text_field("Id", "Of Apollo, as a search gives it.")
    email: str = text_field("E-mail address")
    hashed_email: str = text_field("Hashed e-mail address", "MD5 or SHA-256.")
    linkedin_url: str = text_field("LinkedIn")
    name: str = text_field("Full name")
    first_name: str = text_field("First name")
    last_name: str = text_field("Last name")
    domain: str = text_field("Domain", "Of the employer, without www.")
    organization_name: str = text_field("Employer")

    def details(self) -> dict[str, str]:
        """As Apollo takes it. InvalidConfig where it would match anyone or no one."""
        given = {name: text.strip() for name, text in self.model_dump().items() if text.strip()}
        named = "name" in given or given.keys() >= {"first_name", "last_name"}
        if not given.keys() & {"id", "email", "hashed_email", "linkedin_url"} and not (
            named and given.keys() & {"domain", "organization_name"}
        ):
            raise InvalidConfig("Give an `email`, `linkedin_url`, `hashed_email` or `id`, or a name and a `domain` or `organization_name`.")
        return given


class EnrichPerson(Form):
    """Who it is, and what is looked for."""

    parameters: Person = Field(title="Person")
    reveal_personal_emails: bool = Field(default=False, title="Personal addresses", description="Give private e-mail addresses, too.")
    reveal_phone_number: bool = Field(default=False, title="Telephone numbers", description="Costs more, and comes later: the run waits.")
    run_waterfall_email: bool = Field(
        default=False,
        title="Waterfall for addresses",
        description="Ask Apollo's other sources, too; comes later, and may cost without a find.",
    )
    run_waterfall_phone: bool = Field(default=False, title="Waterfall for numbers", description="The same for telephone numbers.")

    def details(self) -> dict[str, str]:
        """The person as Apollo takes it."""
        return self.parameters.details()

    def query(self) -> dict[str, Json]:
        """What is looked for, as Apollo names it."""
        chosen: dict[str, Json] = {name: True for name, value in self.model_dump(exclude={"parameters"}).items() if value}
        return {**chosen, "poll_only": True} if self.comes_later else chosen

    @property
    def comes_later(self) -> bool:
        """Whether a part of the answer is asked for afterwards."""
        return self.reveal_phone_number or self.run_waterfall_email or self.run_waterfall_phone


async def enrich(rows: Rows[EnrichPerson]) -> None:
    """Match those that are new, and ask for what the others wait for."""
    rows.read(EnrichPerson.details)
    jobs, new = jobs_of(rows)

    async def ask(request_id: str, waiting: Mapping[int, Waiting]) -> None:
        await _ask(rows, request_id, waiting)

    await collect(rows, jobs, ask)
    if new:
        await _match(rows, new)


async def _match(rows: Rows[EnrichPerson], positions: Sequence[int]) -> None:
    details = {position: rows.forms[position].details() for position in positions}
    # People who are asked for twice are paid for once.
    people = list({json.dumps(person, sort_keys=True): person for person in details.values()}.values())
    form = rows.forms[positions[0]]
    answer = await rows.service.post("/people/bulk_match", json={"details": people}, query=form.query())
    matches = list_at(answer, "matches")
    request_id = next(at(answer.body, "request_id"), None)
    if len(matches) != len(people):
        return  # Apollo has answered, but not who is who: each row says so
    for position in positions:
        match: object = matches[people.index(details[position])]
        person = cast("JsonObject", match) if isinstance(match, Mapping) and cast("JsonObject", match).get("id") else None
        if person is None or not form.comes_later:
            rows.settle(position, _done(person))
        elif request_id is None:
            rows.settle(position, _done(person, "lost", warning="Apollo did not say by which id numbers and addresses can be asked for."))
        else:
            rows.settle(position, begun(str(request_id), person).later(FIRST_SECONDS, REASON))


async def _ask(rows: Rows[EnrichPerson], request_id: str, waiting: Mapping[int, Waiting]) -> None:
    answer = await rows.service.get(f"/webhook_result/{segment(request_id)}")
    if answer.status == 200:
        _settle(rows, object_at(answer, ""), waiting)
        return
    pending = next(at(answer.body, "error_code"), None) == "result_pending"
    asked: object = next(at(answer.body, "retry_after_seconds"), None)
    least = float(asked) if isinstance(asked, (int, float)) else FIRST_SECONDS
    for position, row in waiting.items():
        if not pending:
            warning = f"Apollo no longer knows the request {request_id}: its numbers and addresses are lost."
            rows.settle(position, _done(row.kept, "lost", warning=warning))
        elif row.seconds > MAX_WAIT_SECONDS:
            warning = f"Numbers and addresses had not come after a day; Apollo keeps them for 30 days under the request {request_id}."
            rows.settle(position, _done(row.kept, "pending", warning=warning))
        else:
            rows.settle(position, _later(row, least))


def _later(row: Waiting, least: float) -> Later:
    return row.later(min(max(least, FIRST_SECONDS * 2.0 ** min(row.times, 10)), MAX_SECONDS), REASON)


def _settle(rows: Rows[EnrichPerson], result: JsonObject, waiting: Mapping[int, Waiting]) -> None:
    """Give each row what has come for its person."""
    reason = result.get("failure_reason")
    people = {str(next(at(person, "id"), "")): person for person in at(result, "webhook_result.people.*")}
    for position, row in waiting.items():
        found: JsonObject = people.get(str(next(at(row.kept, "id"), "")), {})
        if not found and result.get("webhook_status") != "success":
            warning = f"Apollo found no numbers and addresses: {reason or result.get('webhook_status')}."
            rows.settle(position, _done(row.kept, "failed", warning=warning))
        else:
            rows.settle(position, _done(row.kept, "complete", found))


def _done(person: JsonObject | None, later: str = "complete", found: JsonObject | None = None, warning: str = "") -> Done:
    """The outcome of a row. later: what became of what comes later. found: what has come."""
    come = found or {}
    output: dict[str, Json] = {
        "found": person is not None,
        "person": person,
        "phoneNumbers": come.get("phone_numbers") or next(at(person, "phone_numbers"), None) or [],
        "emails": come.get("emails") or [],
        "status": later,
    }
    title = "No match" if person is None else str(person.get("name") or person.get("email") or "Found")
    return Done(output, title, warnings=(warning,) if warning else ())
