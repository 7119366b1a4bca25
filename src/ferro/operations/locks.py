"""Waiting for others who are about to do the same: PostgreSQL's advisory locks, held until the transaction ends."""

from hashlib import blake2b

from ferro.query.dialect import Compiled, Template

LOCK = Template("SELECT pg_advisory_xact_lock($1)", fetches=True, writes=True, operation="Lock")


def lock(*names: object) -> Compiled:
    """The statement that waits for everyone else who has locked the same names."""
    digest = blake2b(repr(("ferro", *names)).encode(errors="surrogatepass"), digest_size=8).digest()
    return Compiled(LOCK, (int.from_bytes(digest, "big", signed=True),))
