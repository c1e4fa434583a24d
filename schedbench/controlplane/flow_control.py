"""API priority and fairness: seats by priority level, bounded queues, fair turns.

Each level has its nominal share of the server's seats; seats are not lent between
levels. A flow (a user, or a namespace for the control plane's components) has a hand
of its level's queues, dealt by its name; a call that finds no seat waits in the
shortest of them, or is refused if that is full. Free seats go to the queues in turn.

Source: docs.kubernetes.io "API Priority and Fairness" and
`k8s.io/apiserver/pkg/apis/flowcontrol/bootstrap/default.go`.
"""

from __future__ import annotations

import collections
import dataclasses
import hashlib
import math
from typing import Generic, Literal, TypeVar

from schedbench.controlplane.authorization import (
    CONTROLLER_MANAGER,
    MASTERS,
    NODES,
    SCHEDULER,
    User,
)

T = TypeVar("T")
Taken = Literal["seated", "queued", "refused"]


@dataclasses.dataclass(frozen=True, slots=True)
class LevelConfiguration:
    """A priority level: its part of the seats and its queues.

    Attributes
    ----------
    shares
        nominalConcurrencyShares; ∞ = every call has a seat.
    queues
        How many; 0 = a call without a seat is refused at once.
    hand
        How many of them a flow may use.
    length
        Calls that a queue holds.
    """

    shares: float
    queues: int = 0
    hand: int = 0
    length: int = 0


LEVELS: dict[str, LevelConfiguration] = {
    "exempt": LevelConfiguration(math.inf),
    "system": LevelConfiguration(30, 64, 6, 50),
    "node-high": LevelConfiguration(40, 64, 6, 50),
    "leader-election": LevelConfiguration(10, 16, 4, 50),
    "workload-high": LevelConfiguration(40, 128, 6, 50),
    "workload-low": LevelConfiguration(100, 128, 6, 50),
    "global-default": LevelConfiguration(20, 128, 6, 50),
    "catch-all": LevelConfiguration(5),
}
"""The suggested and mandatory levels of v1.34.

Source: `k8s.io/apiserver/pkg/apis/flowcontrol/bootstrap/default.go`.
"""


def level_of(user: User, kind: str, namespace: str) -> str:
    """Return the level of a call: the suggested flow schemas, in their precedence."""
    name, groups = user.name, user.groups
    if MASTERS in groups:
        return "exempt"
    service_account = name.startswith("system:serviceaccount:")
    in_kube_system = name.startswith("system:serviceaccount:kube-system:")
    manager = name in {SCHEDULER, CONTROLLER_MANAGER}
    component = manager or in_kube_system
    if component and kind == "Lease" and namespace != "kube-node-lease":
        return "leader-election"
    if NODES in groups:
        return "node-high" if kind in {"Node", "Lease"} else "system"
    if component:
        return "workload-high"
    if service_account:
        return "workload-low"
    return "global-default"


def flow_of(user: User, level: str, namespace: str) -> str:
    """Return the flow of a call: by namespace in workload-high, else by user."""
    if level != "workload-high":
        return user.name
    manager = user.name in {SCHEDULER, CONTROLLER_MANAGER}
    schema = user.name if manager else "kube-system-service-accounts"
    return f"{schema}/{namespace}"


class Level(Generic[T]):
    """The seats and queues of one level on one server.

    Attributes
    ----------
    seats
        How many there are.
    taken
        How many are.
    waiting
        How many calls wait.
    refused
        How many were refused so far.
    """

    def __init__(self, name: str, seats: float) -> None:
        self.name = name
        self.seats = seats
        self.taken = 0
        self.waiting = 0
        self.refused = 0
        self._set = LEVELS[name]
        self._hands: dict[str, list[int]] = {}
        self._queues: dict[int, collections.deque[T]] = {}
        self._turns: collections.deque[int] = collections.deque()

    def take(self, call: T, flow: str, weight: float = 1) -> Taken:
        """Give a call a seat, let it wait in as many places as it weighs, or no."""
        if self.taken < self.seats:
            self.taken += 1
            return "seated"
        if self._set.queues:
            index = min(self._hand(flow), key=self._length)
            if self._length(index) + weight <= self._set.length:
                if index not in self._queues:
                    self._queues[index] = collections.deque()
                    self._turns.append(index)
                self._queues[index].append(call)
                self.waiting += 1
                return "queued"
        self.refused += 1
        return "refused"

    def free(self) -> T | None:
        """Free a seat and give it to the call whose turn it is, which is returned."""
        if not self._turns:
            self.taken -= 1
            return None
        index = self._turns.popleft()
        queue = self._queues[index]
        call = queue.popleft()
        self.waiting -= 1
        if queue:
            self._turns.append(index)
        else:
            del self._queues[index]
        return call

    def _length(self, index: int) -> int:
        queue = self._queues.get(index)
        return 0 if queue is None else len(queue)

    def _hand(self, flow: str) -> list[int]:
        hand = self._hands.get(flow)
        if hand is None:
            hand = self._hands[flow] = _deal(flow, self._set.queues, self._set.hand)
        return hand


def _deal(flow: str, queues: int, hand: int) -> list[int]:
    """Return the hand of a flow: `hand` different queues, by the hash of its name."""
    digest = hashlib.blake2b(flow.encode(), digest_size=8).digest()
    number = int.from_bytes(digest, "little")
    deck = list(range(queues))
    dealt = []
    for left in range(queues, queues - hand, -1):
        number, card = divmod(number, left)
        dealt.append(deck.pop(card))
    return dealt


def levels(inflight: int) -> dict[str, Level]:
    """Return the levels of a server that serves so many calls at once."""
    total = sum(level.shares for level in LEVELS.values() if level.shares < math.inf)
    return {
        name: Level(
            name,
            math.inf
            if level.shares == math.inf
            else math.ceil(inflight * level.shares / total),
        )
        for name, level in LEVELS.items()
    }
