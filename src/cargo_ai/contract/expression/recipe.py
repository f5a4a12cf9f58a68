"""Recipes: named, versioned expressions with placeholders."""

from __future__ import annotations

from typing import Annotated, Literal, Never

from pydantic import Field, StringConstraints

from cargo_ai.contract import operations
from cargo_ai.contract.workspace.sparse import Sparse
from cargo_ai.kernel.operation import Cli, Operation, refusal
from cargo_ai.kernel.wire import Removed, Timestamp, Uuid, Wire

_EXAMPLE = "0198c5f0-0000-7000-8000-000000000001"

Category = Literal["other", "classification", "cleaning", "marketing", "sales", "event", "copywriting"]
Kind = Literal["jsExpression", "templateExpression"]
InstructTo = Literal["ai", "none"]
Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
Text = Annotated[str, Field(max_length=20_000)]


class _Placeholder(Sparse):
    name: Name
    slug: Annotated[str, Field(min_length=1, max_length=100)]
    description: Annotated[str, Field(max_length=2_000)] | None = None


class PlainPlaceholder(_Placeholder):
    """A placeholder for one value."""

    kind: Literal["string", "number", "boolean"]


class EnumPlaceholder(_Placeholder):
    """A placeholder for one of several texts."""

    kind: Literal["enum"]
    enum: Annotated[list[str], Field(max_length=1_000)]


class ArrayPlaceholder(_Placeholder):
    """A placeholder for a list of items with placeholders."""

    kind: Literal["array"]
    items: Annotated[list[Placeholder], Field(max_length=100)]


Placeholder = Annotated[PlainPlaceholder | EnumPlaceholder | ArrayPlaceholder, Field(discriminator="kind")]
Placeholders = Annotated[list[Placeholder], Field(max_length=100)]


class Recipe(Wire):
    """One version of a recipe. `is_public`: other workspaces of this server see it, too."""

    uuid: Uuid
    short_id: str
    version: int
    workspace_uuid: Uuid | None
    name: str
    description: str
    category: Category
    is_public: bool
    is_blacklisted: bool
    archived_at: Timestamp | None
    placeholders: list[Placeholder]
    expression: str
    instruct_to: InstructTo
    kind: Kind
    user_uuid: Uuid
    user_first_name: str | None
    user_last_name: str | None
    user_picture: str | None
    is_favorite: bool


class RecipeReply(Wire):
    """One recipe."""

    recipe: Recipe


class RecipesReply(Wire):
    """Recipes, newest first, each in its last version."""

    recipes: list[Recipe]


class ListRecipes(Wire):
    """Which recipes to list."""

    tab: Literal["all", "user", "workspace", "favorites"] = Field(
        default="all", description="all: all that you can see; user: your own; workspace: of the workspace; favorites: your favorites."
    )
    ui_types: list[Literal["js", "ai"]] | None = Field(default=None, description="js: evaluated; ai: instructs a language model.")
    categories: list[Category] | None = Field(default=None, description="Only recipes of these categories.")
    name: Annotated[str, Field(max_length=200)] | None = Field(default=None, description="Only recipes whose name contains this text.")
    limit: Annotated[int, Field(ge=1, le=1_000, description="How many at most, 1 to 1,000.")] = 100
    offset: Annotated[int, Field(ge=0, le=2_147_483_647, description="How many to skip.")] = 0


_PLACEHOLDERS = 'The values to fill in when the recipe is used: [{"kind":"string","name":"Field","slug":"field"}].'


class NewRecipeVersion(Wire):
    """A new version of a recipe."""

    uuid: Uuid = Field(description="The recipe.")
    name: Name = Field(description="The name, 1 to 200 characters.")
    description: Annotated[str, Field(max_length=5_000, description="The description.")] = ""
    category: Category = Field(default="other", description="The category.")
    placeholders: Placeholders = Field(default_factory=list[Placeholder], description=_PLACEHOLDERS)
    is_public: bool = Field(default=False, description="Whether other workspaces of this server see it.")
    expression: Text = Field(description="The expression, such as nodes.start.email.toLowerCase().")


class CreateRecipe(Wire):
    """A new recipe: its first version."""

    name: Name = Field(description="The name, 1 to 200 characters.")
    description: Annotated[str, Field(max_length=5_000, description="The description.")] = ""
    category: Category = Field(default="other", description="The category.")
    placeholders: Placeholders = Field(default_factory=list[Placeholder], description=_PLACEHOLDERS)
    is_public: bool = Field(default=False, description="Whether other workspaces of this server see it.")
    kind: Kind = Field(default="jsExpression", description="jsExpression: JavaScript; templateExpression: a text with {{JavaScript}}.")
    expression: Text = Field(description="The expression, such as nodes.start.email.toLowerCase().")
    instruct_to: InstructTo = Field(default="none", description="none: the expression is evaluated; ai: it instructs a language model.")


class ByEither(Wire):
    """A recipe by its uuid or its short id."""

    uuid_or_short_id: Annotated[str, Field(min_length=1, max_length=64, description="The uuid or the shortId of the recipe.")]


class ByVersion(ByEither):
    """One version of a recipe."""

    version: Annotated[int, Field(ge=1, le=2_147_483_647, description="The version, from 1.")]


class ByRecipe(Wire):
    """A recipe by its uuid."""

    recipe_uuid: Uuid = Field(description="The recipe.")


_NO_RECIPE = refusal(404, "There is no recipe {uuid} that you can see.")
NotFound = Literal["recipeNotFound"]

get_all: Operation[ListRecipes, RecipesReply, Never] = operations.add(
    Operation(
        "expression.recipe.list",
        "GET",
        "/expression/recipes/list",
        request=ListRecipes,
        response=RecipesReply,
        summary="List the recipes, newest first.",
        permission="orchestration:read",
        cli=Cli(
            examples=("cargo-ai expression recipe list", "cargo-ai expression recipe list --tab favorites --categories cleaning,sales")
        ),
    )
)

VersionReason = Literal["recipeNotFound", "versionNotFound"]

get: Operation[ByVersion, RecipeReply, VersionReason] = operations.add(
    Operation(
        "expression.recipe.get",
        "GET",
        "/expression/recipes/{uuidOrShortId}/{version}",
        request=ByVersion,
        response=RecipeReply,
        summary="Show one version of a recipe.",
        permission="orchestration:read",
        refusals={
            "recipeNotFound": _NO_RECIPE,
            "versionNotFound": refusal(404, "The recipe has no version {version}; its last is {last}."),
        },
        cli=Cli(examples=(f"cargo-ai expression recipe get {_EXAMPLE} 1",)),
    )
)

get_last: Operation[ByEither, RecipeReply, NotFound] = operations.add(
    Operation(
        "expression.recipe.getLastVersion",
        "GET",
        "/expression/recipes/{uuidOrShortId}/last",
        request=ByEither,
        response=RecipeReply,
        summary="Show the last version of a recipe.",
        permission="orchestration:read",
        refusals={"recipeNotFound": _NO_RECIPE},
        cli=Cli(examples=(f"cargo-ai expression recipe get-last-version {_EXAMPLE}",)),
    )
)

create: Operation[CreateRecipe, RecipeReply, Never] = operations.add(
    Operation(
        "expression.recipe.create",
        "POST",
        "/expression/recipes",
        request=CreateRecipe,
        response=RecipeReply,
        summary="Create a recipe from an expression.",
        permission="orchestration:workflow:write",
        cli=Cli(
            examples=(
                "cargo-ai expression recipe create --name 'Lower-case e-mail' --category cleaning "
                "--expression 'nodes.start.email.toLowerCase()'",
            )
        ),
    )
)

create_version: Operation[NewRecipeVersion, RecipeReply, NotFound] = operations.add(
    Operation(
        "expression.recipe.createNewVersion",
        "POST",
        "/expression/recipes/{uuid}",
        request=NewRecipeVersion,
        response=RecipeReply,
        summary="Create a new version of a recipe; earlier versions stay.",
        permission="orchestration:workflow:write",
        refusals={"recipeNotFound": _NO_RECIPE},
        cli=Cli(
            examples=(
                f"cargo-ai expression recipe create-new-version {_EXAMPLE} --name 'Lower-case e-mail' "
                "--expression 'nodes.start.email.trim().toLowerCase()'",
            )
        ),
    )
)

archive: Operation[ByEither, Removed, NotFound] = operations.add(
    Operation(
        "expression.recipe.archive",
        "PUT",
        "/expression/recipes/{uuidOrShortId}/archive",
        request=ByEither,
        response=Removed,
        summary="Archive a recipe: lists no longer show it, and its uses keep working.",
        permission="orchestration:workflow:write",
        refusals={"recipeNotFound": _NO_RECIPE},
        cli=Cli(examples=(f"cargo-ai expression recipe archive {_EXAMPLE}",)),
    )
)

favorite: Operation[ByRecipe, Removed, NotFound] = operations.add(
    Operation(
        "expression.favoriteRecipe.create",
        "POST",
        "/expression/favoriteRecipes",
        request=ByRecipe,
        response=Removed,
        summary="Add a recipe to your favorites.",
        permission="orchestration:workflow:write",
        refusals={"recipeNotFound": _NO_RECIPE},
        cli=Cli(examples=(f"cargo-ai expression favorite-recipe create --recipe-uuid {_EXAMPLE}",)),
    )
)

UnfavoriteReason = Literal["alreadyArchived", "recipeNotFound", "recipeDoesNotBelongsToWorkspace"]

unfavorite: Operation[ByRecipe, Removed, UnfavoriteReason] = operations.add(
    Operation(
        "expression.favoriteRecipe.delete",
        "DELETE",
        "/expression/favoriteRecipes/{recipeUuid}/",
        request=ByRecipe,
        response=Removed,
        summary="Remove a recipe from your favorites.",
        permission="orchestration:workflow:write",
        refusals={
            "recipeNotFound": _NO_RECIPE,
            "alreadyArchived": refusal(409, "The recipe is not among your favorites."),
            "recipeDoesNotBelongsToWorkspace": refusal(404, "There is no such recipe that you can see."),
        },
        cli=Cli(examples=(f"cargo-ai expression favorite-recipe delete {_EXAMPLE}",)),
    )
)
