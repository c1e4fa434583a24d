#!/usr/bin/env python3
"""First fit by cpu, memory and all else that is counted; needs Python 3.9."""

import json
import sys

allocatable = {}  # node → resource → amount; empty once the node has left
used = {}  # node → resource → amount
requests = {}  # class → resource → amount
where = {}  # pod → its node and its class


def bind(pod, kind, node):
    """Let a pod take its part of a node."""
    where[pod] = node, kind
    for resource, amount in requests[kind].items():
        used[node][resource] = used[node].get(resource, 0) + amount


def release(pod):
    """Give back what a pod has taken."""
    node, kind = where.pop(pod)
    for resource, amount in requests[kind].items():
        used[node][resource] -= amount


def choose(pod, kind):
    """Return the first node with room, None if there is none."""
    wanted = requests[kind].items()
    for node, most in allocatable.items():
        if all(used[node].get(r, 0) + each <= most.get(r, 0) for r, each in wanted):
            bind(pod, kind, node)
            return {"pod": pod, "node": node}
    return {"pod": pod, "node": None}


for line in sys.stdin:
    message = json.loads(line)
    kind, answer = message["type"], None
    if kind == "hello":
        answer = {"type": "hello", "protocol": 1, "name": "first-fit"}
    elif kind == "classes":
        requests |= {each["class"]: each["requests"] for each in message["classes"]}
    elif kind in ("cluster", "events"):
        for pod in message.get("gone", []):
            release(pod)
        for node in message["nodes"]:
            allocatable[node["name"]] = node["allocatable"]
            used.setdefault(node["name"], {})
        for name in message.get("removed", []):
            allocatable[name] = {}
        for each in message.get("bound", []):
            bind(each["pod"], each["class"], each["node"])
    elif kind == "pods":
        decisions = [choose(each["pod"], each["class"]) for each in message["pods"]]
        answer = {"type": "decisions", "decisions": decisions}
    if answer is not None:
        print(json.dumps(answer), flush=True)
