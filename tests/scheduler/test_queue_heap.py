"""The heap of the queues against a sorted list."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from naive.queue_objects import pod

from schedbench.scheduler.queueing.entry import QueuedPod
from schedbench.scheduler.queueing.heap import PodHeap


@given(data=st.data())
def test_the_first_are_those_of_the_sorted(data: st.DataObject) -> None:
    """Whatever was pushed, taken out and given other keys before."""
    heap, pods = PodHeap(), [QueuedPod(pod(f"p{i}"), i) for i in range(8)]
    keys: dict[QueuedPod, tuple[float, ...]] = {}
    steps = st.tuples(st.sampled_from(pods), st.sampled_from((None, 1.0, 2.0, 3.0)))
    for one, value in data.draw(st.lists(steps, max_size=60)):
        if value is None:
            heap.discard(one)
            keys.pop(one, None)
        else:
            keys[one] = (value, float(pods.index(one)))
            heap.push(keys[one], one)
    count = data.draw(st.integers(0, 10))

    assert heap.first(count) == sorted(keys, key=keys.__getitem__)[:count]
