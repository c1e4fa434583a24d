"""What preemption remembers of every node, so that it looks at those that changed.

For classes whose filters look at the node alone; others are left to the dry runs of
`preemption.py`, which come to the same. What volume plugins say of a node is the same
in every dry run there, as long as none of its pods that may go uses volumes.
"""

from __future__ import annotations

from typing import NamedTuple

from schedbench.objects.pod import Pod
from schedbench.scheduler.lent import Remembered
from schedbench.scheduler.node_memory import Memory
from schedbench.scheduler.occupants import Crowd, Occupants
from schedbench.scheduler.preemption import NEVER, Preemption, Search
from schedbench.scheduler.questions import looks_at_nodes_alone, names_nodes
from schedbench.scheduler.session import Session
from schedbench.scheduler.storage import VolumesBeside
from schedbench.scheduler.victims import ODD, PASSING, passes

MOST_BYTES = 256 * 2**20
BYTES_A_NODE = 64


class Refused(NamedTuple):
    """A pod that every node rejects, beside the pods nominated there.

    Attributes
    ----------
    rejections
        Node slot → who rejects it and why.
    rejectors
        The plugins among them.
    text
        The FitError's.
    preemption
        What came of making room.
    """

    rejections: Remembered
    rejectors: frozenset[str]
    text: str
    preemption: Preemption


class Evictions:
    """The memory of a world.

    Parameters
    ----------
    crowd
        Knows the pods; who changes it says so: `touch`, or `forget` if nodes change.
    """

    def __init__(self, crowd: Crowd, nodes: int) -> None:
        self._crowd = crowd
        self.occupants = Occupants(crowd, nodes)
        self._memories: dict[tuple[int, int, int], Memory | None] = {}

    def touch(self, slot: int) -> None:
        """Note that pods came to a node or went, or were nominated to it or not."""
        self.occupants.touch(slot)

    def forget(self) -> None:
        """Begin anew: nodes changed."""
        self._memories.clear()
        self.occupants.version += 1

    def knows(self, session: Session, pod: Pod, pod_class: int) -> bool:
        """Return whether pods of its class were asked about since nodes changed."""
        return (id(session), pod_class, pod.spec.priority or 0) in self._memories

    def known(self, session: Session, pod: Pod, pod_class: int) -> Memory | None:
        """Return what is known for pods of its class, if they were asked about."""
        if not self.knows(session, pod, pod_class) or not self.occupants.able:
            return None
        return self._memory(session, pod, pod_class)

    def ask(
        self,
        session: Session,
        pod: Pod,
        pod_class: int,
        search: Search,
        beside: VolumesBeside | None = None,
    ) -> Refused | None:
        """Return what comes of a pod that fits nowhere; None if it is not known here.

        The pod must not be nominated to a node itself. If it uses volumes, `beside` is
        what their plugins say, which have not stopped it.
        """
        memory = self._memory(session, pod, pod_class)
        if memory is None or not self.occupants.able:
            return None
        memory.catch_up()
        tally, told = memory.tally, memory.told()
        if tally[PASSING] or tally[ODD] or told.nodes != len(search.order):
            return None
        if pod.spec.preemption_policy == "Never":
            found = Preemption(f"preemption: {NEVER}")
        elif beside is None:
            found = memory.preempt(search)
        elif (special := memory.preempt_beside(search, beside)) is not None:
            found = special
        else:
            return None
        return Refused(Remembered(memory), told.rejectors, told.text, found)

    def keeps(self, session: Session, pod: Pod, pod_class: int, slot: int) -> bool:
        """Return whether the node to which a pod is nominated passes, for all we know.

        If others are nominated to it too, nothing is known.
        """
        memory = self._memory(session, pod, pod_class)
        return (
            memory is not None
            and len(self._crowd.nominated_on(slot)) == 1
            and bool(passes(memory.question, slot))
        )

    def _memory(self, session: Session, pod: Pod, pod_class: int) -> Memory | None:
        if names_nodes(pod):
            return None
        key = id(session), pod_class, pod.spec.priority or 0
        if key not in self._memories:
            room = MOST_BYTES // (BYTES_A_NODE * max(self.occupants.nodes, 1))
            if len(self._memories) >= max(room, 1):
                self.forget()
            self._memories[key] = (
                Memory(session, pod_class, key[2], self.occupants)
                if looks_at_nodes_alone(session, pod_class)
                else None
            )
        return self._memories[key]
