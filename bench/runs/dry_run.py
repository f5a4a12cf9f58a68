"""dryRun: a dry run of 10,000 records, all of them walked and none of them written, against the batch itself."""

from __future__ import annotations

import sys
import time

from bench import graphs, report
from bench.report import Json
from bench.runs.native10k import lasted
from bench.temporary_server import MeasurementFailed, TemporaryServer

RECORDS = 10_000
ROUNDS = 3


def measure() -> Json:
    """Medians of three rounds; what was forecast must be what then happened."""
    forecast_seconds, batch_seconds = list[float](), list[float]()
    with TemporaryServer(workers=2) as server:
        workflow, file = server.deploy(graphs.five_native()), server.upload(graphs.companies(RECORDS))
        asked = {"workflowUuid": workflow, "data": {"kind": "file", "s3Filename": file}, "dryRun": True, "sample": RECORDS}
        for turn in range(ROUNDS):
            report.say(f"dryRun: round {turn + 1} of {ROUNDS}")
            began = time.perf_counter()
            found = server.api.post("/orchestration/batches", asked)["dryRun"]
            forecast_seconds.append(time.perf_counter() - began)
            ends = sum(node["executionsMin"] for node in found["nodes"] if node["path"] in {"large", "small"})
            if found["walkedCount"] != RECORDS or ends != RECORDS:
                raise MeasurementFailed(f"Of {RECORDS} records {found['walkedCount']} were walked, and {ends} came to an end.")
            batch_seconds.append(lasted(server.finish_batch(server.start_batch(workflow, file), RECORDS)))
    return report.figure(
        [report.at_most("times the batch itself", report.median(forecast_seconds) / report.median(batch_seconds), 1)],
        {
            "records": RECORDS,
            "dryRunSeconds": report.rounded(report.median(forecast_seconds)),
            "recordsPerSecond": report.rounded(RECORDS / report.median(forecast_seconds)),
            "batchSeconds": report.rounded(report.median(batch_seconds)),
        },
    )


if __name__ == "__main__":
    sys.exit(report.alone("dryRun", measure))
