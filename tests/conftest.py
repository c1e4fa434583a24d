"""Fixtures and hypothesis profiles that every test shares."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

ROOT = Path(__file__).resolve().parent.parent

_COMMON = {
    "deadline": None,
    "suppress_health_check": [HealthCheck.too_slow, HealthCheck.data_too_large],
}
settings.register_profile("gate", max_examples=50, derandomize=True, **_COMMON)
settings.register_profile("search", max_examples=1_000, print_blob=True, **_COMMON)
settings.register_profile("deep", max_examples=10_000, print_blob=True, **_COMMON)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "gate"))


def pytest_collection_modifyitems(
    config: pytest.Config, items: list[pytest.Item]
) -> None:
    """Skip tests marked `deep` unless they were asked for by `-m deep`."""
    if "deep" in (config.option.markexpr or ""):
        return
    skip = pytest.mark.skip(reason="deep check: run by `make deep`")
    for item in items:
        if "deep" in item.keywords:
            item.add_marker(skip)


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of shared reference data beside the checkout, or a skip."""
    path = Path(os.environ.get("SCHEDBENCH_SHARED", ROOT.parent / "shared"))
    if not path.is_dir():
        pytest.skip("reference data (../shared) is not beside this checkout")
    return path
