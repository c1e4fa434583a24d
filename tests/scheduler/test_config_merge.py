"""How a profile's plugin sets change the default ones.

Expected orders and weights are those that kube-scheduler v1.34.1 lists for the same
documents.
"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schedbench.errors import InputError
from schedbench.scheduler.config import extension, load_configuration
from schedbench.scheduler.config_defaults import EXTENSION_POINTS, IMPLEMENTS

HEAD = {
    "apiVersion": "kubescheduler.config.k8s.io/v1",
    "kind": "KubeSchedulerConfiguration",
}
SCORES = [
    ("TaintToleration", 3),
    ("NodeAffinity", 2),
    ("NodeResourcesFit", 1),
    ("VolumeBinding", 1),
    ("PodTopologySpread", 2),
    ("InterPodAffinity", 2),
    ("NodeResourcesBalancedAllocation", 1),
    ("ImageLocality", 1),
]


def enabled(*entries: str | tuple[str, int]) -> dict[str, Any]:
    """Return a plugin set's `enabled`, of names or (name, weight)."""
    return {
        "enabled": [
            {"name": one}
            if isinstance(one, str)
            else dict(zip(("name", "weight"), one, strict=True))
            for one in entries
        ]
    }


def disabled(*names: str) -> dict[str, Any]:
    """Return a plugin set's `disabled`."""
    return {"disabled": [{"name": name} for name in names]}


def plugins_of(plugins: dict[str, Any]) -> dict[str, list[tuple[str, int]]]:
    """Return what a profile with these plugin sets runs."""
    document = {**HEAD, "profiles": [{"plugins": plugins}]}
    return load_configuration(document).profiles["default-scheduler"].plugins


def without(*names: str) -> list[tuple[str, int]]:
    """Return the default scorers but these."""
    return [one for one in SCORES if one[0] not in names]


@pytest.mark.parametrize(
    ("plugins", "expected"),
    [
        pytest.param(
            {"multiPoint": enabled(("NodeAffinity", 7))},
            [("TaintToleration", 3), ("NodeAffinity", 7), *SCORES[2:]],
            id="a default enabled anew in multiPoint keeps its place",
        ),
        pytest.param(
            {"multiPoint": enabled("TaintToleration")},
            [("TaintToleration", 1), *SCORES[1:]],
            id="enabled anew without a weight it weighs 1, not its default",
        ),
        pytest.param(
            {"multiPoint": enabled(("TaintToleration", 0))},
            [("TaintToleration", 1), *SCORES[1:]],
            id="a weight of 0 is 1",
        ),
        pytest.param(
            {"multiPoint": enabled("TaintToleration") | disabled("TaintToleration")},
            [*SCORES[1:], ("TaintToleration", 1)],
            id="disabled and enabled in multiPoint it comes last",
        ),
        pytest.param(
            {"multiPoint": disabled("TaintToleration", "ImageLocality")},
            without("TaintToleration", "ImageLocality"),
            id="disabled in multiPoint it is gone",
        ),
        pytest.param(
            {"score": enabled(("ImageLocality", 5))},
            [("ImageLocality", 5), *without("ImageLocality")],
            id="enabled at the point itself a default comes first",
        ),
        pytest.param(
            {"score": enabled("ImageLocality", ("NodeAffinity", 4))},
            [
                ("ImageLocality", 1),
                ("NodeAffinity", 4),
                *without("ImageLocality", "NodeAffinity"),
            ],
            id="several at the point itself keep their own order",
        ),
        pytest.param(
            {"score": disabled("NodeResourcesFit")},
            without("NodeResourcesFit"),
            id="disabled at the point itself it is gone there",
        ),
        pytest.param(
            {"score": enabled(("NodeResourcesFit", 9)) | disabled("NodeResourcesFit")},
            [*without("NodeResourcesFit"), ("NodeResourcesFit", 9)],
            id="enabled and disabled at the point itself it comes last",
        ),
        pytest.param(
            {"score": enabled(("NodeResourcesFit", 9)) | disabled("*")},
            [("NodeResourcesFit", 9)],
            id="with * disabled at the point only its own list is left",
        ),
        pytest.param(
            {"score": disabled("*")}, [], id="with * disabled nothing need be left"
        ),
        pytest.param(
            {
                "multiPoint": enabled(("TaintToleration", 8)),
                "score": enabled(("TaintToleration", 2)),
            },
            [("TaintToleration", 2), *SCORES[1:]],
            id="the weight at the point itself wins over multiPoint",
        ),
        pytest.param(
            {
                "multiPoint": enabled(("TaintToleration", 8)),
                "score": enabled("TaintToleration"),
            },
            [("TaintToleration", 1), *SCORES[1:]],
            id="even no weight at the point itself wins over multiPoint",
        ),
        pytest.param(
            {
                "multiPoint": disabled("ImageLocality", "NodeAffinity"),
                "score": enabled(("ImageLocality", 6), ("InterPodAffinity", 3)),
            },
            [
                ("InterPodAffinity", 3),
                *without("ImageLocality", "NodeAffinity", "InterPodAffinity"),
                ("ImageLocality", 6),
            ],
            id="overriding ones come first and the point's own others last",
        ),
    ],
)
def test_scorers(plugins, expected):
    """The scorers that result, in order, with their weights."""
    assert expected == plugins_of(plugins)["score"]


def test_multi_point_reaches_every_extension_point():
    """A plugin disabled in multiPoint runs nowhere, the others run as before."""
    before = plugins_of({})
    after = plugins_of({"multiPoint": disabled("VolumeBinding")})

    assert {
        point: [one for one in ran if one[0] != "VolumeBinding"]
        for point, ran in before.items()
    } == after


def test_disabling_at_one_point_leaves_the_others():
    """A filter that is disabled still scores."""
    plugins = plugins_of({"filter": disabled("NodeAffinity")})

    assert ("NodeAffinity", 0) not in plugins["filter"]
    assert ("NodeAffinity", 0) in plugins["preFilter"]
    assert plugins["score"] == SCORES


def test_a_profile_of_chosen_plugins_alone():
    """With * disabled in multiPoint what is enabled there runs, in that order."""
    chosen = ("DefaultBinder", "NodeResourcesFit", "NodeName", "PrioritySort")
    plugins = plugins_of({"multiPoint": disabled("*") | enabled(*chosen)})

    assert plugins["filter"] == [("NodeResourcesFit", 0), ("NodeName", 0)]
    assert plugins["score"] == [("NodeResourcesFit", 1)]
    assert plugins["postFilter"] == []


def test_weights_of_a_plugin_moved_at_another_point_stay():
    """Reordering filters does not change weights."""
    plugins = plugins_of({"filter": enabled("TaintToleration")})

    assert plugins["filter"][0] == ("TaintToleration", 0)
    assert plugins["score"] == SCORES


@st.composite
def plugin_sets(draw: st.DrawFn) -> dict[str, Any]:
    """Return plugin sets without double or misplaced names."""
    found = {}
    for point in ("filter", "preScore", "score"):
        names = sorted(name for name in IMPLEMENTS if point in IMPLEMENTS[name])
        chosen = draw(st.lists(st.sampled_from(names), unique=True, max_size=4))
        weights = [draw(st.integers(0, 5)) for _ in chosen]
        removed = draw(st.lists(st.sampled_from([*names, "*"]), max_size=3))
        found[point] = enabled(*zip(chosen, weights, strict=True)) | disabled(*removed)
    several = sorted(IMPLEMENTS)
    chosen = draw(st.lists(st.sampled_from(several), unique=True, max_size=5))
    kept = [one for one in several if one not in {"PrioritySort", "DefaultBinder"}]
    removed = draw(st.lists(st.sampled_from(kept), max_size=4))
    found["multiPoint"] = enabled(*chosen) | disabled(*removed)
    return found


@given(plugin_sets())
def test_each_plugin_runs_once_where_it_belongs(plugins):
    """No plugin runs twice at a point or at a wrong one, no scorer without weight."""
    ran = plugins_of(plugins)

    for point in EXTENSION_POINTS:
        names = [name for name, _ in ran[point]]
        assert len(names) == len(set(names))
        assert all(point in IMPLEMENTS[name] for name in names)
    assert all(weight > 0 for _, weight in ran["score"])


@given(plugin_sets())
def test_what_a_point_enables_runs_there(plugins):
    """A plugin enabled at a point runs there, and nothing but it if * is disabled."""
    ran = plugins_of(plugins)

    for point in ("filter", "preScore", "score"):
        own = [one["name"] for one in plugins[point]["enabled"]]
        names = [name for name, _ in ran[point]]
        assert set(own) <= set(names)
        if {"name": "*"} in plugins[point]["disabled"]:
            assert own == names


def test_extension_lists_names():
    """`extension` gives the names alone."""
    profile = load_configuration(HEAD).profiles["default-scheduler"]

    assert extension(profile, "score") == [name for name, _ in SCORES]


@pytest.mark.parametrize(
    ("plugins", "place", "problem"),
    [
        pytest.param(
            {"multiPoint": enabled("Coscheduling")},
            "multiPoint.enabled[0]",
            'PreFilterPlugin "Coscheduling" does not exist',
            id="an unknown plugin in multiPoint",
        ),
        pytest.param(
            {"score": enabled("ImageLocality", "NodeResourceFit")},
            "score.enabled[1]",
            'ScorePlugin "NodeResourceFit" does not exist, '
            "did you mean 'NodeResourcesFit'?",
            id="a misspelt plugin at a point",
        ),
        pytest.param(
            {"score": enabled("*")},
            "score.enabled[0]",
            'ScorePlugin "*" does not exist',
            id="* cannot be enabled",
        ),
        pytest.param(
            {"score": enabled("NodeName")},
            "score.enabled[0]",
            'plugin "NodeName" does not extend ScorePlugin plugin',
            id="a plugin where it does not belong",
        ),
        pytest.param(
            {"filter": enabled("NodeName", "NodeName")},
            "filter.enabled[1]",
            'plugin "NodeName" already registered as "FilterPlugin"',
            id="a plugin twice at a point",
        ),
        pytest.param(
            {"multiPoint": enabled("NodeName", "NodeName")},
            "multiPoint.enabled[1]",
            'plugin "NodeName" already registered as "FilterPlugin"',
            id="a plugin twice in multiPoint",
        ),
        pytest.param(
            {"queueSort": disabled("*")},
            "queueSort",
            "only one queue sort plugin required for profile with scheduler name "
            '"default-scheduler", but got 0',
            id="no queue sort",
        ),
        pytest.param(
            {"bind": disabled("DefaultBinder")},
            "bind",
            "at least one bind plugin is needed for profile with scheduler name "
            '"default-scheduler"',
            id="no binder",
        ),
        pytest.param(
            {"score": enabled(("NodeAffinity", -3))},
            "score.enabled[0]",
            "total score of Score plugins could overflow",
            id="a weight below 0",
        ),
    ],
)
def test_plugins_that_make_no_scheduler(plugins, place, problem):
    """The error names the place in the document and has upstream's words."""
    with pytest.raises(InputError) as caught:
        plugins_of(plugins)

    assert str(caught.value) == f"profiles[0].plugins.{place}: {problem}"


def test_all_unknown_plugins_are_named():
    """One error tells every unknown plugin, each with its place."""
    with pytest.raises(InputError) as caught:
        plugins_of({"multiPoint": enabled("One"), "permit": enabled("Two")})

    assert 'profiles[0].plugins.permit.enabled[0]: PermitPlugin "Two"' in str(
        caught.value
    )
    assert 'profiles[0].plugins.multiPoint.enabled[0]: PreFilterPlugin "One"' in str(
        caught.value
    )
