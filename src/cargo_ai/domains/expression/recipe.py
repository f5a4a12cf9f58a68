"""Recipes: saved expressions with versions; public ones are visible to every workspace of the server."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from sqlalchemy import ColumnElement, Select, exists, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.sql import Delete, delete

from cargo_ai.context.context import Context
from cargo_ai.context.handlers import handles
from cargo_ai.contract.expression import recipe as contract
from cargo_ai.domains.expression.tables import FavoriteRecipe, Recipe, RecipeVersion
from cargo_ai.domains.workspace import public as workspace
from cargo_ai.kernel import clock, ids
from cargo_ai.kernel.wire import Removed
from cargo_ai.store.session import across_workspaces

_LIST = "cargo-ai expression recipe list"
_LETTERS = "0123456789abcdefghjkmnpqrstvwxyz"
_SHORT = 10

Both = tuple[Recipe, RecipeVersion]


def _short_id() -> str:
    """Ten letters and digits that are hardly mistaken for each other."""
    number = ids.new().int
    return "".join(_LETTERS[number >> 5 * place & 31] for place in range(_SHORT))


def _seen(ctx: Context) -> Select[Recipe, RecipeVersion]:
    """Recipes with their last versions: those of the workspace, and public ones. For use ALL_WORKSPACES."""
    last = (RecipeVersion.recipe_uuid == Recipe.uuid) & (RecipeVersion.version == Recipe.version)
    return select(Recipe, RecipeVersion).join(RecipeVersion, last).where(or_(_own(ctx), RecipeVersion.is_public))


def _own(ctx: Context) -> ColumnElement[bool]:
    return Recipe.workspace_uuid == ctx.workspace


def _named(text: str) -> ColumnElement[bool]:
    uid = ids.parse(text)
    return Recipe.short_id == text if uid is None else Recipe.uuid == uid


def _favorites(ctx: Context) -> ColumnElement[bool]:
    mine = (FavoriteRecipe.user_uuid == ctx.who.user_uuid) & (FavoriteRecipe.workspace_uuid == ctx.workspace)
    return exists().where(FavoriteRecipe.recipe_uuid == Recipe.uuid, mine)


@handles(contract.get_all)
async def get_all(ctx: Context, request: contract.ListRecipes) -> contract.RecipesReply:
    """A page of recipes, newest first; archived ones are left out."""
    wanted = _seen(ctx).where(Recipe.archived_at.is_(None))
    if request.tab == "user":
        wanted = wanted.where(_own(ctx), Recipe.user_uuid == ctx.who.user_uuid)
    elif request.tab == "workspace":
        wanted = wanted.where(_own(ctx))
    elif request.tab == "favorites":
        wanted = wanted.where(_favorites(ctx))
    if request.ui_types:
        wanted = wanted.where(Recipe.instruct_to.in_(["ai" if one == "ai" else "none" for one in request.ui_types]))
    if request.categories:
        wanted = wanted.where(RecipeVersion.category.in_(request.categories))
    if request.name:
        wanted = wanted.where(RecipeVersion.name.icontains(request.name, autoescape=True))
    with across_workspaces(ctx.db):
        rows = (await ctx.db.execute(wanted.order_by(Recipe.uuid.desc()).limit(request.limit).offset(request.offset))).all()
    return contract.RecipesReply(recipes=await _replies(ctx, [(row[0], row[1]) for row in rows]))


@handles(contract.get)
async def get(ctx: Context, request: contract.ByVersion) -> contract.RecipeReply:
    """One version. Of a public recipe of another workspace, every version is seen."""
    found = await _find(ctx, request.uuid_or_short_id)
    if found is None:
        contract.get.refuse("recipeNotFound", uuid=request.uuid_or_short_id, fix=_LIST)
    recipe, _ = found
    mine = select(RecipeVersion).where(RecipeVersion.recipe_uuid == recipe.uuid, RecipeVersion.version == request.version)
    with across_workspaces(ctx.db):
        version = await ctx.db.scalar(mine)
    if version is None:
        contract.get.refuse("versionNotFound", version=request.version, last=recipe.version)
    return await _reply(ctx, recipe, version)


@handles(contract.get_last)
async def get_last(ctx: Context, request: contract.ByEither) -> contract.RecipeReply:
    """The last version."""
    recipe = await _find(ctx, request.uuid_or_short_id)
    if recipe is None:
        contract.get_last.refuse("recipeNotFound", uuid=request.uuid_or_short_id, fix=_LIST)
    return await _reply(ctx, *recipe)


async def _find(ctx: Context, text: str) -> Both | None:
    with across_workspaces(ctx.db):
        row = (await ctx.db.execute(_seen(ctx).where(_named(text)))).one_or_none()
    return None if row is None else (row[0], row[1])


@handles(contract.create)
async def create(ctx: Context, request: contract.CreateRecipe) -> contract.RecipeReply:
    """A recipe and its first version."""
    recipe = Recipe(
        uuid=ids.new(),
        workspace_uuid=ctx.workspace,
        user_uuid=ctx.who.user_uuid,
        short_id=_short_id(),
        version=1,
        kind=request.kind,
        instruct_to=request.instruct_to,
    )
    ctx.db.add(recipe)
    await ctx.db.flush()
    return await _reply(ctx, recipe, await _version(ctx, recipe, request))


@handles(contract.create_version)
async def create_version(ctx: Context, request: contract.NewRecipeVersion) -> contract.RecipeReply:
    """Another version of a recipe of the workspace."""
    recipe = await ctx.db.scalar(select(Recipe).where(Recipe.uuid == ids.parse(request.uuid)).with_for_update())
    if recipe is None or recipe.archived_at is not None:
        contract.create_version.refuse("recipeNotFound", uuid=request.uuid, fix=_LIST)
    recipe.version += 1
    return await _reply(ctx, recipe, await _version(ctx, recipe, request))


async def _version(ctx: Context, recipe: Recipe, request: contract.CreateRecipe | contract.NewRecipeVersion) -> RecipeVersion:
    version = RecipeVersion(
        uuid=ids.new(),
        workspace_uuid=ctx.workspace,
        recipe_uuid=recipe.uuid,
        version=recipe.version,
        name=request.name,
        description=request.description,
        category=request.category,
        placeholders=[one.to_wire() for one in request.placeholders],
        is_public=request.is_public,
        expression=request.expression,
    )
    ctx.db.add(version)
    await ctx.db.flush()
    return version


@handles(contract.archive)
async def archive(ctx: Context, request: contract.ByEither) -> Removed:
    """Take a recipe of the workspace off the lists; archiving twice is not an error."""
    recipe = await ctx.db.scalar(select(Recipe).where(_named(request.uuid_or_short_id)))
    if recipe is None:
        contract.archive.refuse("recipeNotFound", uuid=request.uuid_or_short_id, fix=_LIST)
    recipe.archived_at = recipe.archived_at or clock.now()
    await ctx.db.flush()
    return Removed(uuid=str(recipe.uuid))


@handles(contract.favorite)
async def favorite(ctx: Context, request: contract.ByRecipe) -> Removed:
    """Mark a recipe; marking twice is not an error."""
    uid = await _visible(ctx, request.recipe_uuid)
    if uid is None:
        contract.favorite.refuse("recipeNotFound", uuid=request.recipe_uuid, fix=_LIST)
    now = clock.now()
    row = {"uuid": ids.new(), "workspace_uuid": ctx.workspace, "recipe_uuid": uid, "user_uuid": ctx.who.user_uuid}
    await ctx.db.execute(insert(FavoriteRecipe).values(**row, created_at=now, updated_at=now).on_conflict_do_nothing())
    return Removed(uuid=str(uid))


@handles(contract.unfavorite)
async def unfavorite(ctx: Context, request: contract.ByRecipe) -> Removed:
    """Take the mark away."""
    uid = await _visible(ctx, request.recipe_uuid)
    if uid is None:
        contract.unfavorite.refuse("recipeNotFound", uuid=request.recipe_uuid, fix=_LIST)
    mine: Delete = delete(FavoriteRecipe).where(FavoriteRecipe.recipe_uuid == uid, FavoriteRecipe.user_uuid == ctx.who.user_uuid)
    if await ctx.db.scalar(mine.returning(FavoriteRecipe.uuid)) is None:
        contract.unfavorite.refuse("alreadyArchived")
    return Removed(uuid=str(uid))


async def _visible(ctx: Context, text: str) -> uuid.UUID | None:
    recipe = await _find(ctx, text) if ids.parse(text) else None
    return recipe[0].uuid if recipe else None


async def _reply(ctx: Context, recipe: Recipe, version: RecipeVersion) -> contract.RecipeReply:
    return contract.RecipeReply(recipe=(await _replies(ctx, [(recipe, version)]))[0])


async def _replies(ctx: Context, found: Sequence[Both]) -> list[contract.Recipe]:
    people = await workspace.person_names(ctx.db, {recipe.user_uuid for recipe, _ in found})
    marked = select(FavoriteRecipe.recipe_uuid).where(FavoriteRecipe.user_uuid == ctx.who.user_uuid)
    favorites = set(await ctx.db.scalars(marked.where(FavoriteRecipe.recipe_uuid.in_([recipe.uuid for recipe, _ in found]))))
    return [
        contract.Recipe.model_validate(
            {
                "uuid": recipe.uuid,
                "shortId": recipe.short_id,
                "version": version.version,
                "workspaceUuid": recipe.workspace_uuid,
                "name": version.name,
                "description": version.description,
                "category": version.category,
                "isPublic": version.is_public,
                "isBlacklisted": False,
                "archivedAt": recipe.archived_at,
                "placeholders": version.placeholders,
                "expression": version.expression,
                "instructTo": recipe.instruct_to,
                "kind": recipe.kind,
                "userUuid": recipe.user_uuid,
                "userFirstName": people[recipe.user_uuid].first_name if recipe.user_uuid in people else None,
                "userLastName": people[recipe.user_uuid].last_name if recipe.user_uuid in people else None,
                "userPicture": None,
                "isFavorite": recipe.uuid in favorites,
            }
        )
        for recipe, version in found
    ]
