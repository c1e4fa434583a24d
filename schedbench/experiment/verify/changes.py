"""Changes of a random case's cluster between its pods: nodes and pods come and go."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence

from schedbench.experiment.verify.draws import Draw
from schedbench.experiment.verify.nodes import Document


def changes(
    draw: Draw,
    nodes: Sequence[Document],
    bound: Sequence[Document],
    pending: Sequence[Document],
    make: Callable[[str], Document],
    share: float,
) -> list[Document]:
    """Return events before a share of the pods.

    Parameters
    ----------
    make
        Returns a node of a name, to be added or to take the place of another.

    Notes
    -----
    A node is added only where none of its name is, so that what happens is what an
    API server could tell; a node that left may return, as it was or another.
    """
    there = {each["metadata"]["name"]: each for each in nodes}
    gone: dict[str, Document] = {}
    pods = [_key(each) for each in bound]
    events: list[Document] = []
    made = len(there)
    for before in range(len(pending)):
        while draw.chance(share):
            operation = draw.pick(["addNode", "addNode", "removeNode"])
            operation = draw.pick([operation, operation, "updateNode", "deletePod"])
            event: Document = {"before": before, "op": operation}
            if operation == "addNode":
                if gone and draw.chance(0.6):
                    name = draw.pick(sorted(gone))
                    old = gone.pop(name)
                    event["node"] = (
                        copy.deepcopy(old) if draw.chance(0.5) else make(name)
                    )
                else:
                    event["node"] = make(f"node-{made}")
                    made += 1
                there[event["node"]["metadata"]["name"]] = event["node"]
            elif operation == "deletePod":
                if not pods:
                    continue
                event["pod"] = pods.pop(draw.whole(0, len(pods) - 1))
            elif len(there) < 2:
                continue
            else:
                name = draw.pick(sorted(there))
                if operation == "removeNode":
                    gone[name] = there.pop(name)
                    event["name"] = name
                else:
                    there[name] = event["node"] = make(name)
            events.append(event)
        pods.append(_key(pending[before]))
    return events


def _key(pod: Document) -> str:
    return f"{pod['metadata']['namespace']}/{pod['metadata']['name']}"
