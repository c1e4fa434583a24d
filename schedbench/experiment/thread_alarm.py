"""A time limit for a thread that no signal reaches, as those of a dask worker."""

from __future__ import annotations

import contextlib
import ctypes
import threading
from collections.abc import Iterator

from schedbench.errors import TimeLimitError

AGAIN_SECONDS = 1.0


class _RangError(TimeLimitError):
    """Sent into the thread; its class alone can be, without a message."""


def too_late(seconds: float) -> TimeLimitError:
    """Return the error of a cell that ran longer than its limit."""
    return TimeLimitError(f"the cell ran longer than its limit of {seconds:g} s")


@contextlib.contextmanager
def thread_alarm(seconds: float) -> Iterator[None]:
    """Raise `TimeLimitError` in the body after some seconds of wall time.

    It comes between two steps of Python; what is called (compiled code, a sleep) ends
    first. It is sent again every second, until the body ends.

    Source: Python/C API, PyThreadState_SetAsyncExc.
    """
    alarm = _Alarm()
    threading.Thread(target=alarm.watch, args=(seconds,), daemon=True).start()
    try:
        try:
            yield
        finally:
            alarm.stop()
    except _RangError:
        alarm.stop()
    if alarm.rang:
        raise too_late(seconds)


class _Alarm:
    """Rings in the thread that made it."""

    def __init__(self) -> None:
        self.rang = False
        self._thread = ctypes.c_ulong(threading.get_ident())
        self._stopped = threading.Event()
        self._lock = threading.Lock()

    def watch(self, seconds: float) -> None:
        """Ring after some seconds, and again until stopped."""
        while not self._stopped.wait(seconds):
            with self._lock:
                if not self._stopped.is_set():
                    self.rang = True
                    self._send(ctypes.py_object(_RangError))
            seconds = AGAIN_SECONDS

    def stop(self) -> None:
        """Ring no more, and take back what was sent and has not arrived."""
        self._stopped.set()
        with self._lock:
            self._send(None)

    def _send(self, kind: ctypes.py_object | None) -> None:
        ctypes.pythonapi.PyThreadState_SetAsyncExc(self._thread, kind)
