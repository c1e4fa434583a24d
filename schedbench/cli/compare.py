"""`schedbench compare`: two runs, and whether something got worse."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from schedbench.cli import output
from schedbench.cli.main import EXIT_CODES
from schedbench.errors import InputError

if TYPE_CHECKING:
    from schedbench.experiment.compare import Comparison
    from schedbench.experiment.limits import Limit
    from schedbench.experiment.store import Results

FORMS = ("text", "json", "csv", "markdown")


@click.command(
    name="compare",
    epilog=f"""\b
Examples:
  schedbench compare latest~1 latest
  schedbench compare 0003 0004 --all --format markdown
  schedbench compare base/ new/ --fail-on nodes_used:2% --fail-on pods_pending:0
  schedbench compare --learn 0001 0002 0003 --out thresholds.json
  schedbench compare base/ new/ --fail-on @thresholds.json --margin 1%

{EXIT_CODES}""",
)
@click.argument("runs", nargs=-1, required=True, metavar="BASE [NEW]")
@click.option(
    "--fail-on", "fail_on", multiple=True, metavar="METRIC:LIMIT",
    help="Exit with 1 if a metric got worse by more than LIMIT, or LIMIT%, or than a "
    "file of learnt limits allows (@FILE); repeatable.",
)  # fmt: skip
@click.option(
    "--margin", metavar="SHARE%",
    help="Differences within this share of the base are the same.  [default: 0%]",
)  # fmt: skip
@click.option(
    "-m", "--metric", "metrics", multiple=True, metavar="METRIC",
    help="Only these metrics; repeatable.",
)  # fmt: skip
@click.option("--all", "everything", is_flag=True, help="Rows without change, too.")
@click.option(
    "--override", is_flag=True,
    help="Compare though scenarios, code or machines differ.",
)  # fmt: skip
@click.option(
    "--learn", is_flag=True,
    help="Learn limits from the spread of the given runs, over seeds and runs.",
)  # fmt: skip
@click.option(
    "-o", "--out", metavar="FILE", help="With --learn: where the limits are written."
)
@click.option(
    "--format", "form", type=click.Choice(FORMS), help="How to print it."
)  # fmt: skip
@output.table_options
@output.quiet_and_verbose
def command(
    runs: tuple[str, ...],
    fail_on: tuple[str, ...],
    margin: str | None,
    metrics: tuple[str, ...],
    everything: bool,
    override: bool,
    learn: bool,
    out: str | None,
    form: str | None,
) -> int:
    """Compare run NEW with run BASE, policy by policy, paired by seed.

    A run is a folder, an id or the beginning of one, `latest`, or `latest~1` for the
    one before; NEW is the latest unless given. Only what became better or worse is
    shown, the largest change first. If the runs have no policy in common and one each,
    these two are compared. Runs that differ in more than the policy are refused.
    """
    from schedbench.experiment.compare import compare
    from schedbench.experiment.compare_forms import headline
    from schedbench.experiment.statistics import metric_of

    for name in metrics:
        metric_of(name)
    if learn:
        return _learn(runs, metrics, out, fail_on)
    if out is not None:
        raise InputError(
            "only learnt limits are written", source="--out", value=out,
            fix="add --learn, or send the output to a file",
        )  # fmt: skip
    if len(runs) > 2:
        raise InputError(
            "more than two runs", value=runs[2], fix="compare two, or add --learn"
        )
    base, new = (*runs, "latest")[:2]
    found = compare(
        _load(base),
        _load(new),
        fail_on=[each for text in fail_on for each in _limits(text)],
        metrics=metrics or None,
        override=override,
        margin=_share(margin),
    )
    _show(found, form, changed_only=not (everything or metrics))
    for text in found.regressions:
        output.error(text)
    if found.limits and form in {None, "text"}:
        output.note(headline(found))
    return found.exit_code


def _learn(
    runs: Sequence[str],
    metrics: Sequence[str],
    out: str | None,
    fail_on: Sequence[str],
) -> int:
    from schedbench.experiment.thresholds import RULE, learn, write_thresholds

    if out is None or fail_on:
        raise InputError(
            "limits are either learnt or checked"
            if fail_on
            else "nothing says where the limits go",
            source="--learn",
            fix="leave --fail-on out" if fail_on else "add --out FILE.json",
        )
    found, notes = learn([_load(run) for run in runs], metrics or None)
    write_thresholds(found, Path(out))
    output.result(out)
    output.note(f"{output.counted(len(found.limits), 'limit')} learnt. {RULE}")
    for text in notes:
        output.note(f"note: {text}")
    return 0


def _load(run: str) -> Results:
    from schedbench.experiment.runs import resolve_run
    from schedbench.experiment.store import load_results

    return load_results(resolve_run(run))


def _limits(text: str) -> list[Limit]:
    from schedbench.experiment.limits import Limit
    from schedbench.experiment.thresholds import read_limits

    if text.startswith("@"):
        return read_limits(Path(text[1:]))
    return [Limit.parse(text)]


def _share(text: str | None) -> float:
    if text is None:
        return 0.0
    try:
        value = float(text.removesuffix("%")) / 100
    except ValueError:
        value = -1.0
    if not text.endswith("%") or not 0 <= value < 1:
        raise InputError(
            "not a share", source="--margin", value=text,
            fix="write a percentage below 100, such as 1%",
        )  # fmt: skip
    return value


def _show(found: Comparison, form: str | None, *, changed_only: bool) -> None:
    from schedbench.experiment import compare_forms as forms

    if form == "json":
        output.json_document(forms.to_dict(found, changed_only=changed_only))
    elif form == "csv":
        output.result(forms.to_csv(found, changed_only=changed_only).rstrip("\n"))
    elif form == "markdown":
        output.result(forms.to_markdown(found, changed_only=changed_only).rstrip("\n"))
    else:
        header, rows = forms.to_table(found, changed_only=changed_only)
        if rows:
            table = output.Table(header, rows, frozenset({3, 4, 5}))
            output.result(table.text())
        else:
            output.result(f"Nothing changed between {found.base} and {found.new}.")
    for text in found.notes:
        output.note(f"note: {text}")
