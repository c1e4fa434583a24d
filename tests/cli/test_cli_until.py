"""`--until`: what is refused, and what a dry run tells."""

from __future__ import annotations

import pytest


@pytest.mark.parametrize(
    ("options", "words"),
    [
        pytest.param(["--until", "pods_bound"], "METRIC:NUMBER", id="no number"),
        pytest.param(["--until", "pods_bnd:1%"], "did you mean", id="misspelt"),
        pytest.param(["--max-repeats", "9"], "--until", id="a most without a rule"),
        pytest.param(
            ["--until", "pods_bound:1%", "--quick"], "one seed", id="one seed only"
        ),
        pytest.param(
            ["--until", "pods_bound:1%", "--repeats", "30", "--max-repeats", "20"],
            "fewer seeds",
            id="less than the first look",
        ),
    ],
)
def test_rules_that_make_no_sense(cli, here, options, words):
    """They end with 2 before anything is run."""
    found = cli("run", "tiny.yaml", *options)

    assert (found.code, words in found.err) == (2, True)
    assert not (here / "runs").exists()


def test_a_dry_run_tells_the_looks(cli, here):
    """After how many seeds the precision is looked at."""
    found = cli(
        "run", "tiny.yaml", "--dry-run", "--until", "pods_bound:1%",
        "--max-repeats", "20",
    )  # fmt: skip

    assert found.code == 0
    assert "pods_bound ± 1 %, looked at after 8, 12, 18, 20 seeds" in found.out


def test_a_scenario_may_say_until_when(cli, here):
    """Its own rule holds unless the number of repeats is given."""
    path = here / "tiny.yaml"
    rule = "seeds: {until: ['pods_bound:1%'], max: 18}"
    path.write_text(path.read_text().replace("seeds: {first: 3, repeats: 2}", rule))

    own = cli("run", "tiny.yaml", "--dry-run")
    given = cli("run", "tiny.yaml", "--dry-run", "--repeats", "3")

    assert "looked at after 8, 12, 18 seeds" in own.out
    assert "until:" not in given.out
