"""What FILE stands for: scenarios, scheduler_perf workloads, manifests; and which."""

from __future__ import annotations

import difflib
import fnmatch
import gzip
import re
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from schedbench.errors import InputError, NotModelledError

if TYPE_CHECKING:
    from schedbench.experiment.cell import ScenarioRef

MANIFEST_POLICIES = ("kube-scheduler", "least-allocated", "most-allocated", "best-fit")
SUFFIXES = (".yaml", ".yml", ".json", ".gz")

_FIRST_KEY = re.compile(
    rb'\A(?:\s*(?:#.*)?\n|---.*\n|\{|\s)*["\']?([A-Za-z]+)["\']?\s*:'
)
_API_KEYS = frozenset({b"apiVersion", b"kind", b"metadata", b"items"})


def is_manifest(path: Path) -> bool:
    """Tell whether a file, or a folder's first, holds Kubernetes objects.

    Told by the first key: our own files start with another.
    """
    if path.is_dir():
        files = [
            each
            for each in sorted(path.rglob("*"))
            if each.suffix in SUFFIXES and each.is_file()
        ]
        return bool(files) and all(is_manifest(each) for each in files[:3])
    match = _FIRST_KEY.match(_head(path))
    return match is not None and match[1] in _API_KEYS


def scenarios(
    files: Sequence[str],
    *,
    sets: Sequence[str] = (),
    size: str | None = None,
    quick: bool = False,
    workloads: Sequence[str] = (),
    label: str | None = None,
) -> list[ScenarioRef]:
    """Return the scenarios that the arguments name.

    Raises
    ------
    InputError
        If something is not there, cannot be read, or nothing is left by the filters.
    NotModelledError
        If a workload asked for by its full name needs what is not modelled.
    """
    found = [ref for each in files for ref in _expand(each, sets, size, quick=quick)]
    if workloads:
        found = _named(found, workloads, files)
    elif label is None and len(found) > 1 and all(_of_suite(ref) for ref in found):
        raise InputError(
            f"holds {len(found)} workloads",
            source=files[0],
            fix="choose with --workload CASE/NAME or --label LABEL "
            f"(--workload '*' takes all; `schedbench list scenarios {files[0]}` "
            "shows them)",
        )
    return found if label is None else _labelled(found, label, files)


def _expand(
    text: str, sets: Sequence[str], size: str | None, *, quick: bool
) -> list[ScenarioRef]:
    from schedbench.experiment.build import expand_target
    from schedbench.experiment.shipped import resolve_target

    path = resolve_target(text)
    if str(path) == "-" or not is_manifest(path):
        return expand_target(path, sets=sets, size=size, quick=quick)
    return [_of_manifests(path, sets)]


def _of_manifests(path: Path, sets: Sequence[str]) -> ScenarioRef:
    from schedbench.experiment.build import FileRef
    from schedbench.experiment.scenario import scenario_of
    from schedbench.experiment.settings import parse_sets

    document: dict[str, Any] = {
        "name": path.resolve().name.split(".")[0],
        "description": "The pending pods of a cluster, from its manifests.",
        "manifests": str(path),
        "policies": list(MANIFEST_POLICIES),
        "seeds": {"first": 1, "repeats": 1},
    }
    scenario = scenario_of(document, str(path), parse_sets(sets))
    return FileRef(scenario.sized("default"), "default")


def _named(
    refs: Sequence[ScenarioRef], wanted: Sequence[str], files: Sequence[str]
) -> list[ScenarioRef]:
    chosen: dict[tuple[str, str], ScenarioRef] = {}
    for name in wanted:
        fitting = [
            ref
            for ref in refs
            if name in {ref.name, ref.name.partition("/")[0]}
            or fnmatch.fnmatchcase(ref.name, name)
        ]
        if not fitting:
            names = [ref.name for ref in refs]
            near = difflib.get_close_matches(name, names, n=1, cutoff=0.3)
            raise InputError(
                "unknown workload",
                source=files[0],
                value=name,
                fix=f"did you mean {near[0]!r}?"
                if near
                else f"`schedbench list scenarios {files[0]}` shows them",
            )
        for ref in fitting:
            needs = _needs(ref)
            if ref.name == name and needs:
                raise NotModelledError(
                    f"needs what is not modelled yet: {', '.join(needs)}",
                    source=files[0],
                    where=name,
                    fix=f"`schedbench list scenarios {files[0]}` shows what can be run",
                )
            chosen[ref.name, ref.size] = ref
    return list(chosen.values())


def _labelled(
    refs: Sequence[ScenarioRef], label: str, files: Sequence[str]
) -> list[ScenarioRef]:
    from schedbench.sources.scheduler_perf.labels import match_labels

    fitting = [ref for ref in refs if match_labels(label, _labels(ref))]
    if fitting:
        return fitting
    known = sorted({each for ref in refs for each in _labels(ref)})
    raise InputError(
        "no scenario has these labels",
        source=files[0],
        where="--label",
        value=label,
        fix=f"labels there: {', '.join(known) or 'none'}",
    )


def _labels(ref: ScenarioRef) -> Sequence[str]:
    labels: Sequence[str] = getattr(ref, "labels", ())
    return labels


def _needs(ref: ScenarioRef) -> Sequence[str]:
    needs: Sequence[str] = getattr(ref, "needs", ())
    return needs


def _of_suite(ref: ScenarioRef) -> bool:
    from schedbench.experiment.perf import PerfRef

    return isinstance(ref, PerfRef)


def _head(path: Path) -> bytes:
    """Return the first bytes of a file, unpacked; none if it cannot be read."""
    try:
        with path.open("rb") as file:
            packed = file.read(2) == b"\x1f\x8b"
        with gzip.open(path) if packed else path.open("rb") as file:
            return file.read(1 << 14)
    except (OSError, EOFError, zlib.error):
        return b""
