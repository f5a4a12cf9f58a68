"""Tables of the expression domain: recipes, their versions, and users' favorites."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from cargo_ai.store.rows import Json, Owned, Row, Stamped


class Recipe(Stamped, Owned, Row):
    """An expression to be used again. `version`: the last one."""

    __tablename__ = "recipes"

    short_id: Mapped[str] = mapped_column(unique=True)
    version: Mapped[int]
    user_uuid: Mapped[uuid.UUID]
    kind: Mapped[str]
    instruct_to: Mapped[str]
    archived_at: Mapped[datetime | None]


class RecipeVersion(Stamped, Owned, Row):
    """One state of a recipe; it never changes."""

    __tablename__ = "recipe_versions"
    __table_args__ = (UniqueConstraint("recipe_uuid", "version"),)

    recipe_uuid: Mapped[uuid.UUID] = mapped_column(ForeignKey("recipes.uuid"))
    version: Mapped[int]
    name: Mapped[str]
    description: Mapped[str]
    category: Mapped[str]
    placeholders: Mapped[list[Any]] = mapped_column(Json)
    is_public: Mapped[bool]
    expression: Mapped[str]


class FavoriteRecipe(Stamped, Owned, Row):
    """A recipe that a user has marked."""

    __tablename__ = "favorite_recipes"
    __table_args__ = (UniqueConstraint("recipe_uuid", "user_uuid", "workspace_uuid"),)

    recipe_uuid: Mapped[uuid.UUID] = mapped_column(ForeignKey("recipes.uuid"))
    user_uuid: Mapped[uuid.UUID]
