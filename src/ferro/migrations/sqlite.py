"""What a SQLite connection must know to read and check the rows of ferro's tables."""

from typing import Any

from sqlalchemy import Engine, event

from ferro.dialects.sqlite import AGGREGATES, COLLATIONS, FUNCTIONS


def teach(engine: Engine) -> Engine:
    """Let an engine's connections know the functions and collations that ferro's SQLite tables name in their checks.

    Copying a table, which is how SQLite alters one, needs them. On PostgreSQL there is nothing to teach.
    """
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", teach_connection)
    return engine


def teach_connection(connection: Any, _record: object) -> None:
    for function in FUNCTIONS:
        connection.create_function(
            function.name, function.nargs, function.function, deterministic=function.deterministic
        )
    for aggregate in AGGREGATES:
        register = connection.create_window_function if aggregate.window else connection.create_aggregate
        register(aggregate.name, aggregate.nargs, aggregate.factory)
    for collation in COLLATIONS:
        connection.create_collation(collation.name, collation.compare)
