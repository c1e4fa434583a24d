"""Every back-end under its name."""

from __future__ import annotations

import importlib
import importlib.util

from schedbench.errors import InputError, MissingExtraError, UnknownNameError
from schedbench.experiment.backends.base import Backend
from schedbench.experiment.backends.loky import Loky

_ROOM = "schedbench.experiment.backends"

CLUSTERS = {
    "dask": (f"{_ROOM}.dask", "Dask", "distributed"),
    "ray": (f"{_ROOM}.ray", "Ray", "ray"),
}
"""Name → module, class, and the library that it needs, which an extra installs."""

BACKENDS = ("loky", *CLUSTERS)


def check_backend(name: str, address: str | None) -> None:
    """Refuse a back-end that cannot be had.

    Raises
    ------
    InputError
        If the name is unknown, or an address is given to a back-end without one.
    MissingExtraError
        If its library is not installed.
    """
    if name not in BACKENDS:
        raise UnknownNameError("back-end", name, BACKENDS)
    if name not in CLUSTERS:
        if address is not None:
            raise InputError(
                f"{name} runs on this machine only", where="--address", value=address,
                fix="choose a cluster by --backend dask or --backend ray",
            )  # fmt: skip
        return
    library = CLUSTERS[name][2]
    if importlib.util.find_spec(library) is None:
        raise MissingExtraError(
            f"--backend {name} needs {library}, which is not installed; "
            f"pip install 'schedbench[{name}]'"
        )


def make_backend(name: str, address: str | None, jobs: int | None) -> Backend:
    """Return a back-end, not yet connected.

    Parameters
    ----------
    address
        Of a cluster that exists; None = workers are started on this machine.
    jobs
        Workers to start; at an address, the most cells at a time, None = no limit.

    Raises
    ------
    InputError
        If the number of jobs makes no sense, or as `check_backend`.
    MissingExtraError
        As `check_backend`.
    """
    check_backend(name, address)
    if jobs is not None and jobs < 1:
        raise InputError("number of jobs is not positive", value=jobs)
    if name not in CLUSTERS:
        return Loky(jobs or 1)
    module, kind, _ = CLUSTERS[name]
    made: Backend = getattr(importlib.import_module(module), kind)(address, jobs)
    return made
