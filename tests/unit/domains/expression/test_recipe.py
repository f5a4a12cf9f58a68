"""Recipes: expressions kept in versions, seen by others only when they are public, and marked by those who like them."""

from __future__ import annotations

from typing import Any

from tests.kit.api_client import ApiClient

PLACES = [
    {"name": "Field", "slug": "field", "kind": "string"},
    {"name": "How", "slug": "how", "kind": "enum", "enum": ["up", "down"]},
    {"name": "Rows", "slug": "rows", "kind": "array", "items": [{"name": "N", "slug": "n", "kind": "number"}]},
]


async def recipe(api: ApiClient, name: str = "Lower", **more: Any) -> dict[str, Any]:
    """A new recipe."""
    made = await api.call("expression.recipe.create", name=name, expression="nodes.start.a.toLowerCase()", **more)
    found: dict[str, Any] = made["recipe"]
    return found


async def test_versions_stay_and_the_last_one_is_found_by_either_id(api: ApiClient) -> None:
    made = await recipe(api, placeholders=PLACES, category="cleaning")
    assert (made["version"], made["placeholders"], made["kind"], made["isFavorite"]) == (1, PLACES, "jsExpression", False)
    newer = await api.call("expression.recipe.createNewVersion", uuid=made["uuid"], name="Lower!", expression="1")
    assert (newer["recipe"]["version"], newer["recipe"]["shortId"]) == (2, made["shortId"])
    for either in (made["uuid"], made["shortId"]):
        assert (await api.call("expression.recipe.getLastVersion", uuidOrShortId=either))["recipe"]["name"] == "Lower!"
        assert (await api.call("expression.recipe.get", uuidOrShortId=either, version=1))["recipe"]["name"] == "Lower"
    assert await api.refused("expression.recipe.get", uuidOrShortId=made["uuid"], version=3) == (404, "versionNotFound")


async def test_lists_are_narrowed_and_archived_recipes_leave_them(api: ApiClient) -> None:
    first = await recipe(api, "Trim 100%", category="sales")
    second = await recipe(api, "Summarise", instructTo="ai", kind="templateExpression")

    async def names(**how: Any) -> list[str]:
        return [one["name"] for one in (await api.call("expression.recipe.list", **how))["recipes"]]

    assert await names() == ["Summarise", "Trim 100%"]
    assert await names(uiTypes=["ai"]) == ["Summarise"]
    assert await names(categories=["sales", "event"]) == ["Trim 100%"]
    assert await names(name="m 100%") == ["Trim 100%"]
    assert await names(tab="user", limit=1, offset=1) == ["Trim 100%"]
    await api.call("expression.recipe.archive", uuidOrShortId=second["shortId"])
    assert await names(tab="workspace") == ["Trim 100%"]
    assert (await api.call("expression.recipe.getLastVersion", uuidOrShortId=second["uuid"]))["recipe"]["archivedAt"] is not None
    assert first["isBlacklisted"] is False


async def test_favorites_are_marks_of_a_user(api: ApiClient) -> None:
    made = await recipe(api)
    for _ in range(2):
        await api.call("expression.favoriteRecipe.create", recipeUuid=made["uuid"])
    found = (await api.call("expression.recipe.list", tab="favorites"))["recipes"]
    assert [(one["uuid"], one["isFavorite"]) for one in found] == [(made["uuid"], True)]
    await api.call("expression.favoriteRecipe.delete", recipeUuid=made["uuid"])
    assert await api.refused("expression.favoriteRecipe.delete", recipeUuid=made["uuid"]) == (409, "alreadyArchived")
    assert (await api.call("expression.recipe.list", tab="favorites"))["recipes"] == []


async def test_others_see_public_recipes_only_and_change_none(api: ApiClient, other_api: ApiClient) -> None:
    private, public = await recipe(api, "Private"), await recipe(api, "Public", isPublic=True)
    assert [one["name"] for one in (await other_api.call("expression.recipe.list"))["recipes"]] == ["Public"]
    assert (await other_api.call("expression.recipe.list", tab="workspace"))["recipes"] == []
    assert (await other_api.call("expression.recipe.getLastVersion", uuidOrShortId=public["shortId"]))["recipe"]["name"] == "Public"
    await other_api.call("expression.favoriteRecipe.create", recipeUuid=public["uuid"])
    for name, fields in (
        ("expression.recipe.getLastVersion", {"uuidOrShortId": private["uuid"]}),
        ("expression.recipe.archive", {"uuidOrShortId": public["uuid"]}),
        ("expression.recipe.createNewVersion", {"uuid": public["uuid"], "name": "x", "expression": "1"}),
        ("expression.favoriteRecipe.create", {"recipeUuid": private["uuid"]}),
    ):
        assert await other_api.refused(name, **fields) == (404, "recipeNotFound"), name
    await api.call("expression.recipe.createNewVersion", uuid=public["uuid"], name="Public", expression="1", isPublic=False)
    assert await other_api.refused("expression.recipe.getLastVersion", uuidOrShortId=public["uuid"]) == (404, "recipeNotFound")
