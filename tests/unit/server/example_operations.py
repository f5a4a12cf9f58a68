"""A garden: operations of the tests' own, which write down what was planted as folders of a kind of their own."""

from __future__ import annotations

import uuid
from typing import Any, Literal

import psycopg
from sqlalchemy import func, select, text

from cargo_ai.context.context import Context
from cargo_ai.domains.workspace.tables import Folder
from cargo_ai.kernel import ids
from cargo_ai.kernel.operation import AnyOperation, Cli, Operation, Until, Waits, refusal
from cargo_ai.kernel.refusal import Refusal
from cargo_ai.kernel.wire import ByUuid, Nothing, Uuid, Wire
from cargo_ai.server.api.dispatch import HandledOperation
from cargo_ai.store.files import FilesUnavailable

FINAL = frozenset({"grown", "withered"})


class Pot(Wire):
    size: int
    colour: str | None = None


class CreatePlant(Wire):
    name: str
    pot: Pot | None = None


class Plant(Wire):
    uuid: Uuid
    name: str
    note: str | None


class PlantReply(Wire):
    plant: Plant


class ListPlants(Wire):
    names: list[str] | None = None
    limit: int = 100
    tall: bool | None = None
    filter: dict[str, Any] | None = None


class ListReply(Wire):
    plants: list[Plant]
    asked: ListPlants


class GrowthReply(Wire):
    uuid: Uuid
    status: str


class Break(Wire):
    how: str


class Text(Wire):
    text: str


class Count(Wire):
    count: int


get: Operation[ByUuid, GrowthReply, Literal["plantNotFound"]] = Operation(
    "garden.plant.get",
    "GET",
    "/garden/plants/{uuid}",
    request=ByUuid,
    response=GrowthReply,
    summary="Show how a plant grows.",
    permission="garden:read",
    refusals={"plantNotFound": refusal(404, "There is no such plant.")},
    waits=Waits(key="uuid", field="status", final=FINAL),
)
create: Operation[CreatePlant, PlantReply, Literal["nameTaken"]] = Operation(
    "garden.plant.create",
    "POST",
    "/garden/plants",
    request=CreatePlant,
    response=PlantReply,
    summary="Plant something.",
    permission="garden:write",
    refusals={"nameTaken": refusal(409, "A {name} grows here already.")},
    until=Until("garden.plant.get", key="plant.uuid", field="status", final=FINAL),
)
listing: Operation[ListPlants, ListReply, Any] = Operation(
    "garden.plant.all",
    "GET",
    "/garden/plants/list",
    request=ListPlants,
    response=ListReply,
    summary="List plants.",
    permission="garden:read",
)
remove: Operation[ByUuid, ByUuid, Any] = Operation(
    "garden.plant.remove",
    "DELETE",
    "/garden/plants/{uuid}",
    request=ByUuid,
    response=ByUuid,
    summary="Pull it out.",
    permission="garden:write",
)
breaking: Operation[Break, Count, Any] = Operation(
    "garden.break",
    "POST",
    "/garden/break",
    request=Break,
    response=Count,
    summary="Break.",
    permission=None,
    cli=Cli(examples=("cargo-ai x",)),
)
reading: Operation[Nothing, Text, Any] = Operation(
    "garden.read", "GET", "/garden/book", request=Nothing, response=Text, summary="Read.", permission=None, output="text"
)


def entry(workspace: uuid.UUID, kind: str, plant: object, name: str = "") -> Folder:
    """The row that says that a plant was `planted` or has `grown`."""
    return Folder(uuid=ids.new(), workspace_uuid=workspace, kind=kind, name=str(plant), emoji_slug=name)


async def create_plant(ctx: Context, request: CreatePlant) -> PlantReply:
    if request.name == "weed":
        ctx.db.add(entry(ctx.workspace, "planted", ids.new(), "weed"))
        await ctx.db.flush()
        create.refuse("nameTaken", name="weed")
    if request.name == "talking":
        ctx.warn("it talks")
    plant = Plant(uuid=str(ids.new()), name=request.name, note=None)
    ctx.db.add(entry(ctx.workspace, "planted", plant.uuid, plant.name))
    return PlantReply(plant=plant)


async def get_plant(ctx: Context, request: ByUuid) -> GrowthReply:
    if ids.parse(request.uuid) is None:
        get.refuse("plantNotFound")
    grown = select(func.count()).select_from(Folder).where(Folder.kind == "grown", Folder.name == request.uuid)
    count = await ctx.db.scalar(grown)
    return GrowthReply(uuid=request.uuid, status="grown" if count else "growing")


async def list_plants(ctx: Context, request: ListPlants) -> ListReply:
    rows = (await ctx.db.scalars(select(Folder).where(Folder.kind == "planted"))).all()
    return ListReply(plants=[Plant(uuid=row.name, name=row.emoji_slug, note=None) for row in rows], asked=request)


async def remove_plant(ctx: Context, request: ByUuid) -> ByUuid:
    return request


attempts: list[str] = []


async def break_it(ctx: Context, request: Break) -> Count:
    attempts.append(request.how)
    match request.how:
        case "bug":
            raise ZeroDivisionError("secret detail")
        case "undeclared":
            raise Refusal(418, "teapot", "I am a teapot.")
        case "files":
            raise FilesUnavailable("disk full")
        case "deadlock once" if attempts.count(request.how) == 1:
            await ctx.db.execute(text("DO $$ BEGIN RAISE EXCEPTION 'x' USING ERRCODE = '40P01'; END $$"))
        case "deadlock":
            await ctx.db.execute(text("DO $$ BEGIN RAISE EXCEPTION 'x' USING ERRCODE = '40P01'; END $$"))
        case "unique":
            await ctx.db.execute(text("DO $$ BEGIN RAISE EXCEPTION 'x' USING ERRCODE = '23505'; END $$"))
        case "lost once" if attempts.count(request.how) == 1:
            mine = await ctx.db.scalar(text("SELECT pg_backend_pid()"))
            async with await psycopg.AsyncConnection.connect(ctx.database.url, autocommit=True) as other:
                await other.execute("SELECT pg_terminate_backend(%s)", (mine,))
            await ctx.db.execute(text("SELECT 1"))
        case "after":
            ctx.after_commit.append(_fail)
        case _:
            pass
    return Count(count=attempts.count(request.how))


async def _fail() -> None:
    raise ConnectionError("no one listens")


async def read(ctx: Context, request: Nothing) -> Text:
    return Text(text="Once upon a time\n")


SERVED = [
    HandledOperation(create, create_plant),
    HandledOperation(get, get_plant),
    HandledOperation(listing, list_plants),
    HandledOperation(remove, remove_plant),
    HandledOperation(breaking, break_it),
    HandledOperation(reading, read),
]
OPERATIONS: list[AnyOperation] = [one.operation for one in SERVED]
