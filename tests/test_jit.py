"""What compiled code depends on, by which its cache is named."""

import os
import re
import subprocess
import sys

from schedbench import jit
from schedbench.jit import cache


def test_modules_with_kernels_and_what_they_import_name_the_cache():
    """A constant of another module is compiled in, so that module counts too."""
    sources = {path.relative_to(cache.PACKAGE).as_posix() for path in cache._sources()}

    assert {
        "jit/kernels.py",
        "scheduler/cycle.py",
        "simulation/record.py",
        "cluster/layout.py",
    } <= sources


def test_modules_that_no_kernel_reads_do_not_name_the_cache():
    """An edit of what runs in plain Python costs nobody a compilation."""
    sources = {path.relative_to(cache.PACKAGE).as_posix() for path in cache._sources()}

    assert sources.isdisjoint(
        {"scheduler/preemption.py", "scheduler/queue.py", "scheduler/session.py"}
    )


def test_no_counted_module_imports_in_a_form_that_goes_unseen():
    """Only `from schedbench.x import y` at the top level is followed."""
    unseen = re.compile(
        rb"^(import schedbench|from \.|from schedbench import)", re.MULTILINE
    )
    strays = [
        path.name for path, text in cache._sources().items() if unseen.search(text)
    ]

    assert strays == []


COUNT = """
import sys
from schedbench.experiment.warmup import warm_up
warm_up(["kube-scheduler", "kube-scheduler[percentageOfNodesToScore=0]", "balanced",
         "gpu-packing", "first-fit", "round-robin"], engines=("scan",))
for module in [m for n, m in sys.modules.items() if n.startswith("schedbench.")]:
    for name, found in vars(module).items():
        if getattr(found, "overloads", None) is not None:
            within = found.get_call_template.__self__
            print(name, len(found.overloads), len(within.overloads))
"""


def test_kernels_are_compiled_for_one_kind_of_arguments():
    """After runs of several policies no kernel is there more than twice.

    A cold compile: what is loaded from the cache brings what it calls along.
    """
    told = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", COUNT],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"SCHEDBENCH_NO_CACHE": "1"},
    )
    counts = {}
    for line in told.stdout.splitlines():
        name, outer, inner = line.split()
        counts[name] = int(outer), int(inner)

    assert counts["run_loop"] == (1, 0)
    assert counts["schedule_one"][1] == 1
    assert {name: found for name, found in counts.items() if max(found) > 2} == {}


def test_a_kernel_that_only_kernels_call_has_no_entry_from_python():
    """Among kernels the compiled code is called without one."""
    kernel = jit.kernel(_double)
    called = kernel.get_call_template.__self__

    assert kernel(2) == 4
    assert called is not kernel
    assert called.targetoptions["no_cpython_wrapper"]
    assert "no_cpython_wrapper" not in kernel.targetoptions


def _double(number):
    return 2 * number
