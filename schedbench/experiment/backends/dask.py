"""Workers of a dask cluster: https://distributed.dask.org."""

from __future__ import annotations

import contextlib
import logging
import queue
import signal
import threading
import time
import uuid
from collections.abc import Collection, Iterator
from typing import Any

from schedbench.errors import InputError, SchedbenchError
from schedbench.experiment.backends.base import Work
from schedbench.experiment.backends.cluster import Cluster
from schedbench.experiment.backends.there import Answer, run_there

LOOK_SECONDS = 5.0
"""How often to look whether there are workers, and how they were started."""

LOST = (
    "the dask scheduler was lost or restarted; the same command goes on from the "
    "finished cells"
)


class Dask(Cluster):
    """A dask scheduler and its workers.

    A cell whose worker died goes to another worker, as often as the scheduler's
    `allowed-failures` says: never for workers started here, 3 by dask's default.
    """

    name = "dask"

    def __init__(self, address: str | None, jobs: int | None) -> None:
        super().__init__(address, jobs)
        self._client: Any = None
        self._started: Any = None
        self._ended: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._told: set[str] = set()
        self._looked = -LOOK_SECONDS

    def connect(self) -> None:
        """Connect to the scheduler, or start one with workers on this machine."""
        if self._client is not None:
            return
        import distributed

        if self.address is None:
            self._start()
        try:
            self._client = distributed.Client(
                self._started or self.address, set_as_default=False
            )
        except (OSError, ValueError) as error:
            reason = str(error).splitlines()[0]
            raise InputError(
                f"no dask scheduler answers ({reason})",
                where="--address",
                value=self.address,
                fix="start one by `dask scheduler`, and workers by `dask worker`",
            ) from None

    def slots(self) -> int:
        """Return how many workers there are."""
        return max(1, len(self._workers()))

    def submit(self, code: str, content: bytes) -> Any:
        """Hand `run_there` and its arguments over; return a future."""
        import distributed

        key = f"schedbench-{uuid.uuid4().hex}"

        try:
            future = self._client.submit(run_there, code, content, key=key, pure=False)
        except distributed.client.ClosedClientError:
            raise SchedbenchError(LOST) from None
        future.add_done_callback(self._ended.put)
        return future

    def ended(self, handles: Collection[Any], work: Work) -> Any:
        """Wait until one of the futures has ended; return it."""
        while True:
            if time.monotonic() >= self._looked + LOOK_SECONDS:
                self._look(work)
                self._looked = time.monotonic()
            with contextlib.suppress(queue.Empty):
                future = self._ended.get(timeout=LOOK_SECONDS)
                if future in handles:
                    return future

    def answer(self, handle: Any) -> Answer | None:
        """Return what came of a task that has ended; None if its workers died."""
        import distributed

        try:
            answer: Answer = handle.result()
        except distributed.KilledWorker:
            return None
        except distributed.client.FutureCancelledError:
            raise SchedbenchError(LOST) from None
        except Exception as error:  # noqa: BLE001 (a worker that cannot import us)
            raise InputError(
                f"a worker cannot run the cells: {type(error).__name__}: {error}",
                where="--backend dask",
                fix="install the same schedbench for driver and workers, restart them",
            ) from None
        return answer

    def cancel(self, handles: Collection[Any]) -> None:
        """Take tasks back."""
        self._client.cancel(list(handles), force=True)

    def close(self) -> None:
        """Leave the scheduler; end the workers that were started here."""
        if self._client is not None:
            self._client.close()
            self._client = None
        if self._started is not None:
            self._started.close()
            self._started = None

    def _start(self) -> None:
        import dask
        import distributed

        once = {"distributed.scheduler.allowed-failures": 0}
        with dask.config.set(once), _deaf_to_ctrl_c():
            self._started = distributed.LocalCluster(
                n_workers=self.jobs,
                threads_per_worker=1,
                processes=True,
                memory_limit=0,
                dashboard_address=":0",
                silence_logs=logging.CRITICAL,
            )

    def _workers(self) -> dict[str, Any]:
        """Return the workers; waits for a lost scheduler as dask is configured to."""
        info = self._client.scheduler_info(n_workers=-1)
        if "workers" not in info:
            raise SchedbenchError(LOST)
        workers: dict[str, Any] = info["workers"]
        return workers

    def _look(self, work: Work) -> None:
        """Say once what keeps the cells from running, or from running well."""
        workers = self._workers()
        threads = max((each["nthreads"] for each in workers.values()), default=0)
        if not workers:
            self._say(work, "the dask scheduler has no worker; waiting for one")
        elif threads > 1:
            self._say(
                work,
                f"a dask worker has {threads} threads but runs one cell at a time; "
                "start workers with --nthreads 1",
            )

    def _say(self, work: Work, text: str) -> None:
        if text not in self._told:
            self._told.add(text)
            work.tell(text)


@contextlib.contextmanager
def _deaf_to_ctrl_c() -> Iterator[None]:
    """Let processes started now ignore Ctrl-C: the driver ends them, in silence."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
