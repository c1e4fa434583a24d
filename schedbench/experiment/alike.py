"""In what two runs differ beside the policy: what forbids to compare them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from schedbench.errors import InputError

if TYPE_CHECKING:
    from schedbench.experiment.store import Results


def require_alike(base: Results, new: Results) -> None:
    """Refuse runs of which a difference may have other causes than the policy.

    Raises
    ------
    InputError
        If a scenario's content or schedbench's own code differ; names all of it.
    """
    found = [*_scenarios(base, new), *_code(base.manifest, new.manifest)]
    if found:
        raise InputError(
            f"the two runs used different {' and different '.join(found)}, so that "
            "what differs between them need not come from the policy",
            source=new.path,
            fix="run both alike, or add --override to compare anyway",
        )


def clock_differences(base: Results, new: Results) -> list[str]:
    """Return what makes times of the two runs incomparable, such as `machine`."""
    old, mine = base.manifest, new.manifest
    pairs = {
        "machine": [_machine(each) for each in (old, mine)],
        "engine": [each.get("engine") for each in (old, mine)],
        "Python": [each["environment"].get("python") for each in (old, mine)],
        "libraries": [each["environment"].get("libraries") for each in (old, mine)],
        "thread settings": [
            each["environment"].get("thread_variables") for each in (old, mine)
        ],
        "number of cells at a time": [_jobs(each) for each in (old, mine)],
    }
    return [what for what, (was, now) in pairs.items() if was != now]


def changed_policies(base: Results, new: Results) -> list[str]:
    """Return the user's own policies whose file changed between the runs."""
    old: Mapping[str, str] = base.manifest.get("policy_sources", {})
    mine: Mapping[str, str] = new.manifest.get("policy_sources", {})
    return [name for name, digest in mine.items() if old.get(name, digest) != digest]


def _scenarios(base: Results, new: Results) -> Iterator[str]:
    known = {
        (one["name"], one["size"]): one["digest"] for one in base.manifest["scenarios"]
    }
    changed = [
        f"{one['name']}/{one['size']}".rstrip("/")
        for one in new.manifest["scenarios"]
        if known.get((one["name"], one["size"]), one["digest"]) != one["digest"]
    ]
    if changed:
        more = f" and {len(changed) - 3} more" if len(changed) > 3 else ""
        yield f"contents of scenario {', '.join(changed[:3])}{more}"


def _code(base: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    if base.get("version") != new.get("version"):
        yield f"versions of schedbench ({base.get('version')}, {new.get('version')})"
        return
    digests = [each["environment"].get("code_digest") for each in (base, new)]
    if digests[0] != digests[1]:
        commits = [
            str((each.get("git") or {}).get("commit") or "") for each in (base, new)
        ]
        named = all(commits) and commits[0] != commits[1]
        told = f" ({commits[0][:10]}, {commits[1][:10]})" if named else ""
        yield f"code of schedbench{told}"


def _machine(manifest: Mapping[str, Any]) -> Any:
    cpu = manifest["environment"]["cpu"]
    return cpu["model"], cpu["cores"]


def _jobs(manifest: Mapping[str, Any]) -> Any:
    return sorted({session.get("jobs") for session in manifest.get("sessions", ())})
