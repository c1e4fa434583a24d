"""samplechurn: a sampled cluster whose nodes come, go and change their zones."""

from __future__ import annotations

from schedbench.experiment.verify import nodes
from schedbench.experiment.verify.changes import changes
from schedbench.experiment.verify.draws import Draw
from schedbench.experiment.verify.groups import Document, assembled
from schedbench.experiment.verify.groups.sample import (
    MANY_ZONES,
    make,
    sample_config,
    sample_pods,
)


def case(draw: Draw) -> Document:
    """Return a case of many nodes with changes between the pods."""
    count = draw.whole(400, 1300) if draw.chance(0.1) else draw.whole(95, 400)
    zones = MANY_ZONES[: draw.whole(1, 4)]

    def another(name: str) -> Document:
        return make(draw, name, (*zones, "zone-new"))

    found = [make(draw, f"node-{i}", zones) for i in range(count)]
    pending = sample_pods(draw, nodes.names(found), 15, 40)
    events = changes(draw, found, (), pending, another, 0.35)
    config = sample_config(draw)
    return assembled(found, pending, config=config, events=events, sampling=True)
