"""What a session or a connection is given as text is a value, a checked name, or an error."""

import re
from collections.abc import Mapping

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from statements import sent

from ferro import OptionError, QueryError
from ferro.sync import Database, connect, session

from .strategies import texts

ASK = "SELECT current_setting('app.tenant') AS tenant"
PLAIN_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_$]*(\.[A-Za-z_][A-Za-z0-9_$]*)+", re.ASCII)
HOSTILE = ["'; DROP TABLE guest; --", "$1; SELECT 1", "\\'; --", "app.x', 'y', false); --", "%s", "\n", "app.x; --"]
hostile = st.sampled_from(HOSTILE) | texts()


@settings(max_examples=500)
@given(value=hostile)
def test_the_value_of_a_setting_never_changes_the_sql(databases: Mapping[str, Database], value: str):
    assume("\0" not in value and not re.search("[\ud800-\udfff]", value))
    if (db := databases.get("postgres")) is None:
        return
    texts_sent: list[list[str]] = []
    for given_value in ("7", value):
        with sent() as found, session(db, settings={"app.tenant": given_value}):
            assert db.fetch_one(ASK) == {"tenant": given_value}
        texts_sent.append(found)
    assert texts_sent[0] == texts_sent[1] == ["SELECT set_config($1, $2, true)", ASK]


@settings(max_examples=500)
@given(name=hostile)
def test_a_hostile_name_of_a_setting_or_a_connection_is_refused(name: str):
    if not PLAIN_NAME.fullmatch(name):
        with pytest.raises(QueryError, match="is no name of a setting"):
            session(settings={name: "7"})
    if not re.fullmatch("[A-Za-z0-9_]+", name):
        with pytest.raises(OptionError, match="a connection cannot be named"):
            connect("sqlite::memory:", name=name)
