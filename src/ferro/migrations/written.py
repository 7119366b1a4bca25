"""What SQLAlchemy has no word for: types by the names ferro gives them, and SQL that each database has its own."""

import re
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import CompileError
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.types import TypeEngine, UserDefinedType

from ferro.dialects import DIALECTS
from ferro.errors import ModelDefinitionError
from ferro.query.sqltext import must_be_sendable

TYPE_NAME = re.compile(r"[A-Za-z_]\w*(?: [A-Za-z_]\w*)*(?:\(\d+(?:, ?\d+)?\))?(?: [A-Za-z_]\w*)*(?:\[\])*", re.ASCII)


class Declared(UserDefinedType[Any]):
    """A column type by its name: `Declared("decimal_text")` is what ferro calls exact decimals on SQLite."""

    cache_ok = True

    def __init__(self, name: str) -> None:
        if not TYPE_NAME.fullmatch(name):
            raise ModelDefinitionError(
                f"a column type is named by words, such as decimal_text, varchar(80) or bigint[], not {name!r}"
            )
        self.name = name

    def get_col_spec(self, **_: object) -> str:
        return self.name

    def __repr__(self) -> str:
        return f"Declared({self.name!r})"


class Labels(sa.Enum):
    """An enumeration in a column of texts or numbers: its name and labels for who reads the metadata."""

    def __init__(self, name: str, labels: tuple[str, ...], kept: TypeEngine[Any]) -> None:
        super().__init__(*labels, name=name, native_enum=False, create_constraint=False, length=max(map(len, labels)))
        self.kept = kept

    def copy(self, **_: object) -> "Labels":
        return Labels(str(self.name), tuple(self.enums), self.kept)

    def adapt(self, cls: Any, **_: object) -> Any:
        # Whatever the database has for enumerations: this is none of it.
        return self.copy()

    def __repr__(self) -> str:
        return f"Labels({self.name!r}, {tuple(self.enums)!r}, {self.kept!r})"


class DialectSql(sa.ColumnElement[Any]):
    """SQL that each database has in its own words: `DialectSql(sqlite="1", postgresql="TRUE")`.

    A text given without a name is for all of them.
    """

    inherit_cache = False

    def __init__(self, text: str | None = None, **texts: str) -> None:
        for dialect in texts:
            if dialect not in DIALECTS:
                raise ModelDefinitionError(f"DialectSql has words for {' and '.join(DIALECTS)}, not for {dialect!r}")
        for sql in (text, *texts.values()):
            if sql is not None:
                must_be_sendable(sql, "the SQL")
        self.text = text
        self.texts: Mapping[str, str] = texts

    def of(self, dialect: str) -> str:
        """The words of one database, without anything a driver wants escaped."""
        text = self.texts.get(dialect, self.text)
        if text is None:
            raise CompileError(f"{dialect} has no words for it: {self!r}")
        return text

    def __repr__(self) -> str:
        given = [] if self.text is None else [repr(self.text)]
        return f"DialectSql({', '.join([*given, *(f'{name}={text!r}' for name, text in self.texts.items())])})"


def write_sql(element: DialectSql, compiler: Any, **_: object) -> str:
    # A percent sign means something to some drivers, which the compiler knows.
    return compiler.post_process_text(element.of(compiler.dialect.name))


def write_labels(element: Labels, compiler: Any, **kw: Any) -> str:
    return compiler.process(element.kept, **kw)


compiles(DialectSql)(write_sql)
compiles(Labels)(write_labels)
