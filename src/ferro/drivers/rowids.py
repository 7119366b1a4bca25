"""Which keys of a SQLite file are rowids: those the driver knows without asking, `sqlite3_last_insert_rowid()`."""

import sqlite3

# A key is the rowid itself if it was declared INTEGER and is the whole primary key of a table: any other primary key
# has an index of its own, and so has that of a table without rowids (sqlite.org/lang_createtable.html#rowid).
LOOK = """
SELECT max(name) = :column COLLATE NOCASE
       AND NOT EXISTS (SELECT 1 FROM pragma_index_list(:table) WHERE origin = 'pk')
FROM pragma_table_info(:table) WHERE pk
"""


class Rowids:
    """What one connection has seen of its tables.

    Others can change them meanwhile. An INSERT that changed no row is the reason to look again: that is what one into
    a view does.
    """

    def __init__(self) -> None:
        self.seen: dict[tuple[str, str], bool] = {}

    def forget(self) -> None:
        """Look again: the tables may be others by now."""
        self.seen.clear()

    def has(self, key: tuple[str, str], raw: sqlite3.Connection) -> bool:
        """Whether the column of this table, a name each, is the rowid of its rows."""
        seen = self.seen.get(key)
        if seen is None:
            table, column = key
            ((found,),) = raw.execute(LOOK, {"table": table, "column": column})
            self.seen[key] = seen = bool(found)
        return seen

    def has_seen(self, key: tuple[str, str]) -> bool:
        """The same, as it was last seen."""
        return self.seen.get(key, False)
