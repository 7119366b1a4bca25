"""What a many-to-many relation goes through: a model, or a table of nothing but keys."""

from typing import Annotated, Any

import pytest

from ferro.dialects import sqlite
from ferro.errors import ModelDefinitionError
from ferro.fields import BackRef, Field, ForeignKey, ManyToMany, ManyToManyField, RelationMark
from ferro.model import ModelBase
from ferro.operations.schema import create_tables, with_links
from ferro.schema.registry import forget_models, table_of
from ferro.schema.relations import check_every_relation

Relation = RelationMark


@pytest.fixture(autouse=True)
def forgotten():
    """Leave no model behind."""
    forget_models()
    yield
    forget_models()


class Base(ModelBase):
    __ferro_abstract__ = True

    id: int | None = Field(default=None, primary_key=True)


def tables_of(*models: type) -> list[str]:
    return sorted(with_links({table_of(model).name: table_of(model) for model in models}))


def fields_between(model: type, relation: str) -> tuple[list[str], list[str], Any]:
    link = table_of(model).relations[relation].link
    return [column.field for column in link.near], [column.field for column in link.far], link.model


def test_the_rows_of_a_class_are_the_links():
    class Club(Base):
        players: Relation[list["Player"]] = BackRef()

    class Contract(Base):
        club: Annotated[Club, ForeignKey()]
        player: Annotated["Player", ForeignKey()]

    class Player(Base):
        clubs: Relation[list[Club]] = ManyToMany(related_name="players", through=Contract)

    check_every_relation()
    assert fields_between(Player, "clubs") == (["player_id"], ["club_id"], Contract)
    assert fields_between(Club, "players") == (["club_id"], ["player_id"], Contract)
    assert table_of(Player).relations["clubs"].link.table is table_of(Contract)
    assert tables_of(Club, Player, Contract) == ["club", "contract", "player"]


THROUGH: list[Any] = [
    ManyToMany(related_name="players", through="Contract"),
    ManyToManyField("players", "Contract"),
    Field(many_to_many=True, related_name="players", through="Contract", through_fields=("player", "club")),
]


@pytest.mark.parametrize("marker", THROUGH)
def test_a_name_is_a_model_that_may_be_declared_later(marker):
    class Player(Base):
        clubs: Relation[list["Club"]] = marker

    class Club(Base):
        pass

    if marker.through_fields is None:
        assert fields_between(Player, "clubs") == (["player_id"], ["club_id"], None)
        assert table_of(Player).relations["clubs"].link.table.name == "Contract"

    class Contract(Base):
        club: Annotated[Club, ForeignKey()]
        player: Annotated[Player, ForeignKey()]

    assert fields_between(Player, "clubs") == (["player_id"], ["club_id"], Contract)
    assert tables_of(Club, Player) == ["club", "player"]


def test_a_relation_to_its_own_model_says_which_side_is_which():
    class Person(Base):
        follows: Annotated[
            list["Person"], ManyToManyField("followers", through="Follow", through_fields=("by", "whom"))
        ] = None
        followers: BackRef[list["Person"]] | None = None

    class Follow(Base):
        whom: Annotated[Person, ForeignKey()]
        by: Annotated[Person, ForeignKey()]

    assert fields_between(Person, "follows") == (["by_id"], ["whom_id"], Follow)
    assert fields_between(Person, "followers") == (["whom_id"], ["by_id"], Follow)


def declared(marker: Any, **keys: Any) -> None:
    """Declare a many-to-many relation from Side to Other, through Between with these foreign keys."""

    class Side(Base):
        others: Relation[list["Other"]] = marker

    class Other(Base):
        pass

    targets: dict[str, Any] = {"Side": Side, "Other": Other}
    annotations = {name: Annotated[targets[target], ForeignKey()] for name, target in keys.items()}
    body: dict[str, Any] = {"__module__": __name__, "__qualname__": "Between", "__annotations__": annotations}
    type(Base)("Between", (Base,), body)
    check_every_relation()


def marked(**options: Any) -> Any:
    return ManyToMany(related_name="sides", **options)


MISTAKES: list[Any] = [
    (
        marked(through="Between"),
        {"side": "Side"},
        "Side.others goes through Between, which has no foreign key to Other: a link needs one for each side, such as other: Annotated[Other, ForeignKey()]",
    ),
    (
        marked(through="Between"),
        {"side": "Side", "a": "Other", "b": "Other"},
        'Side.others goes through Between, which has several foreign keys to Other (a, b): choose with through_fields=, that to Side first, such as through_fields=("side", "a")',
    ),
    (
        marked(through="Between", through_fields=("side", "c")),
        {"side": "Side", "a": "Other", "b": "Other"},
        "Side.others: through_fields= names 'c', which is no foreign key of Between to Other; those are a, b",
    ),
    (
        marked(through="Between", through_fields=("a", "side")),
        {"side": "Side", "a": "Other"},
        "Side.others: through_fields= names 'a', which is no foreign key of Between to Side; those are side",
    ),
    (
        marked(through="Between", through_fields=("id", "a")),
        {"a": "Other"},
        "Side.others: through_fields= names 'id', which is no foreign key of Between to Side; those are none",
    ),
    (
        marked(through="pairs", through_fields=("a", "b")),
        {},
        "Side.others: through_fields= chooses foreign keys of a model, and there is no model 'pairs': define it, or import the module that does",
    ),
    (
        marked(through="Between", reverse_index=True),
        {"side": "Side", "other": "Other"},
        "Side.others: reverse_index= makes an index in a table of nothing but keys; Between declares its own, with ForeignKey(index=True) or __ferro_composite_indexes__",
    ),
    (
        marked(through="between"),
        {"side": "Side", "other": "Other"},
        "Side.others: through='between' is the table of the model Between: pass the class, through=Between, and its rows are the links",
    ),
    (
        marked(through="BETWEEN"),
        {"side": "Side", "other": "Other"},
        "Side.others: through='BETWEEN' is the table of the model Between: pass the class, through=Between, and its rows are the links",
    ),
    (
        marked(through="\ud800"),
        {},
        "Side.others: a table is named by 1 to 63 bytes of text, not '\\ud800'; choose another name with through=\"...\"",
    ),
    (
        marked(through=""),
        {},
        "Side.others: a table is named by 1 to 63 bytes of text, not ''; choose another name with through=\"...\"",
    ),
]


@pytest.mark.parametrize(("marker", "keys", "message"), MISTAKES)
def test_what_a_relation_cannot_go_through(marker, keys, message):
    with pytest.raises(ModelDefinitionError) as error:
        declared(marker, **keys)
    assert str(error.value) == message


def edges(**keys: Any) -> None:
    """Declare a relation from Node to itself, through Edge with these foreign keys."""

    class Node(Base):
        near: Relation[list["Node"]] = ManyToMany(related_name="nearby", through="Edge")

    annotations = {name: Annotated[Node, ForeignKey()] for name in keys}
    body: dict[str, Any] = {"__module__": __name__, "__qualname__": "Edge", "__annotations__": annotations}
    type(Base)("Edge", (Base,), body)
    check_every_relation()


def test_a_model_with_one_key_to_itself_links_nothing_and_one_with_two_needs_a_choice():
    with pytest.raises(
        ModelDefinitionError, match="^Node.near goes through Edge, which has one foreign key, a, to Node: a link needs"
    ):
        edges(a=True)
    with pytest.raises(
        ModelDefinitionError, match=r'several foreign keys to Node \(a, b\).*through_fields=\("a", "b"\)$'
    ):
        edges(a=True, b=True)


OPTIONS: list[Any] = [
    ({"through": 3}, "through= takes a model, its name or that of a table, not 3"),
    ({"through": int}, "through=int is not a ferro model: inherit from ferro.Model"),
    ({"through_fields": ("a", "b")}, "through_fields= chooses foreign keys of a model: name it with through="),
    (
        {"through": "X", "through_fields": ("a", "a")},
        "through_fields= names 'a' twice: a link has a foreign key for each",
    ),
    (
        {"through": "X", "through_fields": ["a", "b"]},
        "through_fields= takes the names of two foreign keys, that to this",
    ),
    ({"through": "X", "through_fields": ("a",)}, "through_fields= takes the names of two foreign keys, that to this"),
    ({"related_name": "no name"}, "a many-to-many relation: related_name= is the name of the field of the other model"),
]


@pytest.mark.parametrize(("options", "message"), OPTIONS)
def test_options_that_mean_nothing_are_refused_where_they_are_written(options, message):
    with pytest.raises(ModelDefinitionError) as error:
        ManyToMany(**{"related_name": "back", **options})
    assert str(error.value).startswith(message)


def test_a_column_of_a_link_table_that_would_be_cut_off_is_refused():
    class Song(Base):
        __ferro_table__ = "s" * 61
        tags: Relation[list["Tag"]] = ManyToMany(related_name="songs", through="song_tags")

    class Tag(Base):
        pass

    with pytest.raises(
        ModelDefinitionError, match=r"^Song\.tags: the table 'song_tags' would have a column 's{61}_id', and"
    ):
        check_every_relation()


def test_a_link_table_is_not_that_of_a_model_by_chance():
    class Song(Base):
        tags: Relation[list["Tag"]] = ManyToMany(related_name="songs")

    class Tag(Base):
        pass

    assert table_of(Song).relations["tags"].link.table.name == "song_tags"

    class Other(Base):
        __ferro_table__ = "song_tags"

    with pytest.raises(ModelDefinitionError) as error:
        check_every_relation()
    assert str(error.value) == (
        "Song.tags is kept in a table 'song_tags', and so is the model Other: choose another name with through=, or let "
        "its rows be the links with through=Other"
    )
    with pytest.raises(
        ModelDefinitionError, match="Song.tags is kept in a table 'song_tags', and so is the model Other"
    ):
        create_tables([table_of(model) for model in (Song, Tag, Other)], sqlite)


def test_two_relations_may_share_a_table_of_the_same_columns_only():
    class Tag(Base):
        songs: Relation[list["Song"]] = ManyToMany(related_name="labels", through="labelled")
        films: Relation[list["Film"]] = ManyToMany(related_name="tags", through="tagged")

    class Song(Base):
        tags: Relation[list[Tag]] = ManyToMany(related_name="tunes", through="labelled")
        near: Relation[list["Song"]] = ManyToMany(related_name="nearby", through="tagged")

    class Film(Base):
        pass

    tag, song = table_of(Tag), table_of(Song)
    with pytest.raises(
        ModelDefinitionError, match="^Tag.films and Song.near would both be kept in the table 'tagged', with"
    ):
        create_tables([tag, song], sqlite)
    assert sorted(with_links({"tag": tag})) == ["labelled", "tag", "tagged"]


def test_a_way_back_belongs_to_one_relation():
    class Author(Base):
        books: Relation[list["Book"]] = BackRef()

    class Book(Base):
        author: Annotated[Author, ForeignKey(related_name="books")]
        editor: Annotated[Author, ForeignKey(related_name="books")]

    with pytest.raises(ModelDefinitionError) as error:
        check_every_relation()
    assert str(error.value) == (
        "Author.books would be the way back of Book.author and of Book.editor: give each a related_name= of its own"
    )


def test_a_column_may_be_declared_before_the_model_it_leads_to():
    class Leaf(Base):
        tree: Annotated["Tree", ForeignKey()]
        tree_id: int | None = None

    assert Leaf().tree_id is None

    class Tree(Base):
        pass

    (key,) = table_of(Leaf).foreign_keys
    assert (key.name, key.target) == ("fk_leaf_tree_id_tree", table_of(Tree))
