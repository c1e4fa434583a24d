"""Objects that come and go in the background while the other ops run.

Source: `runChurnOp` in test/integration/scheduler_perf/executor.go.
"""

from __future__ import annotations

import dataclasses
import math
from collections import Counter
from collections.abc import Iterator, Sequence

from schedbench.errors import InputError
from schedbench.objects.defaults import default_node
from schedbench.objects.node import Node
from schedbench.objects.workload import NodeEvent
from schedbench.sources.scheduler_perf.operations import Churn
from schedbench.sources.scheduler_perf.plan import MAX_OBJECTS, Batch
from schedbench.sources.scheduler_perf.pods import Segment
from schedbench.sources.scheduler_perf.timeline import Timeline, decoded, renamed

DEFAULT_INTERVAL_MS = 500


@dataclasses.dataclass(slots=True)
class _Alive:
    """An object that churn made; `made` = what its going changes."""

    kind: str
    namespace: str
    name: str
    made: Segment | Node | None


class Background:
    """A churn op at work: its first turn comes one interval after the op.

    `create`: each turn makes one object of each template, `number` turns in all (0 =
    until the end). `recreate`: turn by turn, `number` places of each template are
    filled, then emptied, then filled again. An object whose name is taken is not made.
    """

    def __init__(
        self, op: Churn, batches: Sequence[Batch], timeline: Timeline, where: str
    ) -> None:
        self.start = timeline.clock
        self.where = where
        self._interval = (op.interval_milliseconds or DEFAULT_INTERVAL_MS) / 1000
        self._places = op.number if op.mode == "recreate" else 0
        self._most = op.number if op.mode == "create" and op.number else None
        self._batches = batches
        self._timeline = timeline
        self._turns = 0
        self._alive: dict[tuple[int, int], _Alive] = {}
        self._passive: Counter[str] = Counter()

    def advance(self, until: float) -> None:
        """Take all turns up to and including a time.

        Raises
        ------
        InputError
            If an object is malformed, or there would be too many.
        """
        # The tolerance keeps a turn that falls on the time itself.
        due = math.floor((until - self.start) / self._interval + 1e-9)
        if self._most is not None:
            due = min(due, self._most)
        if due * len(self._batches) > MAX_OBJECTS:
            raise InputError(
                f"more than {MAX_OBJECTS:,} objects of churn",
                where=self.where,
                value=due,
                fix="check the interval",
            )
        for turn in range(self._turns, due):
            time = self.start + (turn + 1) * self._interval
            for position, batch in enumerate(self._batches):
                try:
                    self._take(position, batch, turn, time)
                except InputError as error:
                    raise error.at(where=self.where) from None
        self._turns = max(self._turns, due)

    def notes(self) -> Iterator[str]:
        """Yield what came and went without a change of decisions."""
        for kind, count in sorted(self._passive.items()):
            yield (
                f"{self.where}: {count} times a {kind} came or went in the background, "
                "which no pod here sees"
            )

    def _take(self, position: int, batch: Batch, turn: int, time: float) -> None:
        if not self._places:
            self._create(batch, time)
            return
        place = position, turn % self._places
        gone = self._alive.pop(place, None)
        if gone is not None:
            self._delete(gone, time)
            return
        made = self._create(batch, time)
        if made is not None:
            self._alive[place] = made

    def _create(self, batch: Batch, time: float) -> _Alive | None:
        timeline = self._timeline
        rendered = batch.objects
        document, given = rendered.documents[0], rendered.names[0]
        kind = str(document.get("kind"))
        source = batch.template.source
        namespace = "" if kind == "Node" else batch.namespace or "default"
        if given is not None and timeline.names.is_taken(kind, namespace, given):
            return None
        if kind == "Pod":
            segment = timeline.add_pods(rendered, source, namespace, time)
            name = segment.names[0].partition("/")[2]
            return _Alive(kind, namespace, name, segment)
        if kind == "Node":
            shape = default_node(decoded(document, source, Node))
            name = timeline.names.take(given, shape.metadata, kind, namespace)
            node = renamed(shape, name, dict(shape.metadata.labels))
            timeline.change_node(NodeEvent(time, "add", node))
            return _Alive(kind, namespace, name, node)
        self._passive[kind] += 1
        return _Alive(kind, namespace, given or "", None)

    def _delete(self, gone: _Alive, time: float) -> None:
        if isinstance(gone.made, Segment):
            deletion = gone.made.deletion
            deletion[0] = min(deletion[0], time)
        elif isinstance(gone.made, Node):
            self._timeline.change_node(NodeEvent(time, "remove", gone.made))
        else:
            self._passive[gone.kind] += 1
        self._timeline.names.free(gone.kind, gone.namespace, gone.name)
