"""The cells of a grid: their order, their keys, and what is refused."""

from __future__ import annotations

import dataclasses
import pickle

import experiment_stubs as stubs
import pytest

from schedbench.errors import InputError
from schedbench.experiment.cell import PolicyRef, cell_key
from schedbench.experiment.fingerprint import PACKAGE, code_digest, source_digest
from schedbench.experiment.grid import Grid, headline_of

PLAIN = PolicyRef("plain")


def test_repeats_are_interleaved_across_policies():
    """Seeds are outermost, then scenarios, policies innermost."""
    scenarios = [stubs.StubScenario("one"), stubs.StubScenario("two")]
    grid = stubs.stub_grid(("a", "b"), (0, 1), scenarios)

    order = [(c.seed, c.scenario.name, c.policy.spec) for c in grid.cells()]

    assert len(grid) == 8
    assert order == [
        (0, "one", "a"),
        (0, "one", "b"),
        (0, "two", "a"),
        (0, "two", "b"),
        (1, "one", "a"),
        (1, "one", "b"),
        (1, "two", "a"),
        (1, "two", "b"),
    ]


def test_what_is_named_twice_is_run_once():
    """Repeated policies, seeds and scenarios add no cells."""
    grid = stubs.stub_grid(("a", "a"), (0, 0), [stubs.StubScenario()] * 2)

    assert len(list(grid.cells())) == len(grid) == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        pytest.param({"scenarios": []}, "no scenarios", id="no scenario"),
        pytest.param({"policies": []}, "no policies", id="no policy"),
        pytest.param({"seeds": []}, "no seeds", id="no seed"),
        pytest.param({"seeds": [-1]}, "negative", id="negative seed"),
        pytest.param({"baseline": "c"}, "baseline.*'c'.*a, b", id="absent baseline"),
        pytest.param(
            {"scenarios": [stubs.StubScenario(), stubs.StubScenario(content="b")]},
            "share name",
            id="two contents of one name",
        ),
    ],
)
def test_senseless_grids_are_refused(arguments, words):
    """A grid that cannot be run, or compared, is an input error."""
    good = {"scenarios": [stubs.StubScenario()], "policies": ["a", "b"], "seeds": [0]}

    with pytest.raises(InputError, match=words):
        Grid.of(**good | arguments)


def test_the_baseline_is_the_first_policy_unless_named():
    """Without a baseline the first policy is it."""
    assert stubs.stub_grid(("b", "a")).baseline == "b"


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"scenario_digest": "other"}, id="content of the scenario"),
        pytest.param({"policy": PolicyRef("plain[alpha=1]")}, id="parameters"),
        pytest.param({"policy": PolicyRef("plain", "abc")}, id="source of the policy"),
        pytest.param({"seed": 1}, id="seed"),
        pytest.param({"engine": "explain"}, id="engine"),
        pytest.param({"code": "other"}, id="code of schedbench"),
    ],
)
def test_everything_that_decides_a_result_is_in_the_key(change):
    """Another scenario, policy, seed, engine or code is another cell."""
    base = {
        "scenario_digest": "s",
        "policy": PLAIN,
        "seed": 0,
        "engine": "scan",
        "code": "c",
    }

    assert cell_key(**base) == cell_key(**base)
    assert cell_key(**base | change) != cell_key(**base)


def test_cells_travel_between_processes():
    """A cell survives pickling with its key."""
    cell = next(stubs.stub_grid().cells(timeout=3.0))

    assert pickle.loads(pickle.dumps(cell)) == cell


def test_policies_may_be_objects_with_a_spec():
    """What offers `.spec` and `.source_digest` becomes a reference."""

    @dataclasses.dataclass
    class Descriptor:
        spec: str
        source_digest: str | None = None

    assert PolicyRef.of(Descriptor("x", "abc")) == PolicyRef("x", "abc")


def test_describe_counts_the_cells_and_estimates_their_time():
    """A dry run tells the axes, the number of cells and how long they may take."""
    text = stubs.stub_grid(("plain", "good"), (0, 1, 2)).describe(4.0, jobs=2)

    assert "6 cells = 1 scenario × 2 policies × 3 seeds" in text
    assert "small/5" in text
    assert "baseline plain" in text
    assert "12 s with 2 job(s)" in text


class TestFingerprint:
    def test_it_is_the_hash_of_this_package(self):
        """The code's hash is that of the package folder, computed once."""
        assert len(code_digest()) == 32
        assert code_digest() is code_digest()
        assert (PACKAGE / "errors.py").exists()

    def test_an_edited_renamed_or_added_file_changes_it(self, tmp_path):
        """Names and contents of the sources count, presentation does not."""
        (tmp_path / "rng.py").write_text("a = 1\n")
        seen = [source_digest(tmp_path)]
        (tmp_path / "rng.py").write_text("a = 2\n")
        seen.append(source_digest(tmp_path))
        (tmp_path / "rng.py").rename(tmp_path / "clock.py")
        seen.append(source_digest(tmp_path))
        (tmp_path / "empty.py").touch()
        seen.append(source_digest(tmp_path))
        (tmp_path / "report").mkdir()
        (tmp_path / "report" / "page.py").touch()

        assert len(set(seen)) == 4
        assert source_digest(tmp_path) == seen[-1]


@pytest.mark.parametrize(
    ("headline", "expected"),
    [
        pytest.param((), {"one": ["nodes_used"], "two": []}, id="each its own"),
        pytest.param(
            ("pods_bound",),
            {"one": ["pods_bound"], "two": ["pods_bound"]},
            id="the grid's, if it names one",
        ),
    ],
)
def test_each_scenario_leads_with_its_own_metrics(headline, expected):
    """The manifest holds the metrics to lead with, by scenario."""
    one, two = stubs.StubScenario("one"), stubs.StubScenario("two")
    object.__setattr__(one, "headline", ["nodes_used"])
    grid = Grid.of([one, two], ["a"], [0], headline=headline)

    manifest = grid.axes()

    assert manifest["headline"] == expected
    assert headline_of(manifest, "one") == expected["one"]


def test_an_older_manifest_leads_with_the_same_metrics_everywhere():
    """A plain list of metrics holds for every scenario."""
    assert headline_of({"headline": ["pods_bound"]}, "any") == ["pods_bound"]
