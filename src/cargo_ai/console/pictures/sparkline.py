"""Sparklines: a line as high as a word that shows how a number went, with its last value as text for those who do not see it."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from cargo_ai.console.pictures.scale import exact, finite
from cargo_ai.console.pictures.svg import element, picture

WIDTH, HEIGHT = 120, 24
MAX_POINTS = 240
_EDGE = 2


def sparkline(values: Sequence[float], title: str, unit: str = "") -> Markup:
    """The line of the values, from zero; of more than MAX_POINTS the last."""
    heights = [finite(value) for value in values[-MAX_POINTS:]]
    top = max(heights, default=0.0) or 1.0
    step = (WIDTH - 2 * _EDGE) / max(len(heights) - 1, 1)
    points = [(_EDGE + step * place, _EDGE + (HEIGHT - 2 * _EDGE) * (1 - height / top)) for place, height in enumerate(heights)]
    if not points:
        return picture(WIDTH, HEIGHT, title=title, description="No data.", kind="sparkline")
    drawn = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    last_x, last_y = points[-1]
    area = f"{_EDGE},{HEIGHT - _EDGE} {drawn} {last_x:.1f},{HEIGHT - _EDGE}"
    described = f"Last {exact(heights[-1])}, most {exact(max(heights))}, least {exact(min(heights))}{f' {unit}' if unit else ''}."
    inside = (
        element("polygon", points=area, class_="area"),
        element("polyline", points=drawn, class_="line"),
        element("circle", cx=last_x, cy=last_y, r=1.8, class_="end"),
    )
    return picture(WIDTH, HEIGHT, *inside, title=title, description=described, kind="sparkline")
