"""exportRows: all companies as CSV, JSON lines and Parquet over HTTP, against DuckDB writing the same columns to disk."""

from __future__ import annotations

import sys

from bench import report
from bench.data.companies_server import ROUNDS, ROWS, ApiGrowth, CompaniesServer, seconds
from bench.report import Json
from bench.temporary_server import MeasurementFailed

FORMS = {"csv": ("csv", 2.0), "ndjson": ("json", 3.5), "parquet": ("parquet", 5.0)}
"""Ours, DuckDB's, and the most times that ours may take."""


def measure() -> Json:
    """Three rounds by turns; medians. Ours has the model's system columns beside its own, and so has DuckDB's table."""
    taken: dict[str, tuple[list[float], list[float]]] = {form: ([], []) for form in FORMS}
    growth = 0.0
    with CompaniesServer(workers=1) as server:
        model = server.loaded()
        duck = server.duck_companies()
        duck.execute(
            "create table u as select id as _id, name as _title, null::timestamptz as _time, now() as _emitted_at, now() as _created_at, "
            "now() as _updated_at, * from t"
        )
        for turn in range(ROUNDS):
            for form, (theirs, _) in FORMS.items():
                url = server.api.post("/storage/records/download", {"modelUuid": model, "format": form})["url"]
                size: list[int] = []
                with ApiGrowth(server) as memory:
                    taken[form][0].append(seconds(lambda url=url, size=size: size.append(server.slow.read(url))))
                growth = max(growth, memory.megabytes)
                if size[0] < ROWS * 20:
                    raise MeasurementFailed(f"The {form} file has {size[0]} bytes only.")
                path = server.files / f"{turn}.{theirs}"
                taken[form][1].append(seconds(lambda path=path, theirs=theirs: duck.execute(f"copy u to '{path}' (format {theirs})")))
                path.unlink()
        duck.close()
    goals = [
        report.at_most(f"{form}, times DuckDB", report.median(ours) / report.median(bare), FORMS[form][1])
        for form, (ours, bare) in taken.items()
    ]
    goals.append(report.at_most("megabytes that the API grows by", growth, 20))
    shown = {
        form: {"seconds": [report.rounded(one) for one in ours], "duckdbSeconds": [report.rounded(one) for one in bare]}
        for form, (ours, bare) in taken.items()
    }
    return report.figure(goals, {"rows": ROWS, **shown})


if __name__ == "__main__":
    sys.exit(report.alone("exportRows", measure))
