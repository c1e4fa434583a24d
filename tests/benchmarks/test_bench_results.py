"""Stored runs, and what they say of digests and failures."""

from __future__ import annotations

import json

import pytest
from bench_cases import measured, results

from benchmarks.results import Results, last_alike, new_folder, read
from schedbench.errors import InputError


def test_results_are_read_as_written(tmp_path):
    """Everything that was measured is there again, with its schema version."""
    written = results(measured(), suite_seconds={"all": 1.5})
    path = written.write(tmp_path / "run")

    assert read(tmp_path / "run") == written
    assert json.loads(path.read_text())["schema_version"] == 1


def test_neither_host_nor_user_is_stored():
    """The machine is described, not named."""
    import getpass
    import platform

    facts = json.dumps(Results.begin(quick=True).environment)

    assert platform.node() not in facts or len(platform.node()) < 4
    assert f'"{getpass.getuser()}"' not in facts


def test_results_of_another_schema_are_refused(tmp_path):
    """A file of another version is not half understood."""
    path = results().write(tmp_path)
    path.write_text(
        path.read_text().replace('"schema_version": 1', '"schema_version": 2')
    )

    with pytest.raises(InputError, match="schema version"):
        read(tmp_path)


def test_the_last_run_of_the_same_machine_and_sizes_is_the_base(tmp_path):
    """Runs of other machines, quick ones and damaged files are passed over."""
    old = results(date="2026-01-01T00:00:00")
    other = results(date="2026-01-03T00:00:00")
    other.environment = {"cpu": {"model": "another CPU", "cores": 2}}
    quick = results(date="2026-01-02T00:00:00")
    quick.quick = True
    for one in (old, other, quick):
        one.write(new_folder(tmp_path, one))
    (tmp_path / "20260104T000000").mkdir()
    (tmp_path / "20260104T000000" / "results.json").write_text("{")

    assert last_alike(tmp_path, results(date="2026-02-01T00:00:00")).date == old.date


def test_the_first_run_has_no_base(tmp_path):
    """A run is never compared with itself."""
    only = results()
    only.write(new_folder(tmp_path, only))

    assert last_alike(tmp_path, only) is None


def test_the_committed_run_is_the_base_where_none_is_stored(tmp_path):
    """On a fresh checkout the page's own results are compared with."""
    committed = results(date="2026-01-01T00:00:00")
    committed.write(tmp_path / "page")
    new = results(date="2026-02-01T00:00:00")

    assert last_alike(tmp_path / "runs", new, tmp_path / "page") == committed


@pytest.mark.parametrize(
    ("scan", "wrong"),
    [
        pytest.param({"digest": "abc"}, 0, id="same digest"),
        pytest.param({"digest": "xyz"}, 1, id="another digest"),
        pytest.param({"digest": "xyz", "status": "timeout"}, 0, id="scan was too slow"),
        pytest.param(
            {"digest": "xyz", "pods": 10, "first_digest": "abc"}, 0, id="fewer pods"
        ),
        pytest.param(
            {"digest": "xyz", "pods": 10, "first_digest": "uvw"}, 1, id="fewer, others"
        ),
    ],
)
def test_auto_has_to_place_as_scan_does(scan, wrong):
    """Digests are compared over the pods that both engines placed."""
    auto = measured(first_digest="abc")

    assert len(results(auto, measured(engine="scan", **scan)).wrong_digests()) == wrong


def test_what_no_scan_checked_is_told():
    """A workload of the suite that only `auto` ended is named."""
    found = results(
        measured("suite", "a"),
        measured("suite", "b"),
        measured("suite", "a", engine="scan"),
        measured("suite", "b", engine="scan", status="timeout"),
    )

    assert [one.name for one in found.unchecked()] == ["b"]
    assert found.lost() == []
