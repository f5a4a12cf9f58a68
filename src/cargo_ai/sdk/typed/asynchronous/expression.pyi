# Written by tools/gen.py from the registry. Change the declaration in src/cargo_ai/contract instead.
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Literal

import cargo_ai.contract.expression.expression
import cargo_ai.contract.expression.recipe
import cargo_ai.contract.storage.columns
import cargo_ai.kernel.wire

class EvalMethods:
    async def evaluate(
        self,
        *,
        expression: cargo_ai.contract.storage.columns.Expression | Mapping[str, Any],
        variables: Mapping[str, Any],
    ) -> cargo_ai.contract.expression.expression.Evaluation:
        """Evaluate an expression with given variables; nothing is stored.

        expression: The expression: {"kind":"templateExpression","expression":"{{nodes.start.email}}"}.
        variables: The variables that the expression reads: {"nodes":{"start":{"email":"ann@example.com"}}}.
        """
        ...

    async def generate(
        self,
        *,
        prompt: str,
        variables: Mapping[str, Any],
        integration_slug: str | None = ...,
        connector_uuid: str | None = ...,
        language_model_slug: str | None = ...,
        idempotency_key: str | None = None,
    ) -> cargo_ai.contract.expression.expression.GeneratedExpression:
        """Have a language model write an expression, tried with a sample.

        integration_slug: The integration of the language model, such as openAi.
        connector_uuid: Its connector.
        language_model_slug: The language model.
        prompt: What it gives, in words.
        variables: Sample variables, with which it is tried: {"nodes":{"start":{"email":"ann@example.com"}}}.

        Refused for: languageModelMissing, failedToAskLanguageModel
        """
        ...

class FavoriteRecipeMethods:
    async def create(
        self,
        *,
        recipe_uuid: str,
        idempotency_key: str | None = None,
    ) -> cargo_ai.kernel.wire.Removed:
        """Add a recipe to your favorites.

        recipe_uuid: The recipe.

        Refused for: recipeNotFound
        """
        ...

    async def delete(
        self,
        recipe_uuid: str,
        *,
        idempotency_key: str | None = None,
    ) -> cargo_ai.kernel.wire.Removed:
        """Remove a recipe from your favorites.

        recipe_uuid: The recipe.

        Refused for: recipeNotFound, alreadyArchived, recipeDoesNotBelongsToWorkspace
        """
        ...

class RecipeMethods:
    async def archive(
        self,
        uuid_or_short_id: str,
        *,
        idempotency_key: str | None = None,
    ) -> cargo_ai.kernel.wire.Removed:
        """Archive a recipe: lists no longer show it, and its uses keep working.

        uuid_or_short_id: The uuid or the shortId of the recipe.

        Refused for: recipeNotFound
        """
        ...

    async def create(
        self,
        *,
        name: str,
        expression: str,
        description: str = ...,
        category: Literal['other', 'classification', 'cleaning', 'marketing', 'sales', 'event', 'copywriting'] = ...,
        placeholders: Sequence[cargo_ai.contract.expression.recipe.PlainPlaceholder | cargo_ai.contract.expression.recipe.EnumPlaceholder | cargo_ai.contract.expression.recipe.ArrayPlaceholder | Mapping[str, Any]] = ...,
        is_public: bool = ...,
        kind: Literal['jsExpression', 'templateExpression'] = ...,
        instruct_to: Literal['ai', 'none'] = ...,
        idempotency_key: str | None = None,
    ) -> cargo_ai.contract.expression.recipe.RecipeReply:
        """Create a recipe from an expression.

        name: The name, 1 to 200 characters.
        description: The description.
        category: The category.
        placeholders: The values to fill in when the recipe is used: [{"kind":"string","name":"Field","slug":"field"}].
        is_public: Whether other workspaces of this server see it.
        kind: jsExpression: JavaScript; templateExpression: a text with {{JavaScript}}.
        expression: The expression, such as nodes.start.email.toLowerCase().
        instruct_to: none: the expression is evaluated; ai: it instructs a language model.
        """
        ...

    async def create_new_version(
        self,
        uuid: str,
        *,
        name: str,
        expression: str,
        description: str = ...,
        category: Literal['other', 'classification', 'cleaning', 'marketing', 'sales', 'event', 'copywriting'] = ...,
        placeholders: Sequence[cargo_ai.contract.expression.recipe.PlainPlaceholder | cargo_ai.contract.expression.recipe.EnumPlaceholder | cargo_ai.contract.expression.recipe.ArrayPlaceholder | Mapping[str, Any]] = ...,
        is_public: bool = ...,
        idempotency_key: str | None = None,
    ) -> cargo_ai.contract.expression.recipe.RecipeReply:
        """Create a new version of a recipe; earlier versions stay.

        uuid: The recipe.
        name: The name, 1 to 200 characters.
        description: The description.
        category: The category.
        placeholders: The values to fill in when the recipe is used: [{"kind":"string","name":"Field","slug":"field"}].
        is_public: Whether other workspaces of this server see it.
        expression: The expression, such as nodes.start.email.toLowerCase().

        Refused for: recipeNotFound
        """
        ...

    async def get(
        self,
        uuid_or_short_id: str,
        version: int,
    ) -> cargo_ai.contract.expression.recipe.RecipeReply:
        """Show one version of a recipe.

        uuid_or_short_id: The uuid or the shortId of the recipe.
        version: The version, from 1.

        Refused for: recipeNotFound, versionNotFound
        """
        ...

    async def get_last_version(
        self,
        uuid_or_short_id: str,
    ) -> cargo_ai.contract.expression.recipe.RecipeReply:
        """Show the last version of a recipe.

        uuid_or_short_id: The uuid or the shortId of the recipe.

        Refused for: recipeNotFound
        """
        ...

    async def list(
        self,
        *,
        tab: Literal['all', 'user', 'workspace', 'favorites'] = ...,
        ui_types: Sequence[Literal['js', 'ai']] | None = ...,
        categories: Sequence[Literal['other', 'classification', 'cleaning', 'marketing', 'sales', 'event', 'copywriting']] | None = ...,
        name: str | None = ...,
        limit: int = ...,
        offset: int = ...,
    ) -> cargo_ai.contract.expression.recipe.RecipesReply:
        """List the recipes, newest first.

        tab: all: all that you can see; user: your own; workspace: of the workspace; favorites: your favorites.
        ui_types: js: evaluated; ai: instructs a language model.
        categories: Only recipes of these categories.
        name: Only recipes whose name contains this text.
        limit: How many at most, 1 to 1,000.
        offset: How many to skip.
        """
        ...

    def iterate(
        self,
        *,
        tab: Literal['all', 'user', 'workspace', 'favorites'] = ...,
        ui_types: Sequence[Literal['js', 'ai']] | None = ...,
        categories: Sequence[Literal['other', 'classification', 'cleaning', 'marketing', 'sales', 'event', 'copywriting']] | None = ...,
        name: str | None = ...,
        page_size: int | None = None,
        max_rows: int | None = None,
    ) -> AsyncIterator[cargo_ai.contract.expression.recipe.Recipe]:
        """List the recipes, newest first. All of them, page after page, or `max_rows`.

        tab: all: all that you can see; user: your own; workspace: of the workspace; favorites: your favorites.
        ui_types: js: evaluated; ai: instructs a language model.
        categories: Only recipes of these categories.
        name: Only recipes whose name contains this text.
        """
        ...

class ExpressionDomain:
    @property
    def eval(self) -> EvalMethods:
        ...

    @property
    def favorite_recipe(self) -> FavoriteRecipeMethods:
        ...

    @property
    def recipe(self) -> RecipeMethods:
        ...
