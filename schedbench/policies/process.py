"""process: any program as a policy, asked line by line in a process of its own.

`workloads/external/README.md` describes the protocol and has two examples.
A child is started for each run and is told the cluster, then what changes, and asked
for all pods that wait at an instant.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from schedbench.cluster.layout import ClusterState
from schedbench.errors import InputError, PolicyError
from schedbench.policies.base import Policy
from schedbench.policies.batches import Nodes, Pods
from schedbench.policies.external.child import Child
from schedbench.policies.external.command import is_file, split_command
from schedbench.policies.external.conversation import Conversation
from schedbench.scheduler.profile import Profile, Tie

NAME = "process"
SUMMARY = "Any program, by its standard streams: process[command=./my-scheduler]."
CONVERSATION = "conversation"
LONGEST_TIMEOUT = 86_400.0


def make(command: str = "", timeout: float = 60.0) -> Policy:
    """Return the policy.

    Parameters
    ----------
    command
        The program and its arguments, in a shell's quotes; no shell runs it.
    timeout
        Seconds of wall time that an answer may take.

    Raises
    ------
    InputError
        If there is no such program, or it cannot be executed.
    """
    where = f"policy {NAME}"
    if not 0 < timeout <= LONGEST_TIMEOUT:
        raise InputError(
            f"timeout is not within 0..{LONGEST_TIMEOUT:g} s",
            where=where,
            value=timeout,
        )
    words = split_command(command, where, f"{NAME}[command=./my-scheduler]")
    name = f"{NAME}[command={command}]"

    @contextlib.contextmanager
    def outside(memory: dict[str, Any]) -> Iterator[None]:
        child = Child(name, words, timeout)
        try:
            memory[CONVERSATION] = Conversation(child)
            yield
            child.close()
        except PolicyError as error:
            raise PolicyError(f"{error}{child.last_words()}") from error
        finally:
            child.kill()

    return Policy(
        NAME,
        SUMMARY,
        Profile(NAME, tie=Tie.FIRST),
        batch=place,
        outside=outside,
        source_digest=_digest(words),
    )


def place(_cluster: ClusterState, pods: Pods) -> Nodes:
    """Return a node slot for each pod, or −1, as the child of this run decides."""
    conversation: Conversation = pods.memory[CONVERSATION]
    return conversation.decide(pods)


def _digest(words: Sequence[str]) -> str:
    """Hash the files that a command names, in their order."""
    digest = hashlib.blake2b(digest_size=16)
    for word in words:
        if is_file(word):
            with contextlib.suppress(OSError), Path(word).open("rb") as file:
                digest.update(hashlib.file_digest(file, "blake2b").digest())
    return digest.hexdigest()
