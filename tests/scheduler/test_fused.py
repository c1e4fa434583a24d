"""The one pass over the nodes decides as the cycle, or leaves the pod to it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from kernel_cases.domain_cases import Neighbourhood, neighbourhoods
from kernel_cases.situation import Situation, situations

from schedbench.cluster.state import bind
from schedbench.policies.registry import make_policy
from schedbench.scheduler.cycle import schedule_one
from schedbench.scheduler.fused import NOT_PLAIN, scan
from schedbench.scheduler.session import Session

POLICIES = (
    "kube-scheduler",
    "kube-scheduler[percentageOfNodesToScore=0]",
    "least-allocated",
    "balanced",
    "best-fit",
    "gpu-packing",
    "first-fit",
)


def _decided(session: Session, pod_class: int) -> tuple[int, int]:
    """Return what the pass says, and the cycle."""
    arguments = session.state, session.compiled, pod_class, 3, 0, session.scratch
    return int(scan(*arguments)), int(schedule_one(*arguments))


@given(drawn=neighbourhoods())
def test_pods_with_terms_are_left_to_the_cycle_or_decided_alike(
    drawn: Neighbourhood,
) -> None:
    """Whatever terms the pods have, the pass never chooses another node."""
    encoded = drawn.encoded
    session = Session(encoded, make_policy("kube-scheduler").profile, 0)
    for kind, slot in drawn.placed:
        pod_class = int(encoded.class_of[kind])
        bind(session.state, session.compiled.classes, pod_class, slot, 0, 1)
    found, chosen = _decided(session, int(encoded.class_of[0]))

    assert found in {NOT_PLAIN, chosen}


@given(drawn=situations(gpus=True, ports=True), policy=st.sampled_from(POLICIES))
def test_ports_and_gpus_are_left_to_the_cycle_or_decided_alike(
    drawn: Situation, policy: str
) -> None:
    """Whatever resources the pods want, the pass never chooses another node."""
    session = Session(drawn.encoded, make_policy(policy).profile, 0)
    state = drawn.state._replace(domains=session.state.domains)
    session.state = state
    found, chosen = _decided(session, 0)

    assert found in {NOT_PLAIN, chosen}
