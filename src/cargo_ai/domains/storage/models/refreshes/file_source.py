"""File source: read the file that a model was created from again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from contextlib import aclosing
from typing import Any

from cargo_ai.context.context import Context
from cargo_ai.contract.storage.records.file_options import FileOptions
from cargo_ai.contract.storage.run import RunCounts
from cargo_ai.domains.storage.history.recorder import ChangeRecorder, origin_of
from cargo_ai.domains.storage.models import extractors
from cargo_ai.domains.storage.records import file_headings, read_file
from cargo_ai.domains.storage.records.read_file import UnreadableFile
from cargo_ai.domains.storage.records.write import Writer
from cargo_ai.domains.storage.tables import Model
from cargo_ai.records.bulk.load import Progress
from cargo_ai.records.bulk.row_encoder import RowEncoder
from cargo_ai.records.catalog import Relation
from cargo_ai.records.ddl import TableBusy, table_name
from cargo_ai.store.driver import driver_connection, execute, fetch

CHUNK = 10_000


async def read(
    ctx: Context, relation: Relation, config: Mapping[str, Any], *, is_reset: bool, progress: Progress | None = None
) -> tuple[RunCounts, list[str]]:
    """Load the file into its model: records are matched by id, and only columns of the file are written. `is_reset`: records that the file
    does not have are removed. Returns the counts and the files read. UnreadableFile, InvalidConfig."""
    key = read_file.file_key(config)
    try:
        options, skips = read_file.file_options(config), config.get("skipInvalid") is True
        loaded = (await read_file.load_file(ctx, relation, key, "refresh", skip_invalid=skips, options=options, progress=progress)).loaded
    except TableBusy:
        raise UnreadableFile("The model is being read or written by longer work right now. Refresh it again in a moment.") from None
    removed = await _remove_others(ctx, relation, key, options) if is_reset else 0
    return RunCounts(added=loaded.added, updated=loaded.updated, unchanged=loaded.unchanged, removed=removed), [key]


def fingerprint(row: Model) -> str | None:
    """A digest of the state of the model's source; None when only reading it shows that. An uploaded file never changes under its name."""
    if row.extractor_slug != extractors.UPLOAD_FILE or row.unification is not None:
        return None
    options = [row.config.get(name) for name in (*read_file.OPTIONS, "skipInvalid")]
    file = [row.config.get("s3Filename") or row.config.get("fileKey"), row.columns]
    text = json.dumps([*file, options] if any(options) else file, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


async def _remove_others(ctx: Context, relation: Relation, key: str, options: FileOptions) -> int:
    """Remove the records whose ids are not in the file. Returns how many."""
    connection = await driver_connection(ctx.db)
    await execute(connection, "create temp table kept_ids (_id text not null) on commit drop")
    encoder: RowEncoder | None = None
    async with aclosing(read_file.blocks(ctx, key, options)) as chunks:
        async for headers, first, batch in chunks:
            notation = read_file.notation(options)
            encoder = encoder or RowEncoder(relation, file_headings.columns_of(relation, headers), new_id=_refuse_new_id, notation=notation)
            lines = encoder.lines(first, batch).removesuffix(b"\n").split(b"\n")
            ids = b"".join(line.partition(b"\t")[0] + b"\n" for line in lines)
            async with connection.cursor() as cursor, cursor.copy(b"copy kept_ids from stdin") as copy:
                await copy.write(ids)
    if encoder is not None and encoder.by_content:
        # As `load` does it: identical rows are numbered.
        await execute(
            connection,
            "update kept_ids as k set _id = k._id || '-' || d.n from "
            "(select ctid, row_number() over (partition by _id order by ctid) as n from kept_ids) as d where k.ctid = d.ctid and d.n > 1",
        )
    await execute(connection, "analyze kept_ids")
    changes = ChangeRecorder(ctx.workspace, relation.model, origin_of(ctx, "refresh", source=read_file.file_name(key)))
    writer, removed = Writer(ctx.db, ctx.workspace, relation, ctx.settings, changes), 0
    others = f"select _id from {table_name(relation)} as t where not exists (select 1 from kept_ids as k where k._id = t._id) limit {CHUNK}"  # noqa: S608
    while batch := await fetch(connection, others):
        removed += len(await writer.remove([uid for (uid,) in batch]))
    return removed


def _refuse_new_id() -> str:
    raise AssertionError("rows of a file are known by their id or their values")
