"""Pods that are created gated, with a node already nominated, and let go later."""

from __future__ import annotations

import dataclasses
from typing import Any

from schedbench.sources.scheduler_perf.plan import Rendered


def nominated(pods: Rendered, node: str) -> Rendered:
    """Return the pods with a nominated node."""
    return dataclasses.replace(
        pods, documents=[_nominated(document, node) for document in pods.documents]
    )


def ungated(pods: Rendered) -> Rendered | None:
    """Return the pods without their gates; None if none has any."""
    specs = [document.get("spec") or {} for document in pods.documents]
    if not any(spec.get("schedulingGates") for spec in specs):
        return None
    documents = [
        {**document, "spec": {**spec, "schedulingGates": []}}
        for document, spec in zip(pods.documents, specs, strict=True)
    ]
    return dataclasses.replace(pods, documents=documents)


def _nominated(document: dict[str, Any], node: str) -> dict[str, Any]:
    status = document.get("status") or {}
    return {**document, "status": {**status, "nominatedNodeName": node}}
