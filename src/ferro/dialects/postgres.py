"""PostgreSQL as facts."""

import sys
import uuid
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from ipaddress import IPv4Address, IPv4Interface, IPv4Network, IPv6Address, IPv6Interface, IPv6Network

from ferro.errors import ModelDefinitionError
from ferro.query.dialect import Dialect, Form
from ferro.query.patterns import containing, ending, starting

MAX_FLOAT = sys.float_info.max

TYPES = {
    "bool": "boolean",
    "int": "bigint",
    "float": "double precision",
    "decimal": "numeric",
    "text": "text",
    "bytes": "bytea",
    "date": "date",
    "time": "time",
    "datetime": "timestamp with time zone",
    "naive_datetime": "timestamp",
    "timedelta": "interval",
    "uuid": "uuid",
    "inet": "inet",
    "json": "jsonb",
}


def typed(kind: str, limits: str = "") -> str:
    """The part of a document if it is of a JSON type: written once, so that its parameters are."""
    return f"jsonb_path_query_first({{0}}, 'strict $ ? (@.type() == \"{kind}\"{limits})')"


# A jsonb has a null of its own; a path has none but SQL's.
DOCUMENTS = {
    "path": Form("NULLIF({0}, 'null')"),
    "step:text": Form("{0} -> CAST({1} AS text)"),
    # A text or number would be a list of one item to ->.
    "step:int": Form(f"{typed('array')} -> CAST({{1}} AS integer)"),
    "cast:json:text": Form(f"({typed('string')} #>> '{{{{}}}}')"),
    "cast:json:decimal": Form(f"CAST({typed('number')} AS numeric)"),
    "cast:json:int": Form(
        f"CAST({typed('number', f' && @ >= {-(2**63)} && @ <= {2**63 - 1} && @.floor() == @')} AS bigint)"
    ),
    "cast:json:float": Form(
        f"CAST({typed('number', f' && @ >= {-MAX_FLOAT} && @ <= {MAX_FLOAT}')} AS double precision)"
    ),
    "cast:json:bool": Form(f"CAST({typed('boolean')} AS boolean)"),
    "json:contains": Form("{0} @> {1}"),
    "json:contained_by": Form("{0} <@ {1}"),
    "json:has_key": Form("{0} ? {1}"),
    "json:has_any_key": Form("{0} ?| CAST({1} AS text[])"),
    "json:has_all_keys": Form("{0} ?& CAST({1} AS text[])"),
    "json:length": Form(
        "jsonb_array_length(CASE jsonb_typeof({0}) WHEN 'array' THEN {0} "
        "WHEN 'object' THEN jsonb_path_query_array({0}, '$.keyvalue()') END)"
    ),
    "json:merge": Form("CASE jsonb_typeof({0}) WHEN 'object' THEN {0} || {1} ELSE {0} END"),
    "json:without": Form("CASE jsonb_typeof({0}) WHEN 'object' THEN {0} - CAST({1} AS text[]) ELSE {0} END"),
}

# How values stand in the JSON of an object, where JSON would round them, or a setting of the session says how they look.
PAIRS = {
    "pair": Form("json_build_array({0}, {1})"),
    "in pair:float": Form("CAST({0} AS text)"),
    "in pair:decimal": Form("CAST({0} AS text)"),
    "in pair:json": Form("CAST({0} AS text)"),
    "in pair:bytes": Form("encode({0}, 'hex')"),
    "in pair:timedelta": Form("CAST(EXTRACT(epoch FROM {0}) * 1000000 AS bigint)"),
    # Its elements are {1}; the ends of a range are {1} and {2}.
    "in pair:array": Form(
        "CASE WHEN {0} IS NOT NULL THEN "
        "(SELECT CAST(COALESCE(json_agg({1}), '[]') AS text) FROM unnest({0}) AS elements(element)) END"
    ),
    "in pair:range": Form(
        "CASE WHEN isempty({0}) THEN '{{\"empty\": true}}' WHEN {0} IS NOT NULL THEN CAST(json_build_object("
        "'lower', {1}, 'upper', {2}, "
        "'bounds', CASE WHEN lower_inc({0}) THEN '[' ELSE '(' END || CASE WHEN upper_inc({0}) THEN ']' ELSE ')' END"
        ") AS text) END"
    ),
}

UNITS = ("year", "quarter", "month", "week", "day", "hour", "minute", "second")
# An instant is calculated with as a UTC clock, whatever time zone the session has, and made one again.
MOMENTS = {
    "clock:timestamptz": Form("{0} AT TIME ZONE 'UTC'"),
    "instant:timestamptz": Form("{0} AT TIME ZONE 'UTC'"),
    **{f"part:{unit}": Form(f"CAST(EXTRACT({unit} FROM {{0}}) AS integer)") for unit in UNITS},
    "part:second": Form("CAST(floor(EXTRACT(second FROM {0})) AS integer)"),
    "part:weekday": Form("CAST(EXTRACT(isodow FROM {0}) AS integer)"),
    **{f"trunc:{unit}": Form(f"date_trunc('{unit}', {{0}})") for unit in UNITS},
    **{f"trunc:{unit}:date": Form(f"CAST(date_trunc('{unit}', CAST({{0}} AS timestamp)) AS date)") for unit in UNITS},
    "moment:+": Form("({0} + {1})"),
    "moment:-": Form("({0} - {1})"),
    # A date looks at whole days, as in Python.
    "moment:+:date:timedelta": Form("({0} + CAST(floor(EXTRACT(epoch FROM {1}) / 86400) AS integer))"),
    "moment:-:date:timedelta": Form("({0} - CAST(floor(EXTRACT(epoch FROM {1}) / 86400) AS integer))"),
    "moment:-:date:date": Form("(CAST({0} AS timestamp) - CAST({1} AS timestamp))"),
}

FORMS = {
    "text": Form("CAST({0} AS text)"),
    # json has no equality; jsonb has.
    "comparable:json": Form("CAST({0} AS jsonb)"),
    "assigned:json:jsonb": Form("CAST({0} AS jsonb)"),
    "assigned:jsonb:json": Form("CAST({0} AS json)"),
    "distinct on": Form("DISTINCT ON ({0})"),
    # For few rows it would read all of another table that is not large, and forget their order.
    "look up": Form("LATERAL (SELECT {0} FROM {1} WHERE {2} LIMIT 1) AS {3} ON TRUE"),
    "//:decimal": Form("div({0}, {1})"),
    "setting": Form("CAST(NULLIF(current_setting({0}, true), '') AS {1})"),
    "divisor": Form("NULLIF({0}, 0)"),
    "like": Form("{0} LIKE {1}"),
    "ilike": Form("{0} ILIKE {1}"),
    "startswith": Form("{0} LIKE {1}", starting),
    "endswith": Form("{0} LIKE {1}", ending),
    "contains": Form("{0} LIKE {1}", containing),
    "like:column": Form("{0} LIKE {1}"),
    "ilike:column": Form("{0} ILIKE {1}"),
    "startswith:column": Form("left({0}, length({1})) = {1}"),
    "endswith:column": Form("right({0}, length({1})) = {1}"),
    "contains:column": Form("strpos({0}, {1}) > 0"),
    # What follows the call of an aggregate is {1}.
    "sum:int": Form("CAST(SUM({0}){1} AS bigint)"),
    "avg:int": Form("CAST(AVG({0}){1} AS double precision)"),
    # Before PostgreSQL 18 these two types have an order, but no smallest and greatest.
    "min:uuid": Form('CAST(MIN(CAST({0} AS text) COLLATE "C"){1} AS uuid)'),
    "max:uuid": Form('CAST(MAX(CAST({0} AS text) COLLATE "C"){1} AS uuid)'),
    "min:bytes": Form("decode(MIN(encode({0}, 'hex') COLLATE \"C\"){1}, 'hex')"),
    "max:bytes": Form("decode(MAX(encode({0}, 'hex') COLLATE \"C\"){1}, 'hex')"),
    "empty:array_agg": Form("COALESCE({0}, '{{}}')"),
    "empty:object_agg": Form("COALESCE(CAST({0} AS text), '[]')"),
    "function:object_agg": Form("json_agg"),
    **PAIRS,
    "cast:float:int": Form("CAST(trunc({0}) AS bigint)"),
    "cast:decimal:int": Form("CAST(trunc({0}) AS bigint)"),
    "cast:bool:int": Form("CAST({0} AS integer)"),
    "cast:int:bool": Form("({0} <> 0)"),
    "cast:datetime:date": Form("CAST({0} AT TIME ZONE 'UTC' AS date)"),
    **DOCUMENTS,
    **MOMENTS,
    "matches": Form("{0} ~ {1}"),
    "imatches": Form("{0} ~* {1}"),
    # These bind no looser than ||.
    "matches:column": Form("{0} ~ ({1})"),
    "imatches:column": Form("{0} ~* ({1})"),
    "array contains": Form("{0} @> {1}"),
    "array contained_by": Form("{0} <@ {1}"),
    "array overlaps": Form("{0} && {1}"),
    "array has": Form("{0} @> ARRAY[{1}]"),
    "array length": Form("cardinality({0})"),
    # Arrays are counted from 1.
    "array item": Form("({0})[{1} + 1]"),
    "array item_from_end": Form("({0})[cardinality({0}) + {1} + 1]"),
    "array concat": Form("({0} || {1})"),
    "array append": Form("array_append({0}, {1})"),
    "array remove": Form("array_remove({0}, {1})"),
    "range contains": Form("{0} @> {1}"),
    "range has": Form("{0} @> {1}"),
    "range contained_by": Form("{0} <@ {1}"),
    "range overlaps": Form("{0} && {1}"),
    "range adjacent_to": Form("{0} -|- {1}"),
    "range left_of": Form("{0} << {1}"),
    "range right_of": Form("{0} >> {1}"),
    "range lower": Form("lower({0})"),
    "range upper": Form("upper({0})"),
    "range is_empty": Form("isempty({0})"),
    # The document, its language, the text, the key, the index and its weights.
    "search": Form("{0} @@ to_tsquery(CAST('{1}' AS regconfig), {2})"),
    "search_rank": Form("CAST(ts_rank({0}, to_tsquery(CAST('{1}' AS regconfig), {2})) AS double precision)"),
}
# An array of arrays has no sides of different lengths, so the arrays of a list travel as their texts.
ELEMENTS = ("boolean", "bigint", "double precision", "numeric", "text", "bytea", "date", "time", "timestamptz")
for element in (*ELEMENTS, "timestamp", "interval", "uuid", "inet", "cidr"):
    FORMS[f"array:{element}[]"] = Form(f"SELECT CAST(given AS {element}[]) FROM unnest(CAST({{0}} AS text[])) AS given")


def quoted(value: object) -> str:
    """A text literal; the E form means the same whatever the server's settings say about backslashes."""
    text = str(value)
    if "\0" in text:
        raise ModelDefinitionError(f"{text!r} cannot be stored: it contains a NUL character")
    body = text.replace("'", "''")
    return "E'" + body.replace("\\", "\\\\") + "'" if "\\" in body else f"'{body}'"


def an_address(value: object) -> str:
    return f"CAST({quoted(value)} AS inet)"


def a_float(value: float) -> str:
    return repr(value) if value - value == 0 else f"CAST('{value}' AS double precision)"


def an_interval(value: timedelta) -> str:
    whole = f"{value.days} days {value.seconds} seconds {value.microseconds} microseconds"
    return f"CAST('{whole}' AS interval)"


def a_datetime(value: datetime) -> str:
    name = TYPES["naive_datetime" if value.tzinfo is None else "datetime"]
    return f"CAST({quoted(value.isoformat())} AS {name})"


postgres = Dialect(
    name="postgresql",
    placeholder="${}",
    arrays=True,
    nulls_are_smallest=False,
    limit_all="",
    row_security=True,
    locks=True,
    updates_in_place=False,
    casts=TYPES,
    bare=TYPES,
    forms=FORMS,
    autoincrement=lambda name: f"{name} GENERATED BY DEFAULT AS IDENTITY",
    inline_autoincrement=False,
    default_keyword="DEFAULT",
    copies=True,
    sends=True,
    rowids=False,
    clock={
        "timestamp": "CAST(now() AT TIME ZONE 'UTC' AS timestamp)",
        "datetime": "now()",
        "naive_datetime": "CAST(now() AT TIME ZONE 'UTC' AS timestamp)",
        "date": "CAST(now() AT TIME ZONE 'UTC' AS date)",
        "time": "CAST(now() AT TIME ZONE 'UTC' AS time)",
    },
    literals={
        bool: lambda value: "TRUE" if value else "FALSE",
        int: int.__repr__,
        float: a_float,
        Decimal: lambda value: format(value, "f"),
        str: lambda value: quoted(str.__str__(value)),
        bytes: lambda value: f"decode('{value.hex()}', 'hex')",
        datetime: a_datetime,
        date: lambda value: f"CAST({quoted(value.isoformat())} AS date)",
        time: lambda value: f"CAST({quoted(value.isoformat())} AS time)",
        timedelta: an_interval,
        uuid.UUID: lambda value: f"CAST('{value}' AS uuid)",
        IPv4Address: an_address,
        IPv6Address: an_address,
        IPv4Interface: an_address,
        IPv6Interface: an_address,
        IPv4Network: an_address,
        IPv6Network: an_address,
    },
)
