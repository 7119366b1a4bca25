"""The places of a pool, for threads."""

import threading
import time

import pytest

from ferro._concurrency._sync import Slots


def waiting(slots: Slots, served: list[str], name: str) -> threading.Thread:
    """Start a thread that waits for a place."""

    def wait() -> None:
        if slots.take(5.0):
            served.append(name)

    before = len(slots._waiting)
    thread = threading.Thread(target=wait)
    thread.start()
    while len(slots._waiting) == before:
        time.sleep(0.001)
    return thread


def test_whoever_waits_longest_has_the_next_place_and_newcomers_queue_behind():
    slots, served = Slots(1), []
    assert slots.take(0.0)
    threads = [waiting(slots, served, name) for name in ("first", "second")]
    slots.give()
    threads[0].join()
    assert served == ["first"]
    assert not slots.take(0.01)
    slots.give()
    threads[1].join()
    assert served == ["first", "second"]


def test_who_gave_up_waiting_takes_no_place_with_them():
    slots = Slots(1)
    assert slots.take(0.0)
    assert not slots.take(0.01)
    slots.give()
    assert slots.take(0.0)
    assert not slots.take(0.0)


def test_an_interrupted_wait_leaves_the_place_to_others(monkeypatch: pytest.MonkeyPatch):
    slots = Slots(1)
    assert slots.take(0.0)

    def interrupted(event: threading.Event, timeout: float) -> bool:
        # The place comes at the very moment of the interruption.
        slots.give()
        assert event.is_set()
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(threading.Event, "wait", interrupted)
        with pytest.raises(KeyboardInterrupt):
            slots.take(1.0)
    assert slots.take(0.0)
