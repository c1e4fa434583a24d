"""Intervals, paired tests, verdicts, ranks and profiles of the cells of a run."""

from schedbench.experiment.statistics.corrections import benjamini_hochberg, holm
from schedbench.experiment.statistics.effects import (
    cliffs_delta,
    cohen_dz,
    superiority,
)
from schedbench.experiment.statistics.frames import (
    Family,
    family_of,
    metric_of,
    paired_differences,
    ranks,
    summarize,
)
from schedbench.experiment.statistics.intervals import Interval, interval
from schedbench.experiment.statistics.judgement import (
    Basis,
    Difference,
    Evidence,
    Verdict,
    changes,
    difference,
    verdict,
    weigh,
)
from schedbench.experiment.statistics.paired import (
    PairedTest,
    paired_t,
    paired_test,
    sign_flip,
    signed_rank,
)
from schedbench.experiment.statistics.profiles import (
    performance_profiles,
    rank_distribution,
)

__all__ = [
    "Basis",
    "Difference",
    "Evidence",
    "Family",
    "Interval",
    "PairedTest",
    "Verdict",
    "benjamini_hochberg",
    "changes",
    "cliffs_delta",
    "cohen_dz",
    "difference",
    "family_of",
    "holm",
    "interval",
    "metric_of",
    "paired_differences",
    "paired_t",
    "paired_test",
    "performance_profiles",
    "rank_distribution",
    "ranks",
    "sign_flip",
    "signed_rank",
    "summarize",
    "superiority",
    "verdict",
    "weigh",
]
