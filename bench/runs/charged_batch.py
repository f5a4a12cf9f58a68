"""chargedBatch: native10k where a node of each record costs a credit of a limited workspace, and the same without a price, by turns."""

from __future__ import annotations

import sys

import psycopg

from bench import graphs, processes, report
from bench.report import Json
from bench.runs.native10k import RECORDS, WARM_UP, check_journal, lasted
from bench.temporary_server import MeasurementFailed, TemporaryServer

ROUNDS = 7


def check_ledger(url: str, batch: Json) -> None:
    """MeasurementFailed unless every record was charged, and the balance is what is left."""
    charges = """select sum(c.executions), sum(c.amount) from ledger_charges c join ledger_labels l on l.uuid = c.label_uuid
        where l.batch_uuid = %s and l.unit = 'billing.credits'"""
    sums = "select sum(balance), sum(balance) filter (where kind = 'overage') from ledger_accounts"
    with psycopg.connect(url) as connection:
        charged, zero = connection.execute(charges, (batch["uuid"],)).fetchone(), connection.execute(sums).fetchone()
    if charged != (RECORDS, RECORDS) or zero != (0, 0) or batch["creditsUsedCount"] != RECORDS:
        raise MeasurementFailed(f"The ledger has {charged} for a batch of {batch['creditsUsedCount']} credits, and balances of {zero}.")


def measure() -> Json:
    """Seven rounds of both by turns, on two servers, after batches of 1,000 that warm them up; the median of the rounds' shares, by the
    clock and by the processor time of all processes."""
    records, nodes = graphs.companies(RECORDS), graphs.five_native()
    free, charged = list[float](), list[float]()
    free_cpu, charged_cpu = list[float](), list[float]()
    with TemporaryServer(workers=2) as plain, TemporaryServer(workers=2, ACTION_COSTS="native.variables=1") as priced:
        priced.api.send("PUT", "/billing/budgets", b'{"creditsCount": 1000000, "overage": "deny"}', **{"Content-Type": "application/json"})
        sources = [
            (server, server.deploy(nodes), server.upload(records), seconds, cpu)
            for server, seconds, cpu in ((plain, free, free_cpu), (priced, charged, charged_cpu))
        ]
        for server, workflow, *_ in sources:
            server.finish_batch(server.start_batch(workflow, server.upload(records[:WARM_UP])), WARM_UP)
        for turn in range(ROUNDS):
            report.say(f"chargedBatch: round {turn + 1} of {ROUNDS}")
            for server, workflow, file, seconds, cpu in sources if turn % 2 else reversed(sources):
                before = sum(processes.cpu_seconds(server).values())
                batch = server.finish_batch(server.start_batch(workflow, file), RECORDS)
                cpu.append(sum(processes.cpu_seconds(server).values()) - before)
                url = server.database().owner_url
                check_journal(url, batch)
                if server is priced:
                    check_ledger(url, batch)
                seconds.append(lasted(batch))
    shares = [without / cost for without, cost in zip(free, charged, strict=True)]
    return report.figure(
        [
            report.at_least("records per second, as a share of the same without a price", report.median(shares), 0.95),
            report.at_least("the same, by processor time", report.median(free_cpu) / report.median(charged_cpu), 0.95),
        ],
        {
            "recordsPerSecond": report.rounded(RECORDS / report.median(charged)),
            "recordsPerSecondWithoutPrice": report.rounded(RECORDS / report.median(free)),
            "shares": [report.rounded(share) for share in shares],
            "rounds": [report.rounded(seconds) for seconds in charged],
            "roundsWithoutPrice": [report.rounded(seconds) for seconds in free],
        },
    )


if __name__ == "__main__":
    sys.exit(report.alone("chargedBatch", measure))
