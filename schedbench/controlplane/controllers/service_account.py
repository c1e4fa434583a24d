"""Service accounts: every namespace in use has one named default.

Source: docs.kubernetes.io "Managing Service Accounts: ServiceAccount controller".
"""

from __future__ import annotations

from schedbench.clock import Clock
from schedbench.controlplane.api import Api, WatchEvent
from schedbench.controlplane.controllers.base import Controller, Sync
from schedbench.controlplane.controllers.informers import Informers
from schedbench.controlplane.parameters import Parameters
from schedbench.objects.meta import ObjectMeta
from schedbench.objects.policy import ServiceAccount


class ServiceAccounts(Controller):
    """Creates what is missing; its keys are namespaces."""

    name = "serviceaccount-controller"

    def __init__(
        self,
        clock: Clock,
        api: Api,
        informers: Informers,
        parameters: Parameters,
        seed: int,
    ) -> None:
        super().__init__(clock, api, informers, parameters, seed)
        informers.listen("Namespace", self.enqueue)
        informers.listen("ServiceAccount", self._account_seen)

    def reconcile(self, key: str) -> Sync:
        """Create the account default in a namespace that has none and is not going."""
        namespace = self.informers["Namespace"].store.get(key)
        if namespace is None or namespace.metadata.deletion_timestamp is not None:
            return None
        if f"{key}/default" in self.informers["ServiceAccount"].store:
            return None
        account = ServiceAccount(metadata=ObjectMeta(namespace=key, name="default"))
        answers = yield [self.call(self.api.create, account)]
        error = answers[0].error
        return None if error is None or error.reason == "AlreadyExists" else error

    def _account_seen(self, event: WatchEvent) -> None:
        if event.type == "DELETED":
            self.queue.add(event.object.metadata.namespace)
