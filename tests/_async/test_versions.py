"""Optimistic locking: what someone else has changed is not overwritten."""

import pytest
from statements import sent

from ferro import AsyncDatabase, Field, Model, ModelDefinitionError, ModelDoesNotExist, QueryError, StaleObjectError


class Parcel(Model):
    id: int | None = Field(default=None, primary_key=True)
    code: str = Field(unique=True)
    weight: int = 0
    version: int = Field(version=True)


@pytest.fixture
async def parcel(database: AsyncDatabase) -> Parcel:
    await database.create_tables(Parcel)
    return await Parcel.create(code="a")


async def test_each_save_counts_one_version(parcel: Parcel) -> None:
    assert parcel.version == 1
    for weight in (1, 2):
        parcel.weight = weight
        await parcel.save()
    await parcel.save()
    assert parcel.version == 3
    assert await Parcel.get(1) == parcel
    with sent() as statements:
        parcel.weight = 9
        await parcel.save()
    assert statements[0].startswith('UPDATE "parcel" SET "weight"=')
    assert '"version"' in statements[0]


async def test_a_stale_row_is_not_saved(parcel: Parcel) -> None:
    mine, theirs = await Parcel.get(1), await Parcel.get(1)
    theirs.weight = 5
    await theirs.save()
    mine.code = "b"
    with pytest.raises(StaleObjectError) as caught:
        await mine.save()
    assert str(caught.value) == (
        "Save failed: Parcel 1 was changed by someone else since it was read as version 1; refresh() it and try again"
    )
    assert (caught.value.model, caught.value.pk) == (Parcel, 1)
    await mine.refresh()
    mine.code = "b"
    await mine.save()
    assert (await Parcel.get(1)) == Parcel(id=1, code="b", weight=5, version=3)


async def test_a_stale_row_is_not_deleted(parcel: Parcel) -> None:
    await Parcel.where(lambda p: p.id == 1).update(weight=5)
    with pytest.raises(StaleObjectError, match=r"^Delete failed: Parcel 1 was changed by someone else"):
        await parcel.delete()
    await parcel.refresh()
    assert await parcel.delete() is True
    assert await parcel.delete() is False


async def test_a_row_that_is_gone_is_gone_and_not_stale(parcel: Parcel) -> None:
    await Parcel.query().delete()
    parcel.weight = 5
    with pytest.raises(ModelDoesNotExist):
        await parcel.save()
    with pytest.raises(ModelDoesNotExist):
        await Parcel.bulk_update([parcel])


async def test_updates_of_queries_and_upserts_count_too(parcel: Parcel) -> None:
    assert await Parcel.where(lambda p: p.id == 1).update(weight=5) == 1
    found = await Parcel.upsert(code="a", weight=6)
    assert (found.version, found.weight) == (3, 6)
    found, _ = await Parcel.update_or_create({"weight": 7}, code="a")
    assert found.version == 4
    whole = Parcel(id=1, code="a", weight=8)
    await whole.save(on_conflict="update")
    assert whole.version == 5
    whole.weight = 9
    await whole.save()
    assert whole.version == 6
    assert (await Parcel.upsert(code="new")).version == 1


async def test_many_rows_are_written_as_the_versions_they_were_read_as(parcel: Parcel) -> None:
    other = await Parcel.create(code="b")
    parcel.weight = other.weight = 5
    assert await Parcel.bulk_update([parcel, other]) == 2
    assert (parcel.version, other.version) == (2, 2)
    await Parcel.where(lambda p: p.code == "b").update(weight=6)
    parcel.weight = other.weight = 7
    with pytest.raises(StaleObjectError, match=r"^Bulk update failed: Parcel 2 was changed by someone else"):
        await Parcel.bulk_update([parcel, other])
    assert await Parcel.order_by("id").select(lambda p: (p.weight, p.version)).all() == [(5, 2), (6, 3)]
    await parcel.save()
    assert parcel.version == 3


async def test_a_version_is_not_assigned(parcel: Parcel) -> None:
    parcel.version = 9
    for call in (parcel.save, lambda: Parcel.query().update(version=9)):
        with pytest.raises(
            QueryError, match=r"^Parcel.version counts the versions of a row: leave it to the database$"
        ):
            await call()


def test_a_version_is_one_plain_number() -> None:
    for kind, options in ((str, {}), (int | None, {}), (int, {"primary_key": True})):
        with pytest.raises(ModelDefinitionError, match="a version is counted, so it is a plain int that is never None"):
            type(
                "Bad",
                (Model,),
                {"__annotations__": {"v": kind}, "__module__": __name__, "v": Field(version=True, **options)},
            )
    with pytest.raises(ModelDefinitionError, match="Bad: a row has one version, and v and w both count it"):
        type(
            "Bad",
            (Model,),
            {
                "__annotations__": {"v": int, "w": int},
                "__module__": __name__,
                "v": Field(version=True),
                "w": Field(version=True),
            },
        )
