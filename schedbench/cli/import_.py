"""`schedbench import`: a trace to columns, manifests to a card, and what was lost."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from schedbench.cli import output
from schedbench.errors import InputError, UnknownNameError

if TYPE_CHECKING:
    from schedbench.objects.workload import Workload

OBJECTS = {
    "openb": (
        "Alibaba GPU cluster 2023 (FGD)",
        "Apache-2.0 in its simulator",
        "nothing",
    ),
    "manifests": ("objects of a cluster", "yours", "pods that have ended, other kinds"),
}
"""Sources that are read as Kubernetes objects, whole, rather than streamed: title,
licence and what is dropped."""


@click.command(
    name="import",
    epilog="""\b
Examples:
  schedbench import swf KTH-SP2.swf.gz --out kth --describe
  schedbench import google-2019 clusterdata_2019_a/ --set share=0.01 --out borg
  schedbench import borg --describe --json
  schedbench run trace --set file=borg -p kube-scheduler -p best-fit
  schedbench import manifests cluster.json --describe
  schedbench import openb DIR --set trace=gpuspec10 -o gpus.json.gz
""",
)
@click.argument("name")
@click.argument("paths", nargs=-1, metavar="[PATH]...")
@click.option(
    "--set", "sets", multiple=True, metavar="KEY=VALUE",
    help="What the trace leaves open; repeatable. `--set help` lists the settings.",
)  # fmt: skip
@click.option(
    "--describe", is_flag=True,
    help="Print a workload card; the default without --out.",
)  # fmt: skip
@click.option(
    "--strict", is_flag=True, help="Refuse a trace of which a row would be dropped."
)
@click.option(
    "-o", "--out", metavar="DIR",
    help="Write nodes.parquet, pods.parquet and import.json, which scenarios name; "
    "of openb, manifests and imported folders FILE.json or .json.gz: manifests.",
)  # fmt: skip
@output.json_option
@output.quiet_and_verbose
def command(
    name: str,
    paths: tuple[str, ...],
    sets: tuple[str, ...],
    describe: bool,
    strict: bool,
    out: str | None,
    form: str | None,
) -> int:
    """Read a trace, manifests or an imported folder, and say what is in them.

    NAME is a trace (`schedbench import list` names them), `manifests`, or the folder
    of an earlier import. What was dropped or repaired on the way is told with its
    count.
    """
    from schedbench.experiment.settings import parse_sets
    from schedbench.sources.traces.folder import is_imported
    from schedbench.sources.traces.registry import MODULES

    if name == "list":
        return _list(form)
    if name in MODULES:
        if sets == ("help",):
            return _settings(name, form)
        return _import(name, paths, parse_sets(sets), strict, describe, out, form)
    if name not in OBJECTS and not paths and is_imported(Path(name)):
        _refuse(name, sets, strict)
        return _imported(Path(name), describe, out, form)
    if name not in OBJECTS:
        if Path(name).is_dir():
            from schedbench.sources.traces.folder import read_about

            read_about(Path(name))
        raise UnknownNameError("trace", name, (*OBJECTS, *MODULES))
    if len(paths) != 1:
        raise InputError(f"{name} needs one PATH", value=list(paths))
    if strict:
        raise InputError(f"{name} has no strict import", source="--strict")
    workload = _openb(paths[0], sets) if name == "openb" else _manifests(*paths, sets)
    return _objects(name, workload, describe, out, form)


def _import(
    name: str,
    paths: Sequence[str],
    sets: Mapping[str, Any],
    strict: bool,
    describe: bool,
    out: str | None,
    form: str | None,
) -> int:
    from schedbench.cli.trace_card import tell_card, tell_counts
    from schedbench.sources.traces.card import trace_card
    from schedbench.sources.traces.folder import read_about
    from schedbench.sources.traces.importer import run_importer
    from schedbench.sources.traces.registry import load_importer

    if not paths:
        raise InputError(f"{name} needs a PATH", fix="give its files or folder")
    with tempfile.TemporaryDirectory(prefix="schedbench-import.") as scratch:
        folder = Path(scratch, name) if out is None else Path(out)
        run_importer(
            name, load_importer(name), [Path(each) for each in paths], folder, sets,
            strict=strict,
        )  # fmt: skip
        about = read_about(folder)
        if form == "json":
            document = trace_card(folder) if describe or out is None else about
            output.json_document(document)
        else:
            if describe or out is None:
                tell_card(trace_card(folder))
                output.result("")
            tell_counts(about)
        if out is not None:
            output.note(f"written: {out}")
    return 0


def _imported(folder: Path, describe: bool, out: str | None, form: str | None) -> int:
    from schedbench.cli.trace_card import tell_card
    from schedbench.sources.traces.card import trace_card

    if out is not None:
        from schedbench.cli.manifests import check_target, write_manifests
        from schedbench.sources.traces.options import Trace
        from schedbench.sources.traces.replay import load_trace

        check_target(out)
        workload = load_trace(folder, Trace(), seed=0)
        for text in (*workload.notes, *write_manifests(workload, out)):
            output.note(f"note: {text}")
        output.note(f"written: {out}")
    if describe or out is None:
        card = trace_card(folder)
        if form == "json":
            output.json_document(card)
        else:
            tell_card(card)
    return 0


def _objects(
    name: str, workload: Workload, describe: bool, out: str | None, form: str | None
) -> int:
    from schedbench.cli.manifests import SUFFIXES, write_manifests
    from schedbench.cli.object_card import tell_card, workload_card

    if describe or out is None:
        card = workload_card(workload)
        if form == "json":
            output.json_document(card)
        else:
            tell_card(card)
    if form is None or out is not None:
        for text in workload.notes:
            output.note(f"note: {text}")
    if out is None:
        return 0
    if out == "-" or out.endswith(SUFFIXES):
        for text in write_manifests(workload, out):
            output.note(f"note: {text}")
    else:
        from schedbench.sources.traces.objects import write_workload

        title, licence, _ = OBJECTS[name]
        write_workload(workload, Path(out), title, licence)
    output.note(f"written: {out}")
    return 0


def _list(form: str | None) -> int:
    from schedbench.sources.traces.registry import MODULES, load_importer

    found = {name: load_importer(name) for name in MODULES}
    told = OBJECTS | {n: (e.title, e.licence, e.drops) for n, e in found.items()}
    header = ["name", "trace", "licence", "dropped"]
    table = output.Table(header, [[name, *words] for name, words in told.items()])
    keys = ("name", "title", "licence", "drops")
    document = {
        "traces": [
            dict(zip(keys, (name, *words), strict=True)) for name, words in told.items()
        ]
    }
    output.show_table(table, form, document)
    return 0


def _settings(name: str, form: str | None) -> int:
    from schedbench.sources.traces.registry import load_importer

    settings = load_importer(name).settings
    rows = [
        [key, str(each.default), each.meaning
         + (f" ({', '.join(each.choices)})" if each.choices else "")]
        for key, each in settings.items()
    ]  # fmt: skip
    document = {
        "settings": [
            {"name": key, "default": each.default, "meaning": each.meaning}
            for key, each in settings.items()
        ]
    }
    output.show_table(
        output.Table(["setting", "default", "meaning"], rows), form, document
    )
    return 0


def _refuse(name: str, sets: Sequence[str], strict: bool) -> None:
    if sets or strict:
        raise InputError(
            "an imported trace has no settings",
            source=name,
            value=sets[0] if sets else "--strict",
            fix="give them when you import it, or to the scenario",
        )


def _openb(path: str, sets: Sequence[str]) -> Workload:
    from schedbench.experiment.settings import parse_sets
    from schedbench.sources.traces.importer import Setting, chosen_settings
    from schedbench.sources.traces.openb import TUNE, load_openb

    known = {
        "trace": Setting("default", "which list of pods"),
        "tune": Setting(TUNE, "request of all pods over capacity; 0 = as it is"),
        "seed": Setting(42, "seed of the order of arrival"),
        "times": Setting(False, "whether pods come and go at the trace's times"),
    }
    given = chosen_settings(known, parse_sets(sets))
    return load_openb(
        Path(path), given["trace"], given["seed"], tune=given["tune"],
        times=given["times"],
    )  # fmt: skip


def _manifests(path: str, sets: Sequence[str]) -> Workload:
    from schedbench.sources.manifests import manifests_workload

    if sets:
        raise InputError("manifests have no settings", source="--set", value=sets[0])
    if path != "-" and not Path(path).exists():
        raise InputError("no such file or folder", source=path)
    return manifests_workload(path)
