"""Every cache is bounded and has counters that a user can look at."""

import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import ferro.sync
from ferro import Field, Model, cache_info, raw
from ferro.dialects import sqlite
from ferro.query.compiler import compile


class CachedShelf(Model):
    id: int | None = Field(default=None, primary_key=True)
    name: str


def test_the_second_query_of_a_shape_is_a_hit(database_url):
    with ferro.sync.connect(database_url, default=False) as database:
        database.create_tables(CachedShelf)
        database.query(CachedShelf).where(lambda s: s.name == "top").all()
        before = cache_info()["statements"]
        database.query(CachedShelf).where(lambda s: s.name == "bottom").all()
        after = cache_info()["statements"]
    assert (after.hits - before.hits, after.misses - before.misses) == (1, 0)


def test_what_is_done_again_is_a_hit_in_the_cache_of_its_kind(database_url):
    names = ("inserts", "gets", "saves", "deletes", "instances", "rows", "bulk inserts")
    with ferro.sync.connect(database_url, default=False) as database:
        database.create_tables(CachedShelf)

        def everything():
            shelf = database.get(CachedShelf, database.create(CachedShelf, name="top").id)
            shelf.name = "bottom"
            database.save(shelf)
            database.delete(shelf)
            database.query(CachedShelf).select("id", "name").all()
            database.bulk_create(CachedShelf, [CachedShelf(name="a"), CachedShelf(name="b")])
            database.query(CachedShelf).all()

        everything()
        before = cache_info()
        everything()
        after = cache_info()
    assert {name: after[name].misses - before[name].misses for name in names} == dict.fromkeys(names, 0)
    assert [name for name in names if after[name].hits == before[name].hits] == []


def shape(number):
    """A query whose SQL no other number has."""
    return CachedShelf.where(lambda s: s.id > raw(f"({number} + {{}})", 1)).select_statement()


def test_three_thousand_shapes_stay_within_the_bound_and_are_right_whatever_the_threads_do():
    before = cache_info()["statements"]

    def sql_of(number):
        return compile(shape(number), sqlite).sql

    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(sql_of, [number for number in range(3000) for _ in range(2)]))
    assert all(f"({at // 2} + ?)" in sql for at, sql in enumerate(found))
    after = cache_info()["statements"]
    assert after.misses - before.misses >= 3000
    # Each of the threads may put one plan more into a generation that has just been filled.
    assert 1024 <= after.size <= after.maxsize + 2 * 8
    assert after.maxsize == 2048


def test_every_cache_has_a_bound_and_a_name_of_its_own():
    house = Path(ferro.__file__).parent
    texts = {path: path.read_text(encoding="utf-8") for path in sorted(house.rglob("*.py"))}
    made = [(path.name, line) for path, text in texts.items() for line in re.findall(r".*\n@(?:lru_)?cache\b.*", text)]
    assert [one for one in made if not re.fullmatch(r'@informing\("[\w ]+"\)\n@lru_cache\(maxsize=\d+\)', one[1])] == []
    names = re.findall(r'informing\("([\w ]+)"\)', "".join(texts.values()))
    assert len(set(names)) == len(names) == len(made) + 1
    assert set(cache_info()) <= set(names)
    assert all(info.maxsize > 0 for info in cache_info().values())
