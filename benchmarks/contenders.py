"""Who takes part: of each database the bare driver first, which is the measure of the others."""

from benchmarks.contender import Contender
from benchmarks.drivers import Aiosqlite, AsyncPsycopg, Psycopg, Sqlite
from benchmarks.fill import PsycopgFill, SqliteFill
from benchmarks.ours import AsyncFerro, Ferro

CONTENDERS: dict[str, tuple[type[Contender], ...]] = {
    "sqlite": (Sqlite, SqliteFill, Aiosqlite, Ferro, AsyncFerro),
    "postgres": (Psycopg, PsycopgFill, AsyncPsycopg, Ferro, AsyncFerro),
}
