"""The version of Salesforce's interface that is called, in one place: three come a year, each is supported for three years at least."""

from __future__ import annotations

VERSION = "v67.0"
DATA = f"/services/data/{VERSION}"
QUERY = f"{DATA}/query"
SOBJECTS = f"{DATA}/sobjects"
COLLECTIONS = f"{DATA}/composite/sobjects"
