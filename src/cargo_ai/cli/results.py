"""The results of a finished batch: one output per record, in the order of the records."""

from __future__ import annotations

import json
from urllib.parse import urljoin

from cargo_ai.cli import output
from cargo_ai.cli.client.download import fetch

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from cargo_ai.cli.client.api import Api

MAX = 10_000


def with_results(api: Api, path: str, document: Any) -> Any:
    """The document of a batch with `results`: the output of the last node of each run. Above 10,000 runs it stays as it is, with a warning
    on stderr. Raises Failure when the outputs cannot be fetched."""
    batch = output.as_object(output.as_object(document).get("batch"))
    uuid, count = batch.get("uuid"), batch.get("runsCount")
    if not isinstance(uuid, str) or not isinstance(count, int):
        return document
    if count > MAX:
        output.say(
            f"warning: The batch has {count:,} runs; results are shown for at most {MAX:,}. Fetch them with: "
            f"cargo-ai orchestration batch download {uuid} --output-node-slug SLUG"
        )
        return document
    if count == 0:
        return {**output.as_object(document), "results": []}
    request = {"workflowUuid": batch.get("workflowUuid"), "batchUuid": uuid, "format": "json", "limit": MAX}
    url = output.as_object(api.call("POST", "/v1" + path, document=request).check().document()).get("url")
    rows: list[Any] = json.loads(fetch(api, urljoin(api.base_url + "/", str(url))))
    # The download has the newest run first.
    return {**output.as_object(document), "results": [output.as_object(row).get("output") for row in reversed(rows)]}
