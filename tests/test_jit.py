"""What compiled code depends on, by which its cache is named."""

import re

from schedbench import jit


def test_modules_with_kernels_and_what_they_import_name_the_cache():
    """A constant of another module is compiled in, so that module counts too."""
    sources = {path.relative_to(jit.PACKAGE).as_posix() for path in jit._sources()}

    assert {
        "jit.py",
        "scheduler/cycle.py",
        "simulation/record.py",
        "cluster/layout.py",
    } <= sources


def test_modules_that_no_kernel_reads_do_not_name_the_cache():
    """An edit of what runs in plain Python costs nobody a compilation."""
    sources = {path.relative_to(jit.PACKAGE).as_posix() for path in jit._sources()}

    assert sources.isdisjoint(
        {"scheduler/preemption.py", "scheduler/queue.py", "scheduler/session.py"}
    )


def test_no_counted_module_imports_in_a_form_that_goes_unseen():
    """Only `from schedbench.x import y` at the top level is followed."""
    unseen = re.compile(
        rb"^(import schedbench|from \.|from schedbench import)", re.MULTILINE
    )
    strays = [path.name for path, text in jit._sources().items() if unseen.search(text)]

    assert strays == []
