"""Handmade pods and groups of the namespace `default`."""

from __future__ import annotations

from typing import Any

import msgspec

from schedbench.objects.pod import Pod
from schedbench.objects.policy import CompositePodGroup, PodGroup


def pod(name: str, group: str | None = None, on: str | None = None, **spec: Any) -> Pod:
    """Make a pod of a group, perhaps on a node."""
    spec |= {} if group is None else {"schedulingGroup": {"podGroupName": group}}
    spec |= {} if on is None else {"nodeName": on}
    meta = {"name": name, "namespace": "default"}
    return msgspec.convert({"metadata": meta, "spec": spec}, Pod)


def group(
    name: str, need: int | None = None, under: str | None = None, **spec: Any
) -> PodGroup:
    """Make a gang that needs so many pods, or a basic group."""
    policy = {"basic": {}} if need is None else {"gang": {"minCount": need}}
    spec |= {"schedulingPolicy": policy, "parentCompositePodGroupName": under}
    meta = {"name": name, "namespace": "default"}
    return msgspec.convert({"metadata": meta, "spec": spec}, PodGroup)


def composite(
    name: str, need: int | None = None, under: str | None = None, **spec: Any
) -> CompositePodGroup:
    """Make a gang of groups that needs so many of them, or a basic one."""
    policy = {"basic": {}} if need is None else {"gang": {"minGroupCount": need}}
    spec |= {"schedulingPolicy": policy, "parentCompositePodGroupName": under}
    meta = {"name": name, "namespace": "default"}
    return msgspec.convert({"metadata": meta, "spec": spec}, CompositePodGroup)
