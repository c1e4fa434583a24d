"""`schedbench`: one module a sub-command, loaded when it is called."""

from __future__ import annotations

import difflib
import gc
import importlib
import os
import shlex
import sys
import traceback
from collections.abc import Sequence
from typing import Any, NoReturn

import click

import schedbench
from schedbench.cli import output
from schedbench.errors import SchedbenchError

COMMANDS = {
    "run": ("run", "Run scenarios under policies and say which is better."),
    "sweep": ("sweep", "Run a grid that a file describes, going on where it stopped."),
    "compare": ("compare", "Compare two runs, and fail when something got worse."),
    "report": ("report", "Draw the page of a stored run; nothing is run again."),
    "list": ("list", "List policies, scenarios, metrics, plots or runs."),
    "show": ("show", "Show a stored run, or what happened to one of its pods."),
    "explain": ("explain", "Say why a pod goes where it goes, or why nowhere."),
    "whatif": ("whatif", "Say what another configuration would do with a cluster."),
    "capacity": (
        "capacity",
        "Say how many more pods fit, and what stops the next.",
    ),
    "fit": ("fit", "Find the fewest or cheapest nodes that carry a workload."),
    "check": ("check", "Check a policy's conduct, or a scenario file."),
    "conformance": ("conformance", "Compare decisions with recorded ones."),
    "verify": ("verify", "Compare decisions with a living kube-scheduler's."),
    "record": ("record", "Record a living kube-scheduler's decisions."),
    "import": ("import_", "Read a trace or manifests and describe what is in them."),
    "generate": ("generate", "Write a scenario's cluster and pods as manifests."),
    "warmup": ("warmup", "Compile the kernels, so that runs need not."),
    "schema": ("schema", "Print the JSON Schema of scenario files."),
    "env": ("env", "Show versions, machine and thread settings."),
}
"""Name → module in this package, sentence."""

EXIT_CODES = """\b
Exit codes:
  0    done
  1    something got worse (compare --fail-on), or a check failed
  2    wrong usage or bad input
  3    some cells failed; the others are kept
  130  interrupted; finished cells are kept
"""


class Commands(click.Group):
    """The sub-commands, told by the table until one is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a sub-command."""
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"schedbench.cli.{COMMANDS[cmd_name][0]}")
        found: click.Command = module.command
        return found

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the sub-command, or suggest one."""
        name = args[0]
        if name not in COMMANDS and not name.startswith("-"):
            near = difflib.get_close_matches(name, COMMANDS, n=1, cutoff=0.5)
            hint = f"did you mean {near[0]!r}?" if near else ", ".join(COMMANDS)
            ctx.fail(f"no such command: {name!r}; {hint}")
        return super().resolve_command(ctx, args)

    def format_commands(
        self, ctx: click.Context, formatter: click.HelpFormatter
    ) -> None:
        """Write the table of sub-commands."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, COMMANDS[name][1]) for name in COMMANDS])


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 88},
    epilog=f"""\b
Examples:
  schedbench run web-services
  schedbench run batch-churn -p kube-scheduler -p 'gpu-*' --repeats 5
  schedbench list policies
  schedbench explain cluster.json --pod default/web-0

{EXIT_CODES}""",
)
@click.version_option(schedbench.__version__, prog_name="schedbench")
def cli() -> None:
    """Measure Kubernetes schedulers in a wind tunnel.

    Plays clusters and their pods against scheduling policies, and compares the
    policies with numbers, intervals and pictures. Results go to stdout, everything
    else to stderr.
    """


def main() -> NoReturn:
    """Run the command line and exit.

    Imports alone make a million objects that stay: looking for garbage among them as
    often as Python does by itself takes a fifth of their time.
    """
    gc.set_threshold(100_000, 20, 50)
    sys.exit(invoke(sys.argv[1:]))


def invoke(arguments: Sequence[str]) -> int:
    """Run the command line and return its exit code."""
    output.reset_verbosity()
    try:
        code: Any = cli.main(
            args=list(arguments),
            prog_name="schedbench",
            standalone_mode=False,
            obj=shlex.join(["schedbench", *arguments]),
        )
        sys.stdout.flush()
        return code if isinstance(code, int) else 0
    except (BrokenPipeError, SystemExit):
        # click exits by itself, with 1, only when a pipe is closed
        return _pipe_closed()
    except click.ClickException as problem:
        return _usage(problem)
    except (click.Abort, KeyboardInterrupt):
        output.error("interrupted")
        return 130
    except SchedbenchError as problem:
        _trace()
        output.error(str(problem))
        return problem.exit_code
    except OSError as problem:
        _trace()
        place = f"{problem.filename}: " if problem.filename else ""
        output.error(f"{place}{problem.strerror or problem}")
        return 2


def _trace() -> None:
    """Print where the error came from, to those who ask for it."""
    if output.verbosity() >= 2 or os.environ.get("SCHEDBENCH_DEBUG"):
        traceback.print_exc()


def _pipe_closed() -> int:
    """End in silence: whoever reads our output has read enough."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    return 0


def _usage(problem: click.ClickException) -> int:
    """Say what is wrong with the arguments, and where help is."""
    if isinstance(problem, click.exceptions.NoArgsIsHelpError):
        click.echo(problem.format_message(), err=True)
        return 2
    text = problem.format_message().rstrip(".").replace(". Did you", "; did you")
    text = text.replace("float range", "number")
    context = getattr(problem, "ctx", None)
    path = context.command_path if context is not None else "schedbench"
    output.error(f"{text[:1].lower()}{text[1:]}")
    output.note(f"{path} --help tells more")
    return 2
