"""Every kernel of a decision with its naive twin and inputs: one table, two uses.

The tests compare kernel and twin; benchmarks may draw their inputs here too. A kernel
of `schedbench/plugins` that is neither here nor called by one that is fails a test.
"""

from __future__ import annotations

from kernel_cases import (
    cycle_cases,
    domain_cases,
    fused_cases,
    gpu_cases,
    resource_cases,
    sampling_cases,
    team_cases,
)
from kernel_cases.situation import KernelCase, Situation, situations

CASES: dict[str, KernelCase] = {
    **domain_cases.CASES,
    **resource_cases.CASES,
    **gpu_cases.CASES,
    **cycle_cases.CASES,
    **fused_cases.CASES,
    **sampling_cases.CASES,
    **team_cases.CASES,
}

__all__ = ["CASES", "KernelCase", "Situation", "situations"]
