"""kube-controller-manager: controllers that share one set of informers."""

from __future__ import annotations

from collections.abc import Sequence

from schedbench.clock import Clock
from schedbench.controlplane.api import Api
from schedbench.controlplane.controllers.base import Controller
from schedbench.controlplane.controllers.informers import Informers
from schedbench.controlplane.parameters import Parameters


class ControllerManager:
    """One replica of kube-controller-manager, up from the start.

    Parameters
    ----------
    controllers
        The classes of what it runs.
    running
        Whether it works at once; a replica that must be elected first does not.

    Attributes
    ----------
    controllers
        Those that are at work, by name; none while it is stopped.
    """

    def __init__(
        self,
        clock: Clock,
        api: Api,
        parameters: Parameters,
        seed: int,
        *,
        controllers: Sequence[type[Controller]],
        running: bool = True,
    ) -> None:
        self._clock, self._api = clock, api
        self._parameters, self._seed = parameters, seed
        self._classes = tuple(controllers)
        self._informers: Informers | None = None
        self.controllers: dict[str, Controller] = {}
        if running:
            self.start()

    def start(self) -> None:
        """Come up with empty copies; controllers work when these are complete."""
        if self._informers is not None:
            return
        informers = self._informers = Informers(self._clock, self._api)
        for made in self._classes:
            self.controllers[made.name] = made(
                self._clock, self._api, informers, self._parameters, self._seed
            )
        for controller in self.controllers.values():
            controller.start()

    def stop(self) -> None:
        """Crash, or lose the lead: everything in memory is gone."""
        if self._informers is None:
            return
        for controller in self.controllers.values():
            controller.stop()
        self.controllers = {}
        self._informers.stop()
        self._informers = None

    @property
    def depth(self) -> int:
        """How many keys wait in all queues."""
        return sum(len(controller.queue) for controller in self.controllers.values())
