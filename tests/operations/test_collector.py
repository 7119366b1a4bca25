"""The collector is held off while rows come in parts, and is always let go again."""

import gc
import sys
from collections.abc import Callable, Iterator

import pytest

from ferro.operations.collector import TURN, Hold, NoCollection


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    interval = sys.getswitchinterval()
    yield
    gc.enable()
    sys.setswitchinterval(interval)


def test_the_collector_and_the_turns_are_as_before_when_a_hold_is_over():
    before = sys.getswitchinterval()
    hold = Hold()
    hold.take(500)
    assert not gc.isenabled()
    assert sys.getswitchinterval() == pytest.approx(TURN)
    hold.take(500)
    hold.end()
    assert gc.isenabled()
    assert sys.getswitchinterval() == before


def test_a_hold_that_held_nothing_changes_nothing():
    Hold().end()
    assert gc.isenabled()


def test_who_finds_the_collector_off_leaves_it_off():
    gc.disable()
    hold = Hold()
    hold.take(10_000)
    hold.end()
    assert not gc.isenabled()


def test_a_hold_goes_on_when_the_one_that_was_there_first_is_over():
    first, second = Hold(), Hold()
    first.take(500)
    second.take(500)
    first.end()
    assert gc.isenabled()
    second.take(500)
    assert not gc.isenabled()
    second.end()
    assert gc.isenabled()


def test_what_is_read_and_dropped_does_not_make_the_collector_look_at_everything():
    looked_at: list[int] = []

    def note(phase: str, info: dict[str, int]) -> None:
        looked_at.append(info["generation"])

    gc.collect()
    gc.callbacks.append(note)
    try:
        for _ in range(5):
            hold = Hold()
            hold.take(600)
            hold.end()
    finally:
        gc.callbacks.remove(note)
    assert set(looked_at) == {0}


def test_a_shorter_turn_of_the_user_stays():
    sys.setswitchinterval(0.0001)
    hold = Hold()
    hold.take(500)
    assert sys.getswitchinterval() == pytest.approx(0.0001)
    hold.end()
    assert sys.getswitchinterval() == pytest.approx(0.0001)


def with_block() -> None:
    with NoCollection():
        raise AssertionError("it was interrupted before")


def with_parts() -> None:
    hold = Hold()
    try:
        hold.take(1)
    finally:
        hold.end()


@pytest.mark.parametrize("hold_off", [with_block, with_parts])
def test_ctrl_c_the_moment_it_is_off_does_not_leave_it_off(
    monkeypatch: pytest.MonkeyPatch, hold_off: Callable[[], None]
) -> None:
    really = gc.disable

    def interrupted() -> None:
        really()
        raise KeyboardInterrupt

    monkeypatch.setattr(gc, "disable", interrupted)
    with pytest.raises(KeyboardInterrupt):
        hold_off()
    assert gc.isenabled()
