"""The garbage collector, held off while rows are made and never left off, and the turns of other threads."""

import gc
import sys

# How many rows are made before the collector looks at them. As often as it would have come by itself, but at what
# was made a moment ago: what the processor still has at hand takes a third of the time.
AT_HAND = 2500
# How long other threads wait for their turn, in seconds: the millisecond of a loop that is busy.
TURN = 0.001


class NoCollection:
    """Hold the collector off: the instances being made are no garbage, and it would look at each."""

    __slots__ = ("_ours",)

    def __enter__(self) -> None:
        # Who finds it off leaves it off, and only who turned it off turns it on again. Threads that
        # overlap may so fill a few rows with the collector on, but never leave it off behind them.
        self._ours = gc.isenabled()
        if self._ours:
            try:
                gc.disable()
            except KeyboardInterrupt:
                # It comes between any two steps, and who is interrupted here has nothing to leave.
                gc.enable()
                raise

    def __exit__(self, *_: object) -> None:
        if self._ours:
            gc.enable()


class Hold:
    """The same for rows that come in parts, while others have their turns in between.

    Whoever runs the operation says what came, and when it is over. Meanwhile a thread that makes rows lets others,
    such as the one of a loop, have their turn after a millisecond.
    """

    __slots__ = ("_interval", "_ours", "_rows")

    def __init__(self) -> None:
        self._interval = 0.0
        self._ours = False
        self._rows = 0

    def take(self, rows: int) -> None:
        """Hold it off while something is made of these rows."""
        # Looked at for every part: another hold that was there first may be over.
        if gc.isenabled():
            # Said first: Ctrl-C may come in between.
            self._ours = True
            gc.disable()
        interval = sys.getswitchinterval()
        if interval > TURN:
            sys.setswitchinterval(TURN)
            self._interval = interval
        self._rows += rows
        if self._ours and self._rows > AT_HAND:
            gc.collect(1)
            self._rows = rows

    def pause(self) -> None:
        """Let it come while the next rows are waited for."""
        if self._ours:
            self._ours = False
            gc.enable()

    def end(self) -> None:
        """Let it come again."""
        if self._interval:
            sys.setswitchinterval(self._interval)
            self._interval = 0.0
        if self._ours:
            self._ours = False
            try:
                # Not the older ones: what is dropped soon should not be taken for what stays, of which there may be
                # so much by then that the collector looks at everything the program holds.
                gc.collect(0)
            finally:
                gc.enable()
