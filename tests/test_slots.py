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


def test_of_many_threads_no_more_hold_a_place_than_there_are_and_none_is_lost():
    slots = Slots(3)
    held: list[int] = []
    most: list[int] = []
    missed: list[int] = []

    def work(at: int) -> None:
        for turn in range(300):
            # Some give up at once, and leave a place that may be given to them at that very moment.
            if slots.take(5.0 if at % 4 else 0.00001):
                held.append(at)
                most.append(len(held))
                if turn % 16 == 0:
                    time.sleep(0.0001)
                held.pop()
                slots.give()
            elif at % 4:
                missed.append(at)

    threads = [threading.Thread(target=work, args=(at,)) for at in range(24)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert missed == []
    assert max(most) <= 3
    assert [slots.take(0.0) for _ in range(4)] == [True, True, True, False]
