"""An import takes the same memory, however long the file."""

from __future__ import annotations

import subprocess
import sys

import pytest

IMPORT = """
import resource, sys
from pathlib import Path
from schedbench.sources.traces.importer import run_importer
from schedbench.sources.traces.registry import load_importer
folder, out = map(Path, sys.argv[1:])
run_importer("alibaba-2018", load_importer("alibaba-2018"), [folder], out, {})
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""
MOST_MIB = 250
"""How much more a file ten times as long may take, of some 1,300 that it would hold."""


def peak(tmp_path, rows):
    """Import so many batch tasks in a process of its own; return its peak in MiB."""
    folder = tmp_path / f"a{rows}"
    folder.mkdir()
    (folder / "machine_meta.csv").write_text("m_1,0,1,2,96,100,USING\n")
    with (folder / "batch_task.csv").open("w") as file:
        file.writelines(
            f"M1,1,j_{n},1,Terminated,{n},{n + 60},100,0.39\n" for n in range(1, rows)
        )
    done = subprocess.run(
        [sys.executable, "-c", IMPORT, folder, tmp_path / f"o{rows}"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return int(done.stdout)


@pytest.mark.deep
def test_memory_does_not_grow_with_rows(tmp_path):
    """Two million rows take hardly more memory than two hundred thousand."""
    short, long = peak(tmp_path, 200_000), peak(tmp_path, 2_000_000)

    assert long < short + MOST_MIB
