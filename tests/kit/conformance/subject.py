"""What a service's conformance test has to say: its simulator, its account, an example of each action, its lists."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, Protocol

from cargo_ai.integrations.kit import Integration, Service
from cargo_ai.integrations.kit.other_connectors import NoOtherConnectors, OtherConnectors

Json = Any
JsonObject = dict[str, Json]


class Simulator(Protocol):
    """A simulator that answers at `url`, accepts `key`, and takes orders by `control`."""

    @property
    def key(self) -> str:
        """A key that it accepts."""
        ...

    @property
    def url(self) -> str:
        """Its base address."""
        ...

    @property
    def control(self) -> Any:
        """`Orders`, with what this simulator has besides."""
        ...


@dataclass(frozen=True, kw_only=True)
class Example:
    """A use of an action in an account in which `given` has been called.

    config: what the node is set to. given: what the account holds before; (control) → nothing.
    effect: what the service holds afterwards, without times and ids that differ from call to call; (control) → JSON.
    call: method and path pattern of the request that has the effect, of an action that makes several.
    rejected: the same with something that the service refuses for what it is, such as a field that it does not have; `says`: words of the
        refusal that name it. nulls: the same with null for each value that may be left out.
    row: one of several rows that can go together, of an action that takes them; it has `row-<number>.` in it.
    empty: the service answers it without a body, which is neither slow nor cut off.
    """

    config: JsonObject
    given: Callable[[Any], object] = lambda _control: None
    effect: Callable[[Any], Json] = lambda _control: None
    call: tuple[str, str] = ("", "")
    rejected: JsonObject | None = None
    says: str = ""
    nulls: JsonObject | None = None
    row: Callable[[int], JsonObject] | None = None
    empty: bool = False


@dataclass(frozen=True, kw_only=True)
class Listing:
    """A list of the service that comes in pages.

    size: items on a page. fill: gives the account this many items; (control, count) → their ids, in the order of the list.
    read: walks over it; (service) → ids. move: moves the last item of the first page behind the others, as a change of it would;
    None where the list's order does not depend on changes.
    """

    name: str
    size: int
    fill: Callable[[Any, int], list[str]]
    read: Callable[[Service], AsyncIterator[str]]
    move: Callable[[Any], object] | None = None


@dataclass(frozen=True, kw_only=True)
class Extraction:
    """A use of an extractor.

    config: of the model. size: records on a page. fill: gives the account this many records, none of which has changed of late;
    (control, count) → their ids. change: changes one, (control, id); None where every sync reads everything. remove: removes one; None
    where the service tells nothing of that. overlap: how many records at most a later sync reads again although they have not changed.
    """

    config: JsonObject
    size: int
    fill: Callable[[Any, int], list[str]]
    change: Callable[[Any, str], object] | None = None
    remove: Callable[[Any, str], object] | None = None
    overlap: int = 0


@dataclass(frozen=True, kw_only=True)
class Refresh:
    """How a sign-in that can be refreshed is tested: `expire` makes the present credentials invalid, `count` says how often new ones were
    given; both of the control."""

    expire: Callable[[Any], object]
    count: Callable[[Any], int]


@dataclass(frozen=True, kw_only=True)
class Subject:
    """A service under test.

    slug: of the integration; `integration`: one that is not among those of the package. running: starts its simulator, or names
    the fixture that gives it.
    account: a config that signs in to it; wrong: one that does not; secret: the secret text in `account`, "" where there is no secret.
    error: the body of an error in the vendor's form; (status, sentence) → JSON.
    examples: of each action, by slug. listings: its lists. extractions: a use of each extractor, by slug.
    params: of autocompletes and dynamic schemas that take some, by slug. choices_given: gives the account something to choose from.
    opened: `account` as a worker opens it: with the access token that its sign-in fetches; by default as it is.
    others: the other connectors of the workspace, (harness) → those; of a facade.
    over_http: whether the service is called over HTTP; of another one, what is about statuses and headers is left out.
    """

    slug: str
    running: Callable[[], AbstractContextManager[Simulator]] | str
    account: Callable[[Simulator], JsonObject]
    wrong: Callable[[Simulator], JsonObject]
    secret: str
    error: Callable[[int, str], Json]
    examples: dict[str, Example]
    listings: tuple[Listing, ...] = ()
    extractions: dict[str, Extraction] = field(default_factory=dict[str, Extraction])
    opened: Callable[[JsonObject], JsonObject] = field(default=lambda account: account)
    others: Callable[[Any], OtherConnectors] = field(default=lambda _harness: NoOtherConnectors())
    over_http: bool = True
    refresh: Refresh | None = None
    integration: Integration | None = None
    params: dict[str, JsonObject] = field(default_factory=dict[str, JsonObject])
    choices_given: Callable[[Any], object] = lambda _control: None
    hurried: Callable[[JsonObject], JsonObject] = field(default=lambda config: config)
    """The config of an action with a time-out of its own, shortened; most actions have none."""
