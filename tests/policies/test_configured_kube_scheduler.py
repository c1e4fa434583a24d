"""kube-scheduler by a KubeSchedulerConfiguration, as a policy."""

from __future__ import annotations

from pathlib import Path

import pytest

from schedbench.errors import InputError, NotModelledError
from schedbench.policies.registry import make_policy
from schedbench.scheduler.profile import Tie

PACKING = """
apiVersion: kubescheduler.config.k8s.io/v1
kind: KubeSchedulerConfiguration
percentageOfNodesToScore: 30
profiles:
- schedulerName: default-scheduler
  plugins:
    score:
      disabled: [{name: ImageLocality}]
  pluginConfig:
  - name: NodeResourcesFit
    args: {scoringStrategy: {type: MostAllocated}}
- schedulerName: other
"""


def configured(folder: Path, text: str, parameters: str = "") -> str:
    """Write a configuration and return the policy that it makes."""
    path = folder / "config.yaml"
    path.write_text(text)
    return f"kube-scheduler[config={path}{parameters}]"


def test_plugins_arguments_and_profiles_are_the_files(tmp_path: Path) -> None:
    """The first profile scores; every profile is there for pods that ask for it."""
    policy = make_policy(configured(tmp_path, PACKING))

    names = [score.plugin.name for score in policy.profile.scores]
    assert "ImageLocality" not in names
    assert policy.profile.percentage == 30
    assert policy.profile.tie is Tie.RANDOM
    assert policy.profiles is not None
    assert list(policy.profiles) == ["default-scheduler", "other"]


def test_given_percentage_and_ties_win(tmp_path: Path) -> None:
    """Parameters of the policy stand above the file."""
    given = ",percentageOfNodesToScore=0,ties=first"
    policy = make_policy(configured(tmp_path, PACKING, given))

    assert policy.profile.percentage == 0
    assert policy.profile.tie is Tie.FIRST


def test_another_file_is_another_policy(tmp_path: Path) -> None:
    """Results are kept apart by what the file says, not by its name."""
    before = make_policy(configured(tmp_path, PACKING))
    after = make_policy(configured(tmp_path, PACKING.replace("30", "40")))

    assert before.spec == after.spec
    assert before.source_digest != after.source_digest


def test_extenders_are_refused_by_name(tmp_path: Path) -> None:
    """What would change decisions and is not modelled is never passed over."""
    text = f"{PACKING}extenders: [{{urlPrefix: 'http://extender:80', filterVerb: f}}]\n"

    with pytest.raises(NotModelledError, match="http://extender:80"):
        make_policy(configured(tmp_path, text))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        pytest.param(PACKING.replace("30", "130"), "percentageOfNodesToScore", id="%"),
        pytest.param(PACKING.replace("ImageLocality", "x: y"), "x: y", id="not YAML"),
    ],
)
def test_what_upstream_refuses_is_refused(
    tmp_path: Path, text: str, words: str
) -> None:
    """A mistake is told with the file and the field."""
    with pytest.raises(InputError) as caught:
        make_policy(configured(tmp_path, text))

    assert "config.yaml" in str(caught.value)
    assert words.split(":", maxsplit=1)[0] in str(caught.value)


def test_a_missing_file_is_named() -> None:
    """A path that leads nowhere is told."""
    with pytest.raises(InputError, match=r"nowhere\.yaml"):
        make_policy("kube-scheduler[config=nowhere.yaml]")
