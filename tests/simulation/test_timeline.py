"""The timelines of pods."""

from __future__ import annotations

from schedbench.clock import Clock
from schedbench.objects.meta import ObjectMeta
from schedbench.objects.pod import Pod
from schedbench.simulation.timeline import Timelines


def pod(name: str) -> Pod:
    """Make a pod with a uid."""
    return Pod(metadata=ObjectMeta(name=name, namespace="shop", uid=f"uid-{name}"))


def stamped(*stamps: tuple[str, str, float]) -> Timelines:
    """Return the timelines of stamps: pod, hop, time."""
    clock = Clock()
    timelines = Timelines(clock)
    for name, hop, at in stamps:
        clock.now = at
        timelines.stamp(pod(name), hop)
    return timelines


def test_a_frame_has_a_row_for_each_pod_and_a_column_for_each_hop() -> None:
    """The first time counts where a pod comes to a hop again."""
    frame = stamped(
        ("a", "applied", 1.0),
        ("b", "applied", 2.0),
        *((name, "stored", 2.5) for name in "ab"),
        ("a", "ready", 3.0),
        ("a", "ready", 9.0),
    ).frame({})

    assert frame[["uid", "namespace", "name"]].to_numpy().tolist() == [
        ["uid-a", "shop", "a"],
        ["uid-b", "shop", "b"],
    ]
    assert frame["applied"].tolist() == [1.0, 2.0]
    assert frame["ready"].tolist()[0] == 3.0
    assert frame["ready"].isna().tolist() == [False, True]


def test_what_was_never_stored_is_no_pod() -> None:
    """A creation that the API server refused has no row."""
    frame = stamped(("a", "applied", 1.0), ("a", "admitted", 1.5)).frame({})

    assert frame.empty


def test_a_generated_name_is_known_once_the_pod_is_stored() -> None:
    """The client asks for `web-`, the API server stores `web-x7kq2`."""
    timelines = Timelines(Clock())
    for name, hop in (("web-", "applied"), ("web-x7kq2", "stored")):
        meta = ObjectMeta(name=name, namespace="shop", uid="uid")
        timelines.stamp(Pod(metadata=meta), hop)

    assert timelines.names == ["shop/web-x7kq2"]


def test_an_effect_before_its_cause_is_told() -> None:
    """A pod that is bound before it was stored is out of order, whatever is between."""
    timelines = stamped(("a", "bound", 1.0), ("a", "stored", 2.0))

    assert timelines.disorder() == [
        "shop/a was bound at 1.0 s, but came to an earlier hop at 2.0 s"
    ]
    assert stamped(("a", "stored", 1.0), ("a", "bound", 1.0)).disorder() == []


def test_of_several_decisions_the_one_that_bound_counts() -> None:
    """A pod whose first binding failed was decided when it was decided for good."""
    timelines = stamped(
        *(("a", "stored", 0.5), ("a", "decided", 1.0)),
        *(("a", "decided", 5.0), ("a", "bound", 6.0)),
    )

    assert timelines.frame({})["decided"].tolist() == [5.0]
