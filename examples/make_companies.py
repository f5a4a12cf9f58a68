"""Writes companies.csv: 500 invented companies, the same ones every time. Every domain ends in `.example`, which no one can own."""

from __future__ import annotations

import argparse
import csv
import hashlib
import io
import sys
from pathlib import Path

COUNT = 500
HEADER = ("name", "domain", "country", "city", "founded", "website")
WITHOUT_DOMAIN = 4  # percent of the rows, so that a workflow has something to filter out

# fmt: off
_FIRST = (
    "Alder", "Amber", "Anchor", "Arbor", "Aspen", "Basalt", "Beacon", "Birch", "Bramble", "Bright", "Brisk", "Cedar", "Chalk",
    "Cinder", "Cobalt", "Copper", "Coral", "Crane", "Cypress", "Dapple", "Drift", "Dune", "Elder", "Ember", "Falcon", "Fennel",
    "Fern", "Flint", "Foxglove", "Garnet", "Ginger", "Granite", "Harbor", "Hazel", "Heron", "Hollow", "Indigo", "Iron", "Ivory",
    "Juniper", "Kestrel", "Lantern", "Larch", "Lichen", "Linden", "Lumen", "Maple", "Marble", "Meadow", "Mica", "Moss", "Nettle",
    "Nimbus", "Ochre", "Olive", "Onyx", "Osprey", "Otter", "Pebble", "Pepper", "Pewter", "Pine", "Plover", "Poplar", "Quartz",
    "Quill", "Raven", "Reed", "Ridge", "River", "Rowan", "Saffron", "Sage", "Sable", "Sandbar", "Silver", "Slate", "Sorrel",
    "Sparrow", "Spruce", "Sterling", "Stone", "Summit", "Swift", "Tamarind", "Teal", "Thistle", "Timber", "Topaz", "Umber",
    "Velvet", "Walnut", "Willow", "Wren", "Yarrow", "Zephyr",
)
_SECOND = (
    "beam", "bridge", "craft", "dale", "field", "flow", "forge", "gate", "grove", "haven", "hold", "lane", "line", "loom", "mark",
    "mill", "path", "point", "port", "reach", "scale", "spring", "ward", "works", "yard",
)
_TRADE = (
    "Analytics", "Bearings", "Biotech", "Capital", "Ceramics", "Cloud", "Energy", "Foods", "Freight", "Health", "Insurance", "Labs",
    "Logistics", "Materials", "Media", "Mobility", "Optics", "Packaging", "Robotics", "Security", "Software", "Systems", "Textiles",
    "Tools",
)
_PLACES = (
    ("France", "Lyon"), ("France", "Nantes"), ("France", "Paris"), ("Germany", "Berlin"),
    ("Germany", "Hamburg"), ("Germany", "Leipzig"), ("Spain", "Bilbao"), ("Spain", "Valencia"),
    ("Portugal", "Porto"), ("Italy", "Turin"), ("Netherlands", "Utrecht"), ("Belgium", "Ghent"),
    ("Denmark", "Aarhus"), ("Sweden", "Malmö"), ("Poland", "Kraków"), ("Ireland", "Cork"),
    ("United Kingdom", "Bristol"), ("United Kingdom", "Leeds"), ("United States", "Austin"), ("United States", "Boston"),
    ("United States", "Denver"), ("United States", "Portland"), ("Canada", "Montréal"), ("Japan", "Osaka"),
)
# fmt: on


def number(*parts: object, below: int) -> int:
    """A number from 0 to below `below` that belongs to these parts, on every machine and in every version of Python."""
    digest = hashlib.sha256(":".join(map(str, parts)).encode()).digest()
    return int.from_bytes(digest[:8], "big") % below


def companies(count: int = COUNT) -> list[dict[str, str]]:
    """The first `count` companies, no name twice; at most about 10,000, since names run out."""
    found: dict[str, dict[str, str]] = {}
    attempt = 0
    while len(found) < count:
        company = _company(attempt)
        found.setdefault(company["name"], company)
        attempt += 1
    return list(found.values())


def _company(seed: int) -> dict[str, str]:
    first = _FIRST[number(seed, "first", below=len(_FIRST))]
    second = _SECOND[number(seed, "second", below=len(_SECOND))]
    trade = _TRADE[number(seed, "trade", below=len(_TRADE))]
    country, city = _PLACES[number(seed, "place", below=len(_PLACES))]
    domain = f"{first}{second}-{trade}.example".lower()
    known = number(seed, "domain", below=100) >= WITHOUT_DOMAIN
    return {
        "name": f"{first}{second} {trade}",
        "domain": domain if known else "",
        "country": country,
        "city": city,
        "founded": str(1950 + number(seed, "founded", below=74)),
        "website": f"https://www.{domain}" if known else "",
    }


def text(count: int = COUNT) -> str:
    """The CSV file as text."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(HEADER)
    writer.writerows([company[column] for column in HEADER] for company in companies(count))
    return out.getvalue()


def main() -> int:
    """Write the file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=COUNT, help=f"how many companies (default {COUNT})")
    parser.add_argument("--out", type=Path, default=Path(__file__).with_name("companies.csv"), help="the file to write")
    options = parser.parse_args()
    options.out.write_text(text(options.count), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
