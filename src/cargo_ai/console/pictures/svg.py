"""SVG as text: elements whose attributes and texts are escaped, with a title and a description for those who do not see them."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256

from markupsafe import Markup, escape


def element(tag: str, *inside: str, **attributes: object) -> Markup:
    """One element. Attributes: `class_` is class, `_` becomes `-`; None leaves one out. Texts inside are escaped unless they are markup."""
    written = "".join(
        f' {name.rstrip("_").replace("_", "-")}="{escape(_written(value))}"' for name, value in attributes.items() if value is not None
    )
    return Markup(f"<{tag}{written}>{''.join(escape(part) for part in inside)}</{tag}>")  # nosec B704  # noqa: S704 (every part is escaped)


def together(parts: Iterable[Markup]) -> Markup:
    """Several elements, one after the other."""
    return Markup("").join(parts)


def picture(width: int, height: int, *inside: Markup, title: str, description: str, kind: str) -> Markup:
    """A picture in its own coordinates, as wide as the place in which it stands."""
    name = f"p{sha256(f'{kind} {title} {description}'.encode()).hexdigest()[:10]}"
    return element(
        "svg",
        element("title", title, id=f"{name}-t"),
        element("desc", description, id=f"{name}-d"),
        *inside,
        class_=f"picture {kind}",
        viewBox=f"0 0 {width} {height}",
        role="img",
        aria_labelledby=f"{name}-t {name}-d",
    )


def _written(value: object) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)
