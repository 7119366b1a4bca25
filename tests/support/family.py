"""Models that have, between them, everything a table can have."""

import enum
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from ipaddress import IPv4Address, IPv4Network, IPv6Interface
from typing import Annotated, Any, Literal
from uuid import UUID, uuid4

from pydantic import HttpUrl, NaiveDatetime, SecretBytes, SecretStr

from ferro import Check, Field, ForeignKey, ManyToMany, Model, Relation, fn, now, varchar


class Role(enum.StrEnum):
    ADMIN = "admin"
    GUEST = 'it\'s a "guest": 100%'


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2


class Shape(enum.Enum):
    ROUND = 1.5
    FLAT = (0, 1)


class Rights(enum.Flag):
    READ = 1
    WRITE = 2


def define_family() -> None:
    """Define the models; they are registered, and nothing else."""

    class Kinds(Model):
        id: int | None = Field(default=None, primary_key=True)
        a_bool: bool
        an_int: int
        a_float: float
        a_decimal: Decimal
        a_text: str
        some_bytes: bytes
        a_date: date
        a_time: time
        an_instant: datetime
        a_clock: NaiveDatetime
        a_delta: timedelta
        a_uuid: UUID
        an_address: IPv4Address
        an_interface: IPv6Interface
        a_network: IPv4Network
        a_secret: SecretStr
        secret_bytes: SecretBytes
        a_url: HttpUrl
        a_list: list[int]
        a_dict: dict[str, Any]
        a_literal: Literal["a", "b"]
        a_number: Literal[1, 2]
        a_role: Role
        a_level: Level
        a_shape: Shape
        some_rights: Rights

    class Asked(Model):
        id: int | None = Field(default=None, primary_key=True, db_type="int")
        small: int = Field(db_type="smallint")
        middle: int = Field(db_type="int")
        big: int = Field(db_type="bigint")
        short: str = Field(db_type=varchar(80))
        plain: str = Field(db_type="text")
        uuid_text: UUID = Field(db_type="text")
        stamp: datetime = Field(db_type="timestamp")
        zoned: datetime = Field(db_type="timestamptz")
        document: list[int] = Field(db_type="json")
        binary: list[int] = Field(db_type="jsonb")
        anything: int | str = Field(db_type="json")
        role: Role = Field(db_type=varchar(40))
        level: Level = Field(db_type="smallint")

    class Maybe(Model):
        id: UUID = Field(default_factory=uuid4, primary_key=True)
        number: int | None = None
        text: str | None = None
        price: Decimal | None = None
        role: Role | None = None
        forced: int = Field(default=1, nullable=True)

    class Defaults(Model):
        code: str = Field(primary_key=True)
        a_bool: bool = Field(db_default=True)
        an_int: int = Field(db_default=-5)
        a_float: float = Field(db_default=1.5)
        a_decimal: Decimal = Field(db_default=Decimal("10.50"))
        a_text: str = Field(db_default='it\'s :a "text" \\ 100% {0} $1 ?')
        a_short: str = Field(db_default="", db_type=varchar(3))
        some_bytes: bytes = Field(db_default=b"\0\xff")
        a_date: date = Field(db_default=date(2020, 1, 2))
        a_time: time = Field(db_default=time(3, 4, 5))
        an_instant: datetime = Field(db_default=now)
        a_stamp: datetime = Field(db_default=now, db_type="timestamp")
        a_clock: NaiveDatetime = Field(db_default=now)
        today: date = Field(db_default=now)
        a_delta: timedelta = Field(db_default=timedelta(days=1, seconds=2))
        a_uuid: UUID = Field(db_default=UUID(int=7))
        an_address: IPv4Address = Field(db_default=IPv4Address("10.0.0.1"))
        a_list: list[int] = Field(db_default=[1, 2])
        a_role: Role = Field(db_default=Role.GUEST)
        a_level: Level = Field(db_default=Level.HIGH)
        a_call: str = Field(db_default=fn.upper("x%"))
        maybe: int | None = Field(default=None, db_default=3)

    class Person(Model):
        __ferro_composite_uniques__ = (("first", "last"), ("last", "born"))
        __ferro_composite_indexes__ = (("born", "first"),)
        __ferro_checks__ = (
            Check("adult", lambda p: p.age >= 18),
            Check("named", lambda p: (p.first != 'it\'s :a "%" \\ {0}') & ~p.last.in_(["", "none"])),
            Check("priced", lambda p: (p.wage >= Decimal("0.50")) | p.wage.in_([None])),
        )

        id: int | None = Field(default=None, primary_key=True)
        first: str
        last: str
        email: str = Field(unique=True)
        age: int
        born: date = Field(index=True)
        wage: Decimal | None = None
        role: Role = Field(db_check=True)
        level: Level = Field(db_check=True, index=True)
        order: int = Field(column='Or"der %s :x .')
        lock: int = Field(version=True)
        boss: Annotated["Person | None", ForeignKey(on_delete="SET NULL")] = None

    class Place(Model):
        __ferro_table__ = "Order"

        country: str = Field(primary_key=True, db_type=varchar(2))
        number: int = Field(primary_key=True)
        name: str = Field(column="select")

    class Book(Model):
        id: int = Field(primary_key=True, autoincrement=False)
        author: Annotated[Person, ForeignKey(index=True)]
        editor: Annotated[Person | None, ForeignKey(on_delete="SET NULL", on_update="CASCADE")] = None
        seller: Annotated[Person, ForeignKey(on_delete="RESTRICT", on_update="RESTRICT")]
        reader: Annotated[Person, ForeignKey(on_delete="NO ACTION", on_update="NO ACTION")]
        owner: Annotated[Person | None, ForeignKey(on_delete="SET DEFAULT", on_update="SET NULL")] = None
        place: Annotated[Place, ForeignKey()]
        shelf: Annotated[Place | None, ForeignKey(unique=True, on_delete="SET NULL")] = None
        kind: Annotated[Maybe, ForeignKey(unique=True)]
        tags: Relation[list["Tag"]] = ManyToMany(related_name="books", reverse_index=True)
        places: Relation[list[Place]] = ManyToMany(related_name="books", through="sold_at")
        sequels: Relation[list["Book"]] = ManyToMany(related_name="prequels")

    class Card(Model):
        person_id: int = Field(primary_key=True)
        person: Annotated[Person, ForeignKey(unique=True)]

    class Tag(Model):
        name: str = Field(primary_key=True)

    class Egg(Model):
        id: int | None = Field(default=None, primary_key=True)
        hen: Annotated["Hen | None", ForeignKey()] = None

    class Hen(Model):
        id: int | None = Field(default=None, primary_key=True)
        egg: Annotated[Egg, ForeignKey(unique=True)]
        place: Annotated[Place | None, ForeignKey(index=True)] = None

    class Accented(Model):
        __ferro_table__ = "a_table_with_a_name_that_is_long"

        id: int | None = Field(default=None, primary_key=True)
        first: int = Field(unique=True, column="é" * 31)
        second: int = Field(index=True, column="ü" * 25 + " x")

    class AVeryLongNameThatLeavesHardlyAnyRoomForColumnsAndTheirKeys(Model):
        __ferro_composite_uniques__ = (("first", "second"),)

        id: int | None = Field(default=None, primary_key=True)
        first: int = Field(index=True)
        second: int
