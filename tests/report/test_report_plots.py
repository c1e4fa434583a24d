"""Every plot of the registry keeps the same small contract."""

from __future__ import annotations

import importlib

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from report.fabricated import fabricate

from schedbench.report import curves, style, timelines, views
from schedbench.report.plots import PLOTS
from schedbench.report.plots.pareto import data as pareto_data

SMALL = {"web-services": {"100": 100, "500": 500}, "gpu-sharing": {"9": 9}}


@pytest.mark.parametrize("name", PLOTS)
def test_a_plot_module_opens_the_same_way(name: str) -> None:
    """It has a docstring whose first line is a sentence, NAME, TITLE, data, draw."""
    plot = importlib.import_module(PLOTS[name])

    assert name == plot.NAME
    assert plot.TITLE
    assert plot.__doc__.split("\n")[0].endswith(".")


@pytest.mark.parametrize("name", PLOTS)
def test_a_plot_draws_its_data_within_the_paper(name: str) -> None:
    """Every plot of a full run has data and a figure as wide as the others."""
    plot = importlib.import_module(PLOTS[name])
    results = fabricate(4, 3, SMALL)
    frame = views.arrange(plot.data(results), results)
    if getattr(plot, "EACH_SCENARIO", False):
        parts = (views.of(frame, group) for group in views.largest(results))
        frame = next(part for part in parts if not part.empty)
    before = dict(mpl.rcParams)
    with style.paper():
        figure = plot.draw(frame)

    assert isinstance(figure, Figure)
    assert figure.get_figwidth() == style.WIDTH
    assert before == dict(mpl.rcParams)


def test_the_front_is_what_no_other_policy_beats() -> None:
    """A policy is dominated if another is at least as good and as fast."""
    frame = pareto_data(fabricate(6, 3, {"web-services": {"100": 100}}))
    front = set(frame.loc[~frame["dominated"], "policy"])

    assert front == {"best-fit", "first-fit"}


def test_one_size_has_no_sensitivity() -> None:
    """Plots against cluster size need two sizes."""
    results = fabricate(2, 2, {"web-services": {"100": 100}})

    for name in ("sensitivity", "scaling"):
        assert importlib.import_module(PLOTS[name]).data(results) is None


def test_courses_hold_between_samples_and_after_the_end() -> None:
    """On the common grid a value holds until the next sample, and after the last."""
    results = fabricate(1, 2, {"web-services": {"100": 100}})
    results.samples = pd.DataFrame({
        "scenario": "web-services", "size": "100", "policy": "kube-scheduler",
        "seed": [1, 1, 2, 2], "time": [0.0, 60.0, 0.0, 120.0],
        "pods_pending": [0, 10, 0, 20],
    })  # fmt: skip
    frame = timelines.over_seeds(results, ["pods_pending"])
    at = frame.set_index("at")["mean"]

    assert at.loc[0.0] == 0
    assert at.loc[60.0] == 5
    assert at.loc[119.0] == 5
    assert at.loc[120.0] == 15
    assert np.allclose(frame["high"].max(), 20)


def test_bars_say_how_far_each_curve_is_from_the_published() -> None:
    """The farthest point of any seed counts; without published curves there is none."""
    results = fabricate(2, 2, {"gpu-sharing": {"9": 9}})
    frame = importlib.import_module(PLOTS["gpu_workloads"]).data(results)
    told = results.curves[results.curves["curve"] == "allocation_pct"]
    told = told[told["policy"] == "least-allocated"]
    apart = (told["ours"] - told["published"]).abs().max()
    farthest = frame.set_index("policy")["allocation_farthest"]

    assert apart > 0
    assert farthest["least-allocated"] == apart
    assert np.isnan(farthest["kube-scheduler"])


def test_bars_stand_where_all_runs_got() -> None:
    """Runs that end at different points are compared at the last common one."""
    results = fabricate(2, 2, {"gpu-sharing": {"9": 9}})
    shorter = (results.curves["seed"] == 2) & (results.curves["arrived_pct"] > 120)
    results.curves = results.curves[~shorter]
    last = curves.final(results, "allocation_pct")

    assert len(last) == 4
    assert set(last["arrived_pct"]) == {120}


def test_curves_without_published_ones_say_so() -> None:
    """Below the panels stands what the open markers are, or that there are none."""
    plot = importlib.import_module(PLOTS["gpu_allocation_curve"])
    texts = []
    for policies in (1, 2):
        results = fabricate(policies, 2, {"gpu-sharing": {"9": 9}})
        figure = plot.draw(views.arrange(plot.data(results), results))
        texts.append({text.get_text() for text in figure.texts})

    assert curves.NOT_PUBLISHED in texts[0]
    assert curves.PUBLISHED not in texts[0]
    assert curves.PUBLISHED in texts[1]


def test_profiles_and_ranks_need_two_problems_sets_and_two_policies() -> None:
    """One scenario at one size, or one policy, has nothing across scenarios."""
    one = {"web-services": {"100": 100}}

    for results in (fabricate(3, 2, one), fabricate(1, 2, SMALL)):
        for name in ("profiles", "rank_shares"):
            assert importlib.import_module(PLOTS[name]).data(results) is None


def test_profiles_and_ranks_count_every_scenario_size_and_seed() -> None:
    """Shares of ranks sum to 1; a policy always best is so on each problem."""
    results = fabricate(4, 3, SMALL)
    results.cells["pods_pending"] = 50
    results.cells.loc[results.cells["policy"] == "best-fit", "pods_pending"] = 10
    results.manifest["headline"] = ["pods_pending"]
    profile = importlib.import_module(PLOTS["profiles"]).data(results)
    ranks = importlib.import_module(PLOTS["rank_shares"]).data(results)
    shares = ranks.groupby(["metric", "policy"])["share"].sum()
    best = profile[profile["policy"] == "best-fit"]

    assert np.allclose(shares, 1)
    assert set(profile["problems"]) == {9}
    assert best[["ratio", "share"]].to_numpy().tolist() == [[1.0, 1.0]]
    assert set(profile.loc[profile["policy"] != "best-fit", "ratio"]) == {5.0}


def test_negative_values_have_no_profile() -> None:
    """A metric with a negative value has no ratio to the best, and is left out."""
    results = fabricate(3, 2, SMALL)
    results.cells.loc[0, "pods_pending"] = -1
    frame = importlib.import_module(PLOTS["profiles"]).data(results)

    assert "pods_pending" not in set(frame["metric"])


def test_table_of_differences_has_corrected_p_and_effect_sizes() -> None:
    """The share of seeds is of those in which the policy is better, either way."""
    results = fabricate(4, 3, {"web-services": {"100": 100}})
    plot = importlib.import_module(PLOTS["differences"])
    frame = plot.data(results)
    table = plot.table(frame)
    better = table[table["verdict"] == "better"]

    assert (table["p corrected"] >= frame["p"] - 1e-12).all()
    assert len(better)
    assert (better["seeds better %"] > 50).all()


def test_table_of_rank_shares_is_in_percent() -> None:
    """A policy's shares are percentages of one metric's problems, 100 together."""
    plot = importlib.import_module(PLOTS["rank_shares"])
    table = plot.table(plot.data(fabricate(4, 3, SMALL)))
    sums = table.groupby(["metric", "policy"])["share %"].sum()

    assert sums.to_numpy() == pytest.approx(100, abs=0.3)


def test_bars_of_gpu_workloads_say_what_their_whiskers_are() -> None:
    """With several seeds the figure names the deviation, and no whisker is cut off."""
    plot = importlib.import_module(PLOTS["gpu_workloads"])
    frame = plot.data(fabricate(3, 3, SMALL))
    with style.paper():
        figure = plot.draw(frame)
        alone = plot.draw(frame.assign(deviation=np.nan))
    told = "± 1 standard deviation over seeds"
    highest = (frame["ours_pct"] + frame["deviation"].fillna(0)).max()

    assert told in {text.get_text() for text in figure.texts}
    assert told not in {text.get_text() for text in alone.texts}
    assert figure.axes[0].get_ylim()[1] > highest
