"""The traces that can be imported, by name: one file each."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from schedbench.errors import UnknownNameError

if TYPE_CHECKING:
    from schedbench.sources.traces.importer import Importer

MODULES = {
    "google-2019": "google_2019",
    "google-2011": "google_2011",
    "alibaba-2018": "alibaba_2018",
    "pai-2020": "pai_2020",
    "azure-packing-2020": "azure_packing_2020",
    "spot-gpu-2026": "spot_gpu_2026",
    "gpu-2025": "gpu_2025",
    "philly": "philly",
    "helios": "helios",
    "swf": "swf",
}
"""Name to the module whose `IMPORTER` reads it."""


def load_importer(name: str) -> Importer:
    """Return an importer by its name.

    Raises
    ------
    UnknownNameError
        If there is none of this name.
    """
    if name not in MODULES:
        raise UnknownNameError("trace", name, MODULES)
    module = importlib.import_module(f"{__package__}.{MODULES[name]}")
    importer: Importer = module.IMPORTER
    return importer
