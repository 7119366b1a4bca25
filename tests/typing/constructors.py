"""What a model's constructor takes, and what its attributes are."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import assert_type

from people import Borrower, Member, Reader, User

# A default of any kind lets a field be left out: the database's own, a generated key, a factory.
user = User(name="Ann")
assert_type(user, User)
assert_type(user.id, int | None)
assert_type(user.name, str)
assert_type(user.balance, Decimal)
assert_type(user.joined, datetime)
assert_type(User.age, int)
User(id=1, name="Ann", age=42, nickname=None, balance=Decimal(3), active=False, tags=["new"])

member = Member(name="Ben")
assert_type(member, Member)
assert_type(member.id, int | None)
assert_type(member.name, str)
assert_type(member.balance, Decimal)
assert_type(member.joined, datetime)
member.age = 43
member.joined = datetime.now(UTC)
Member(id=1, name="Ben", age=42, nickname="B", balance=Decimal(3), active=False, tags=["new"])

reader = Reader(name="Cy")
assert_type(reader.id, int | None)
assert_type(Borrower(name="Dee", age=20).age, int)
