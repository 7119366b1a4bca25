"""What is done along relations in a session is what is done without one: the same answers, errors and rows."""

from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Annotated, Any, TypeAlias

from hypothesis import given, note, settings
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from ferro.errors import FerroError
from ferro.fields import BackRef, Field, ForeignKey, ManyToMany
from ferro.instance.state import changed_fields
from ferro.schema.registry import active, declared
from ferro.sync import Database, Model, Relation, session


class Band(Model):
    id: int = Field(primary_key=True)
    name: str = ""
    songs: Relation[list["Song"]] = BackRef()
    genres: Relation[list["Genre"]] = ManyToMany(related_name="bands")


class Song(Model):
    id: int = Field(primary_key=True)
    title: str = Field(default="", unique=True)
    band: Annotated[Band | None, ForeignKey(related_name="songs", on_delete="SET NULL")] = None
    version: int = Field(default=1, version=True)


class Genre(Model):
    id: int = Field(primary_key=True)
    bands: Relation[list[Band]] = BackRef()


MODELS = (Band, Song, Genre)

# Other tests, which create all tables there are, need not know of them.
for model in MODELS:
    for known in (declared, active):
        known.pop(model.__name__)


class Trouble(Exception):
    """What a block raises by itself."""


@dataclass(frozen=True)
class Do:
    """One call about a band, with keys and a text to use in it."""

    verb: str
    band: int
    keys: tuple[int, ...]
    text: str


@dataclass(frozen=True)
class Block:
    """Steps in a transaction, or in a savepoint; one that fails is survived by those around it."""

    steps: tuple["Step", ...]
    fails: bool


Step: TypeAlias = Do | Block

VERBS = (
    "band", "song", "genre", "get", "get song", "all", "include", "include back", "load", "siblings", "load many",
    "songs", "genres", "count", "add", "remove", "set", "clear", "create", "link", "unlink", "relink", "link new",
    "rename", "retitle", "move", "refresh", "delete", "delete song", "rename all", "update of", "delete of",
)  # fmt: skip

numbers = st.integers(1, 3)
calls = st.builds(
    Do,
    st.sampled_from(VERBS),
    numbers,
    st.lists(numbers, min_size=1, max_size=2, unique=True).map(tuple),
    st.sampled_from("xyz"),
)


def blocks(steps: SearchStrategy[Step]) -> SearchStrategy[Step]:
    return st.builds(Block, st.lists(steps, max_size=4).map(tuple), st.booleans())


steps = st.recursive(calls, blocks, max_leaves=8)


def facts(found: Any) -> Any:
    """What an answer says, whatever objects it is made of: with what was included."""
    if isinstance(found, Model):
        return found.model_dump()
    return list(map(facts, found)) if isinstance(found, list | tuple) else found


class Program:
    """Runs steps, and writes down what each has shown. Objects are kept, so that a map finds them again."""

    def __init__(self, db: Database) -> None:
        self.db = db
        self.kept: list[Any] = []
        self.shown: list[Any] = []

    def run(self, todo: list[Step]) -> None:
        for step in todo:
            try:
                if isinstance(step, Block):
                    with self.db.transaction():
                        self.run(list(step.steps))
                        if step.fails:
                            raise Trouble
                else:
                    answer = self.call(step)
                    self.kept.append(answer)
                    self.shown.append(facts(answer))
            except FerroError as error:
                self.shown.append(type(error).__name__)
            except Trouble:
                self.shown.append("undone")

    def call(self, do: Do) -> Any:
        db, key = self.db, do.keys[0]
        bands, songs = db.query(Band).order_by("id"), db.query(Song).order_by("id")
        match do.verb:
            case "band":
                return db.create(Band, id=do.band, name=do.text)
            case "song":
                return db.create(Song, id=key, title=f"{do.text}{key}", band=db.get(Band, do.band))
            case "genre":
                return db.bulk_create(Genre, [Genre(id=one) for one in do.keys])
            case "get":
                return db.get(Band, do.band)
            case "get song":
                return db.get_or_none(Song, key)
            case "all":
                return [bands.all(), songs.all()]
            case "include":
                found = bands.include("songs", "genres").all()
                return [[band, sorted(s.id for s in band.songs), sorted(g.id for g in band.genres)] for band in found]
            case "include back":
                return [[song, song.band] for song in songs.include("band").all()]
            case "siblings":
                found = songs.all()
                return [[song, db.load(song, lambda s: s.band)] for song in found]
            case "rename all":
                return bands.where(lambda b: b.id <= do.band).update(name=do.text)
            case "load many":
                found = bands.all()
                db.load_many(found, "songs.band", "genres")
                return [
                    [band, [[song, song.band] for song in sorted(band.songs, key=lambda s: s.id)]] for band in found
                ]
            case "load" | "retitle" | "move" | "delete song":
                return self.change_song(db.get(Song, key), do)
            case _:
                return self.change(db.get(Band, do.band), do)

    def change_song(self, song: Song, do: Do) -> Any:
        match do.verb:
            case "load":
                return [song, self.db.load(song, lambda s: s.band)]
            case "retitle":
                song.title = do.text
            case "move":
                song.band = self.db.get(Band, do.band)
            case _:
                return self.db.delete(song)
        return self.saved(song)

    def change(self, band: Band, do: Do) -> Any:
        db = self.db
        songs, genres = db.query(band.songs).order_by("id"), db.query(band.genres).order_by("id")
        given_songs = [db.get_or_none(Song, key) or key for key in do.keys]
        match do.verb:
            case "songs":
                return songs.all()
            case "genres":
                return genres.all()
            case "count":
                return [songs.count(), band.genres.count()]
            case "add":
                return db.query(band.songs).add(*given_songs)
            case "remove":
                return db.query(band.songs).remove(*given_songs)
            case "set":
                return db.query(band.songs).set(*given_songs)
            case "clear":
                db.query(band.songs).clear()
                return db.query(band.genres).clear()
            case "create":
                return db.query(band.songs).create(id=do.keys[0], title=do.text)
            case "link":
                return db.query(band.genres).add(*do.keys, ignore_existing=do.text == "x")
            case "unlink":
                return db.query(band.genres).remove(*do.keys)
            case "relink":
                return db.query(band.genres).set(*do.keys)
            case "link new":
                return db.query(band.genres).create(id=do.keys[0])
            case "update of":
                return songs.where(lambda s: s.id > do.keys[0]).update(band=None)
            case "delete of":
                return songs.where(lambda s: s.id == do.keys[0]).delete()
            case "delete":
                return db.delete(band)
            case "refresh":
                db.refresh(band)
                return band
            case _:
                band.name = do.text
                return self.saved(band)

    def saved(self, instance: Any) -> Any:
        try:
            self.db.save(instance)
        except FerroError:
            # What could not be saved stays as an edit, and only in a session would the next read show it.
            for name, value in changed_fields(instance).items():
                setattr(instance, name, value)
            raise
        return instance


def outcome(db: Database, todo: list[Step], *, inside: bool) -> tuple[list[Any], ...]:
    for name in ("band_genres", *(model.__name__.lower() for model in (Song, Band, Genre))):
        db.execute(f"DELETE FROM {name}")
    program = Program(db)
    with session(db) if inside else nullcontext():
        program.run(todo)
    links = sorted((one["band_id"], one["genre_id"]) for one in db.fetch_all("SELECT * FROM band_genres"))
    return program.shown, links, *(facts(db.query(model).order_by("id").all()) for model in MODELS)


@settings(max_examples=50)
@given(todo=st.lists(steps, max_size=12))
def test_a_session_changes_nothing_that_is_read_or_written_along_relations(
    databases: Mapping[str, Database], todo: list[Step]
):
    seeded: list[Step] = [Do("band", 1, (1,), "x"), Do("band", 2, (1,), "y"), Do("genre", 1, (1, 2), "x")]
    seeded += [Do("song", 1, (1,), "a"), Do("song", 1, (2,), "b"), Do("song", 2, (3,), "c")]
    for name, db in databases.items():
        note(name)
        db.create_tables(*MODELS)
        assert outcome(db, [*seeded, *todo], inside=True) == outcome(db, [*seeded, *todo], inside=False)
