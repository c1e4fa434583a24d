"""Feature gates, and limits of the test itself: needs, or why they are none."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from schedbench.sources.scheduler_perf.config import Case

_FIELDS = "it admits objects and fields that count where they occur"

NEUTRAL_GATES: Mapping[str, str] = {
    "SchedulerQueueingHints": "hints are always on; they spare attempts that fail",
    "SchedulerAsyncAPICalls": "API calls take no simulated time",
    "SchedulerAsyncPreemption": "victims go at the same simulated moment either way",
    "OpportunisticBatching": "the ranking of an equal pod is used where it still holds",
    "DynamicResourceAllocation": _FIELDS,
    "DRAExtendedResource": _FIELDS,
    "DRAPartitionableDevices": _FIELDS,
    "DRAPrioritizedList": _FIELDS,
    "DRADeviceTaints": _FIELDS,
    "DRADeviceBindingConditions": _FIELDS,
    "DRAResourceClaimDeviceStatus": _FIELDS,
    "GenericWorkload": _FIELDS,
    "CompositePodGroup": _FIELDS,
    "TopologyAwareWorkloadScheduling": _FIELDS,
    "InPlacePodVerticalScaling": _FIELDS,
    "InPlacePodVerticalScalingSchedulerPreemption": _FIELDS,
}
"""Gates that need nothing by themselves → why."""

GATES_WHEN_ENABLED = frozenset({"NodeDeclaredFeatures"})
"""Gates that are needs when they are on."""


def gate_needs(gates: Mapping[str, bool]) -> Iterator[str]:
    """Yield the gates that are needs; one that is not known always is."""
    for gate, enabled in gates.items():
        if gate in NEUTRAL_GATES:
            continue
        if gate not in GATES_WHEN_ENABLED:
            yield f"feature gate {gate}"
        elif enabled:
            yield gate


def harness_notes(case: Case, gates: Mapping[str, bool]) -> Iterator[str]:
    """Yield what of a case's settings is not followed to the letter, as sentences."""
    if gates.get("SchedulerQueueingHints") is False:
        yield "feature gate SchedulerQueueingHints is off, but hints are used anyway"
    if case.scheduler_api_client_qps is not None:
        yield (
            f"schedulerApiClientQPS {case.scheduler_api_client_qps:g} has no effect: "
            "the scheduler's API calls take no simulated time"
        )
