"""A decision in one sentence: where the pod went and why, or why nowhere."""

from __future__ import annotations

from collections.abc import Iterator

from schedbench.experiment.conformance.cases import Decision


def told(decision: Decision) -> str:
    """Return what a decision says, the second attempt after a preemption included."""
    return "; ".join(_parts(decision))


def _parts(decision: Decision) -> Iterator[str]:
    if decision.get("skipped"):
        yield f"skipped ({decision['skipped']})"
    elif decision.get("gated"):
        yield decision.get("gatedMessage") or "gated"
    elif decision.get("chosen"):
        yield _choice(decision)
    else:
        yield decision.get("message") or decision.get("error") or "no node"
    if decision.get("reserveError"):
        yield f"not reserved: {decision['reserveError']}"
    preemption = decision.get("preemption")
    if preemption:
        victims = ", ".join(preemption["victims"]) or "nobody"
        yield f"{victims} to leave {preemption['nominated']}"
    if decision.get("retry"):
        yield f"then {told(decision['retry'])}"


def _choice(decision: Decision) -> str:
    chosen = decision["chosen"]
    feasible = decision.get("feasible")
    count = len(feasible) if feasible else decision.get("numFeasible", 1)
    text = f"{chosen}, of {count} feasible"
    total = decision.get("total")
    if not total:
        return text
    scores = ", ".join(
        f"{plugin} {on_node[chosen]}"
        for plugin, on_node in sorted((decision.get("scores") or {}).items())
        if on_node.get(chosen)
    )
    return f"{text}, with {total.get(chosen)} points ({scores})"
