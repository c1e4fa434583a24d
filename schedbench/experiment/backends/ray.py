"""Workers of a ray cluster: https://docs.ray.io."""

from __future__ import annotations

import logging
from collections.abc import Collection
from typing import Any

from schedbench.errors import InputError, SchedbenchError
from schedbench.experiment.backends.base import Work
from schedbench.experiment.backends.cluster import Cluster
from schedbench.experiment.backends.there import Answer, run_there


class Ray(Cluster):
    """A ray cluster; a cell takes one of its CPUs."""

    name = "ray"

    def __init__(self, address: str | None, jobs: int | None) -> None:
        super().__init__(address, jobs)
        self._connected = False
        self._remote: Any = None

    def connect(self) -> None:
        """Connect to the cluster, or start one on this machine."""
        if self._connected:
            return
        import ray

        started = {} if self.address else {"num_cpus": self.jobs}
        try:
            ray.init(
                address=self.address or "local",
                log_to_driver=False,
                logging_level=logging.ERROR,
                **({"include_dashboard": False} | started if started else {}),
            )
        except (ConnectionError, OSError, ValueError, RuntimeError) as error:
            reason = str(error).splitlines()[0]
            raise InputError(
                f"no ray cluster answers ({reason})",
                where="--address",
                value=self.address,
                fix="start one by `ray start --head`, join it by `ray start --address`",
            ) from None
        self._connected = True
        self._remote = ray.remote(num_cpus=1, max_retries=0)(run_there)

    def slots(self) -> int:
        """Return how many CPUs the cluster has."""
        import ray

        return max(1, int(ray.cluster_resources().get("CPU", 1)))

    def submit(self, code: str, content: bytes) -> Any:
        """Hand `run_there` and its arguments over; return a reference."""
        return self._remote.remote(code, content)

    def ended(self, handles: Collection[Any], work: Work) -> Any:
        """Wait until one of the tasks has ended; return its reference."""
        import ray

        (first, *_), _ = ray.wait(list(handles), num_returns=1, fetch_local=False)
        return first

    def answer(self, handle: Any) -> Answer | None:
        """Return what came of a task that has ended; None if its workers died."""
        import ray.exceptions as failures
        from ray import get

        try:
            answer: Answer = get(handle)
        except (
            failures.WorkerCrashedError,
            failures.NodeDiedError,
            failures.OutOfMemoryError,
            failures.ObjectLostError,
        ):
            return None
        except failures.RayTaskError as error:
            raise InputError(
                f"a worker cannot run the cells: {error.cause!r}",
                where="--backend ray",
                fix="install the same schedbench for driver and workers",
            ) from None
        except failures.RayError as error:
            reason = str(error).strip().splitlines()[0]
            raise SchedbenchError(
                f"the ray cluster failed ({reason}); the same command goes on from "
                "the finished cells"
            ) from None
        return answer

    def cancel(self, handles: Collection[Any]) -> None:
        """Take tasks back."""
        import ray

        for handle in handles:
            ray.cancel(handle, force=True)

    def close(self) -> None:
        """Leave the cluster; end the one that was started here."""
        if self._connected:
            import ray

            ray.shutdown()
            self._connected = False
