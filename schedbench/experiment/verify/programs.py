"""What decisions are compared with: a built kube-scheduler, or a command."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Sequence
from pathlib import Path

import schedbench
from schedbench.errors import InputError
from schedbench.policies.external.command import split_command

NAME = "kube-scheduler"
RELEASES = ("1.34", "1.37")
"""Releases that can be built; the first is meant where none is named."""
FOLDER = (
    Path(schedbench.__file__)
    .resolve()
    .parents[1]
    .joinpath("benchmarks", "kube_scheduler", "bin")
)
"""Where `make kube-scheduler` puts the programs, in a checkout of the repository."""


@dataclasses.dataclass(frozen=True, slots=True)
class Program:
    """What answers cases.

    Attributes
    ----------
    name
        What tables call it.
    release
        The release whose decisions it gives; None for a command, which may be any.
    words
        The program and its arguments.
    """

    name: str
    release: str | None
    words: Sequence[str]


def find_program(against: str, folder: Path | None = None) -> Program:
    """Return the program that `--against` names.

    Raises
    ------
    InputError
        If the release is none of ours or was not built, or a command names no program.
    """
    name, _, release = against.partition("@")
    if name != NAME:
        words = split_command(against, "--against", f"--against {NAME} or a command")
        return Program(Path(words[0]).name, None, words)
    release = release or RELEASES[0]
    if release not in RELEASES:
        raise InputError(
            "no such release",
            where="--against",
            value=against,
            fix="known: " + ", ".join(f"{NAME}@{each}" for each in RELEASES),
        )
    path = (folder or FOLDER) / f"{NAME}-{release}"
    if not path.is_file() or not os.access(path, os.X_OK):
        raise InputError(
            f"{NAME} {release} has not been built",
            where="--against",
            value=against,
            fix="`make kube-scheduler` builds it, in a checkout of the repository",
        )
    return Program(f"{NAME}@{release}", release, [str(path), "conformance"])
