"""Where a run took place: versions, machine, threads. Neither host nor user name."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

import schedbench
from schedbench.experiment.fingerprint import PACKAGE, code_digest

LIBRARIES = (
    "numpy", "numba", "llvmlite", "pandas", "scipy", "pyarrow", "msgspec", "joblib",
)  # fmt: skip

THREAD_VARIABLES = (
    "NUMBA_NUM_THREADS",
    "NUMBA_THREADING_LAYER",
    "NUMBA_DISABLE_JIT",
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
)

CPU_FEATURES = ("sse4_2", "avx", "avx2", "fma", "avx512f", "avx512vl", "asimd", "sve")
"""The instruction sets that change compiled code; a CPU lists a hundred others."""


def environment() -> dict[str, Any]:
    """Return versions, machine and thread settings, ready for JSON."""
    return {
        "schedbench": schedbench.__version__,
        "code_digest": code_digest(),
        "git": git_state(PACKAGE),
        "python": platform.python_version(),
        "implementation": platform.python_implementation(),
        "libraries": {name: _version(name) for name in LIBRARIES},
        "os": f"{platform.system()} {platform.release()}",
        "distribution": _distribution(),
        "machine": platform.machine(),
        "cpu": cpu(),
        "memory_bytes": _memory(),
        "blas": _blas(),
        "threading_layer": _threading_layer(),
        "thread_variables": {
            name: os.environ[name] for name in THREAD_VARIABLES if name in os.environ
        },
    }


def cpu() -> dict[str, Any]:
    """Return the CPU's model, its cores and the features that matter to kernels.

    `cores` are the logical ones of the machine, `usable` those of this process.
    """
    fields: dict[str, str] = {}
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        text = ""
    for line in text.splitlines():
        name, _, value = line.partition(":")
        fields.setdefault(name.strip(), value.strip())
    features = set((fields.get("flags") or fields.get("Features") or "").split())
    affinity = getattr(os, "sched_getaffinity", None)
    return {
        "model": fields.get("model name") or platform.processor() or "unknown",
        "cores": os.cpu_count(),
        "usable": len(affinity(0)) if affinity else os.cpu_count(),
        "features": [name for name in CPU_FEATURES if name in features],
        "governor": _governor(),
    }


def git_state(package: Path) -> dict[str, Any] | None:
    """Return commit and dirty flag of the checkout a package lies in.

    None if it is installed, or lies in some other project's repository.
    """
    top = _git(package, "rev-parse", "--show-toplevel")
    if top is None or Path(top).resolve() != package.resolve().parent:
        return None
    commit = _git(package, "rev-parse", "HEAD")
    if commit is None:
        return None
    status = _git(package, "status", "--porcelain", "--", str(package))
    return {"commit": commit, "dirty": bool(status)}


def _git(folder: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(  # noqa: S603
            ["git", "-C", str(folder), *arguments],  # noqa: S607
            capture_output=True,
            text=True,
            timeout=10,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _distribution() -> str | None:
    try:
        return platform.freedesktop_os_release().get("PRETTY_NAME")
    except OSError:
        return None


def _memory() -> int | None:
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return None


def _governor() -> str | None:
    path = Path("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")
    try:
        return path.read_text(encoding="ascii").strip()
    except OSError:
        return None


def _blas() -> str | None:
    import numpy as np

    built = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
    return f"{built.get('name')} {built.get('version')}"


def _threading_layer() -> str:
    """Return numba's setting, without importing numba for it."""
    numba = sys.modules.get("numba")
    if numba is not None:
        return str(numba.config.THREADING_LAYER)
    return os.environ.get("NUMBA_THREADING_LAYER", "default")
