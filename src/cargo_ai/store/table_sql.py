"""SQL text for psycopg that is derived from declared tables, so that each column is named in one place and checked on import."""

from __future__ import annotations

from sqlalchemy import Table


def insert_sql(table: Table, *names: str) -> bytes:
    """`insert into … values …` with a placeholder `%(name)s` for each column. Raises ValueError (see `checked`)."""
    columns = checked(table, names)
    values = ", ".join(f"%({name})s" for name in columns)
    return f"insert into {table.fullname} ({', '.join(columns)}) values ({values})".encode()  # noqa: S608 - names of declared columns


def copy_sql(table: Table, *names: str) -> bytes:
    """`copy … from stdin` of these columns, in this order, as text. Raises ValueError (see `checked`)."""
    return f"copy {table.fullname} ({', '.join(checked(table, names))}) from stdin".encode()


def columns_sql(table: Table, *names: str, alias: str = "") -> str:
    """The columns for a `select`, each after the alias if there is one. Raises ValueError when the table lacks one."""
    prefix = f"{alias}." if alias else ""
    return ", ".join(f"{prefix}{name}" for name in _known(table, names))


def checked(table: Table, names: tuple[str, ...]) -> tuple[str, ...]:
    """The columns that a new row is given. Raises ValueError when the table lacks one, or when one that needs a value is missing."""
    needed = {column.name for column in table.columns if not column.nullable and column.server_default is None and not column.identity}
    if missing := needed.difference(_known(table, names)):
        raise ValueError(f"a row of {table.name} needs {', '.join(sorted(missing))}")
    return names


def _known(table: Table, names: tuple[str, ...]) -> tuple[str, ...]:
    if unknown := [name for name in names if name not in table.columns]:
        raise ValueError(f"{table.name} has no column {', '.join(unknown)}")
    return names
