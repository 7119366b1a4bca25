"""The law: what create_tables() makes, and what Alembic makes of the metadata, is the same, and each sees that."""

import re

from subjects import Subject

from ferro.migrations import get_metadata


def test_alembic_finds_nothing_to_change_in_what_create_tables_made(family, subject: Subject):
    subject.create_tables()
    assert subject.differences() == []


def test_tables_made_from_the_metadata_are_those_that_create_tables_makes(family, subject: Subject):
    subject.create_tables()
    expected = subject.catalog()
    subject.clear()
    get_metadata().create_all(subject.engine)
    assert subject.catalog() == expected
    subject.create_tables()
    assert subject.catalog() == expected
    assert subject.differences() == []


def test_tables_made_by_a_written_script_are_those_that_create_tables_makes(family, subject: Subject):
    subject.create_tables()
    expected = subject.catalog()
    subject.clear()
    subject.revision()
    subject.upgrade()
    assert subject.catalog() == expected
    subject.create_tables()
    assert subject.catalog() == expected
    again = subject.revision("nothing")
    assert re.findall(r"def (\w+)\(\) -> None:\n.*\n.*\n    pass\n", again) == ["upgrade", "downgrade"]
    subject.upgrade()
    subject.downgrade()
    assert subject.catalog() == {}
