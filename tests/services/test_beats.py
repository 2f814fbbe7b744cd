"""Signs of life last as long as the work, and outlast a failure."""

import threading

from fenfa.errors import Unavailable
from fenfa.services.beats import beating


def test_beats_until_the_work_is_over() -> None:
    beats = threading.Semaphore(0)
    with beating(0.001, beats.release, "test"):
        assert all(beats.acquire(timeout=20) for _ in range(3))
    while beats.acquire(blocking=False):
        pass
    assert not [thread for thread in threading.enumerate() if thread.name.endswith("(beat_on)")]
    assert not beats.acquire(blocking=False)


def test_a_beat_that_fails_is_not_the_last() -> None:
    beats = threading.Semaphore(0)

    def beat() -> None:
        beats.release()
        raise Unavailable("not now")

    with beating(0.001, beat, "test"):
        assert all(beats.acquire(timeout=20) for _ in range(3))
