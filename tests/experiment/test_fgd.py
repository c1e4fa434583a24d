"""The experiment of the FGD paper: our curves against those it published."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from schedbench.errors import InputError, UnknownNameError
from schedbench.experiment.build import expand_target
from schedbench.experiment.grid import Grid
from schedbench.experiment.runner import run_grid
from schedbench.experiment.store import load_results
from schedbench.report.page import write_report

PRINTED = 0.01 + 1e-9
"""Percentage points: the last printed digit of a mean may be rounded otherwise."""
EQUAL = 1e-9
FAR = 3.0
"""Standard deviations."""
RANDOM = "gpu-random"


def played(shared, folder, traces, repeats, policies=None):
    """Run the grid of some traces and seeds, and return its results."""
    data = shared / "traces" / "openb"
    refs = expand_target("fgd", sets=[f"data={data}", f"traces={traces}"])
    policies = policies or refs[0].policies
    seeds = refs[0].seeds[:repeats]
    grid = Grid.of(refs, policies, seeds, baseline=policies[0], name="fgd")
    summary = run_grid(grid, folder, jobs=1)
    assert summary.counts == {"done": len(grid)}
    return load_results(folder)


def farthest(curves):
    """Return how far each policy's curve is from the published, at any point."""
    apart = (curves["ours"] - curves["published"]).abs()
    assert not apart.isna().any()
    return apart.groupby([curves["policy"], curves["curve"]]).max()


def test_a_part_of_the_grid_equals_the_published_curves(shared, tmp_path):
    """Allocation and fragmentation of five policies at all 131 points; the page too."""
    policies = [
        "fgd", "gpu-best-fit", "gpu-packing", "gpu-clustering", "gpu-dot-product",
    ]  # fmt: skip
    results = played(shared, tmp_path / "run", "default,multigpu20", 1, policies)
    page = write_report(results, tmp_path / "page").read_text()
    apart = farthest(results.curves)

    assert len(results.curves) == 2 * 5 * 3 * 131
    assert apart.max() <= PRINTED
    assert apart.xs("allocation_pct", level="curve").max() <= EQUAL
    assert "GPU allocation against arrived request" in page
    assert "published, mean over seeds" in page


@pytest.mark.deep
def test_the_whole_grid_equals_the_published_curves(shared, tmp_path):
    """Five traces, six policies, ten seeds; Random within three deviations."""
    results = played(shared, tmp_path / "run", "all", 10)
    curves = results.curves
    drawn = curves["policy"] == RANDOM
    keys = ["scenario", "curve", "arrived_pct"]
    means = curves[drawn].groupby(keys)[["ours", "published"]].mean()
    spread = curves[drawn].groupby(keys)["published"].std()
    room = np.maximum(FAR * spread, PRINTED)
    apart = farthest(curves[~drawn])

    assert len(results.cells) == 300
    assert apart.max() <= PRINTED
    assert apart.xs("allocation_pct", level="curve").max() <= EQUAL
    assert ((means["ours"] - means["published"]).abs() <= room).all()


def test_every_list_of_pods_is_a_scenario(tmp_path):
    """All lists in the folder are found, the default one first; or those asked for."""
    (tmp_path / "pods").mkdir()
    for name in ("gpuspec33", "default", "cpu100"):
        (tmp_path / f"pods/openb_pod_list_{name}.csv").touch()
    sets = [f"data={tmp_path}"]
    every = [ref.name for ref in expand_target("fgd", sets=sets)]
    some = expand_target("fgd", sets=[*sets, "traces=cpu100, default,cpu100"])

    assert every == ["fgd-default", "fgd-cpu100", "fgd-gpuspec33"]
    assert [ref.name for ref in some] == ["fgd-cpu100", "fgd-default"]


def test_missing_traces_are_told(tmp_path):
    """No folder, no lists in it, and a list that is not there."""
    (ref,) = expand_target("fgd")
    (tmp_path / "pods").mkdir()

    with pytest.raises(InputError, match="add --set data=VALUE"):
        ref.digest()
    with pytest.raises(InputError, match="no lists of pods in pods/"):
        expand_target("fgd", sets=[f"data={tmp_path}"])
    (tmp_path / "pods/openb_pod_list_default.csv").touch()
    (ref,) = expand_target("fgd", sets=[f"data={tmp_path}", "traces=defualt"])
    with pytest.raises(UnknownNameError, match="did you mean 'default'"):
        ref.digest()


def test_a_random_policy_draws_devices_uniformly(tmp_path):
    """Shares that fit on four devices are spread over them all."""
    from schedbench.cluster.encode import encode
    from schedbench.experiment.check_workloads import make_node, make_pod
    from schedbench.objects.workload import PodStream, Workload
    from schedbench.policies.registry import make_policy
    from schedbench.simulation.replay import replay
    from schedbench.sources.gpu import gpu_annotations

    pod = make_pod("share", cpu="1m", memory="1Mi")
    pod.metadata.annotations = gpu_annotations(1, 1, "")
    nodes = [make_node(f"node-{n}", gpus=4) for n in range(5)]
    pods = PodStream.of([pod], np.zeros(500, dtype=np.int32))
    encoded = encode(Workload("shares", nodes, pods))
    runs = [replay(encoded, make_policy(RANDOM), seed=seed) for seed in (1, 1, 2)]
    devices = np.concatenate([run.devices[run.devices > 0] for run in runs[1:]])
    counts = pd.Series(devices).value_counts()

    assert sorted(counts.index) == [1, 2, 4, 8]
    assert counts.min() > 200  # 250 expected, deviation 14
    assert runs[0].digest == runs[1].digest != runs[2].digest
