"""Limits, and how long things are kept."""

from __future__ import annotations

from typing import ClassVar

from cargo_ai.kernel.configuration.setting_kinds import PREFIX, Setting, integer, number_of, seconds, switch

MAX_DAYS = 36_500
"""A hundred years: what is longer is a mistake, or 0."""


class LimitSettings:
    """How much each workspace, token and address may use, and how long things are kept."""

    title: ClassVar[str] = "Limits, and how long things are kept"

    mcp_requests_per_minute = integer("How many requests over MCP one token may send in a minute.", ("api",), 600, least=1)
    max_concurrent_runs = integer(
        "How many runs of one workspace may go at once; others wait.", ("api", "worker"), 0, shown_default="no limit (0)"
    )
    statements_per_workspace = integer(
        "How many filters and conditions of one workspace each process evaluates at once; others wait, in the API for 10 s at most.",
        ("api", "worker"),
        2,
        least=1,
    )
    max_connections = integer(
        "How many HTTP connections each API process has at once, as far as the limit of open files allows; more are answered 503.",
        ("api",),
        10_000,
        least=50,
    )
    token_requests_per_minute = integer(
        "How many requests one token may send in a minute; more are answered 429, with when to try again. 0: no limit.", ("api",), 12_000
    )
    address_requests_per_minute = integer(
        "How many requests one address may send in a minute, with a token or without, health checks apart. Behind a proxy, set "
        "CARGO_AI_BEHIND_PROXY too, or all are of one address. 0: no limit.",
        ("api",),
        30_000,
    )
    wrong_tokens_per_minute = integer(
        "How many wrong tokens one address may send in a minute before it is answered 429; from the tenth on it waits for each answer.",
        ("api",),
        60,
        least=1,
    )
    max_body_bytes = integer(
        "The largest JSON body of a request, in bytes; larger inputs are uploaded as files.", ("api",), 10 * 1024**2, least=1024
    )
    max_request_seconds = seconds(
        "How long one request may take before it is given up and rolled back; 0: any time. Uploads and downloads may take longer.",
        ("api",),
        300,
    )
    max_workspaces = integer(
        "How many workspaces this server may have; who may write a workspace can create others. 0: no limit.", ("api",), 100
    )
    max_upload_bytes = integer("The largest file that can be uploaded, in bytes.", ("api",), 2 * 1024**3, least=1)
    max_uploads_at_once = integer("How many files one workspace may be sending at once to one API process; 0: no limit.", ("api",), 20)
    max_streams_at_once = integer(
        "How many answers one workspace may be watching at once at each API process, with one token half of that; 0: no limit.",
        ("api",),
        200,
    )
    max_stored_bytes = integer(
        "How many bytes of files (uploads, ingest reports, archived runs) one workspace may keep; 0: no limit. What is archived counts but "
        "is never refused.",
        ("api", "worker"),
        100 * 1024**3,
    )
    max_records = integer("How many records one workspace may keep in all its models; 0: no limit.", ("api", "worker"), 50_000_000)
    max_output_bytes = integer(
        "How many bytes of node outputs above 64 KB each, which are kept as files, one workspace may have; 0: no limit.",
        ("api", "worker"),
        100 * 1024**3,
    )
    max_unpacked_bytes = integer(
        "How many bytes of text a compressed file (Parquet) may hold, however small it is packed; 0: no limit.",
        ("api", "worker"),
        8 * 1024**3,
    )
    upload_retention = Setting[float](
        "days",
        90,
        "How long an uploaded file that no model and no unfinished batch names is kept, in days; 0: forever.",
        ("worker",),
        lambda name, raw: number_of(name, raw, 0),
        "90",
        variable=f"{PREFIX}UPLOAD_RETENTION_DAYS",
    )
    keep_bodies_days = integer(
        "How many days the outputs of nodes are kept after their runs have ended, with configs and logs, rounded up to whole months; 0: as "
        "long as the runs. A workspace may say otherwise (`orchestration retention update`).",
        ("api", "worker"),
        30,
        most=MAX_DAYS,
    )
    keep_runs_days = integer(
        "How many days runs and batches are kept after they have ended, rounded up to whole months; and refreshes and fills of models. "
        "0: forever. A workspace may say otherwise (`orchestration retention update`). Metrics are kept forever.",
        ("api", "worker"),
        365,
        most=MAX_DAYS,
    )
    archive_runs = switch(
        "Whether the outputs of nodes are archived as Parquet in the file store before they go; SQL over spans then finds executions whose "
        "runs are removed. A workspace may say otherwise.",
        ("api", "worker"),
        default=True,
    )
    keep_archive_days = integer(
        "How many days after the end of a month its archive of runs is kept; 0: forever. Longer than the outputs of nodes are kept. A "
        "workspace may say otherwise (`orchestration retention update`).",
        ("api", "worker"),
        0,
        most=MAX_DAYS,
    )
    history_days = integer(
        "How many days it is kept who changed which records, and what they were before: as long, imports and other changes can be undone.",
        ("api", "worker"),
        30,
        least=1,
    )
    history_records = integer(
        "How many changed and removed records of one workspace are kept at most; beyond, the oldest are forgotten earlier.",
        ("worker",),
        5_000_000,
        least=1,
    )
    keep_audit_days = integer("How many days the audit log keeps who wrote what, and who was refused to.", ("worker",), 365, least=1)
    keep_removed_days = integer(
        "How many days removed models, plays, tools, segments and connectors stay in the bin, from which they can be restored; "
        "0: they are removed forever at once.",
        ("api", "worker"),
        30,
    )
