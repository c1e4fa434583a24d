"""The laws of sampling: what a smaller, larger or faster trace keeps."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from schedbench.sources.traces.folder import read_columns
from schedbench.sources.traces.ledger import Ledger
from schedbench.sources.traces.sampling import (
    bootstrap,
    classes,
    scaled_nodes,
    shares,
    thin,
    units,
    warp,
)
from schedbench.sources.traces.writer import TraceWriter

COUNT = 20_000
RATE = 0.5
WEIGHTS = (0.6, 0.3, 0.1)


@pytest.fixture(scope="module")
def trace(tmp_path_factory):
    """A Poisson process of three classes whose durations differ in scale."""
    rng = np.random.default_rng(7)
    kind = rng.choice(3, COUNT, p=WEIGHTS)
    folder = tmp_path_factory.mktemp("sampling") / "t"
    with TraceWriter(folder, Ledger()) as writer:
        writer.about = {"source": "made"}
        writer.nodes(
            {"name": [f"n{n}" for n in range(100)], "cpu_milli": 1000,
             "gpus": (np.arange(100) % 4 == 0).astype(int)}
        )  # fmt: skip
        writer.pods(
            {
                "id": [f"p{n}" for n in range(COUNT)],
                "submit": np.cumsum(rng.exponential(1 / RATE, COUNT)),
                "duration": rng.exponential(10.0 ** (kind + 1)),
                "cpu_milli": 100 * (kind + 1),
            }
        )
    return folder


@pytest.fixture(scope="module")
def pods(trace):
    return read_columns(trace)


@pytest.fixture(scope="module")
def gangs(tmp_path_factory):
    """Gangs of three, in one of two classes, and as many single pods."""
    folder = tmp_path_factory.mktemp("sampling") / "g"
    number = np.arange(3000)
    gang = number < 1500
    with TraceWriter(folder, Ledger()) as writer:
        writer.about = {"source": "made"}
        writer.nodes({"name": ["n"], "cpu_milli": 1000})
        writer.pods(
            {
                "id": [f"p{n}" for n in number],
                "group": [f"g{n // 3}" if n < 1500 else "" for n in number],
                "gang_size": np.where(gang, 3, 1),
                "submit": np.where(gang, number // 3 * 3, number).astype(float),
            }
        )
    return read_columns(folder)


def law(pods):
    """Share of each class, and mean duration of each."""
    kind = pods["cpu_milli"] // 100 - 1
    many = np.bincount(kind, minlength=3)
    return many / many.sum(), [pods["duration"][kind == k].mean() for k in range(3)]


def test_thinning_keeps_the_law(pods):
    """A thinned Poisson process is one of the lower rate, with the same classes."""
    found = thin(pods, 0.25, seed=1)
    gaps = np.diff(found["submit"])
    mix, _ = law(found)

    assert abs(len(found) - 0.25 * COUNT) < 4 * np.sqrt(COUNT * 0.25 * 0.75)
    assert stats.kstest(gaps, "expon", args=(0, 1 / (0.25 * RATE))).pvalue > 0.01
    np.testing.assert_allclose(mix, WEIGHTS, atol=0.03)


def test_thinning_is_seeded(pods):
    """The same seed keeps the same pods, another one others."""
    same = [thin(pods, 0.5, seed)["submit"] for seed in (1, 1, 2)]

    np.testing.assert_array_equal(same[0], same[1])
    assert len(same[0]) != len(same[2]) or (same[0] != same[2]).any()


def test_thinning_keeps_gangs_whole(gangs):
    """A gang is kept with all its pods or not at all."""
    found = thin(gangs, 0.4, seed=3)
    in_gang = found["gang_size"] > 1
    _, sizes = np.unique(found["group"][in_gang], return_counts=True)

    assert set(sizes) == {3}
    assert 0.3 < len(found) / len(gangs) < 0.5


@pytest.mark.parametrize("count", [1_000, 60_000])
def test_bootstrap_keeps_the_law(pods, count):
    """Class shares are exact, durations and gaps are those of the trace."""
    found = bootstrap(pods, count, seed=5)
    mix, means = law(found)
    expected_mix, expected = law(pods)

    np.testing.assert_allclose(mix, expected_mix, atol=1 / count)
    for k in range(3):
        error = 4 * expected[k] / np.sqrt(count * expected_mix[k])
        assert abs(means[k] - expected[k]) < error
    assert (np.diff(found["submit"]) >= 0).all()
    assert stats.ks_2samp(found["submit"], pods["submit"]).pvalue > 0.01


def test_bootstrap_of_a_poisson_process_is_one(pods):
    """A smaller bootstrap of a Poisson process has exponential gaps."""
    gaps = np.diff(bootstrap(pods, 2000, seed=5)["submit"])
    mean = pods["submit"][-1] / 2000

    assert stats.kstest(gaps, "expon", args=(0, mean)).pvalue > 0.01


def test_bootstrap_keeps_the_course_of_the_rate(pods):
    """Where the trace is busy the bootstrap is: its arrivals follow the same law."""
    warped = pods.replaced(submit=pods["submit"] ** 2 / pods["submit"][-1])
    found = bootstrap(warped, 5000, seed=2)

    assert stats.ks_2samp(found["submit"], warped["submit"]).pvalue > 0.01


def test_bootstrap_draws_whole_gangs(gangs):
    """Gangs stay together, under names of their own, and so do ids."""
    found = bootstrap(gangs, 4000, seed=9)
    in_gang = found["gang_size"] > 1
    _, sizes = np.unique(found["group"][in_gang], return_counts=True)

    assert set(sizes) == {3}
    assert len(np.unique(units(found))) == 4000
    assert len(set(found.ids.to_pylist())) == len(found)
    assert abs(in_gang.sum() / 3 - 1000) <= 1
    for name in np.unique(found["group"][in_gang])[:50]:
        mine = found["group"] == name
        assert len(np.unique(found["submit"][mine])) == 1


def test_warp(pods):
    """Arrivals come as many times as fast; durations stay."""
    found = warp(pods, 4.0)

    np.testing.assert_allclose(
        np.diff(found["submit"]), np.diff(pods["submit"]) / 4, atol=1e-9
    )
    np.testing.assert_array_equal(found["duration"], pods["duration"])


@pytest.mark.parametrize("share", [0.1, 0.5, 1.0, 2.5])
def test_nodes_keep_their_shapes(trace, share):
    """As many of each shape as the share says, and names stay different."""
    found = scaled_nodes(read_columns(trace, pods=False), share)

    assert len(found) == round(100 * share)
    assert abs((found["gpus"] == 1).sum() - 25 * share) <= 1
    assert len(set(found.ids.to_pylist())) == len(found)


@given(st.lists(st.integers(1, 1000), min_size=1, max_size=20), st.integers(0, 5000))
def test_shares_add_up(counts, total):
    """Largest remainders give the total, none more than one from its due."""
    found = np.array(shares(np.array(counts), total))

    assert found.sum() == total
    assert (np.abs(found - np.array(counts) * total / sum(counts)) < 1 + 1e-9).all()


def test_classes_are_contents(pods):
    """Pods that ask alike are of one class."""
    kinds = classes(pods)

    assert len(np.unique(kinds)) == 3
    for k in range(3):
        assert len(np.unique(pods["cpu_milli"][kinds == k])) == 1
