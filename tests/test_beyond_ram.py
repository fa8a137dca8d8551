"""``benchmarks.beyond_ram`` leads from the paper's preset to ours, and its page shows what was run."""

import dataclasses
import pathlib

import pytest

pytest.importorskip("scipy")

from agents.presets import preset
from benchmarks import beyond_ram, evidence
from benchmarks.beyond_ram import CONTROLS, SCENE_NETWORKS, STEPS, configs

PLAIN = {
    "name",
    "seed",
    "num_episodes",
    "batch_size",
    "learning_rate",
    "weight_decay",
    "num_validations",
    "evaluated_on",
    "short",
}


def differing(name, config):
    """The fields that make another agent of a preset."""
    start = dataclasses.asdict(preset(name, beyond_ram.ID))
    return {field for field, value in dataclasses.asdict(config).items() if value != start[field]} - PLAIN


def test_the_lines_lead_from_the_paper_to_the_presets():
    first, second, *_, modern, canvas = (configs(0)[name] for name, _ in STEPS)
    assert differing("paper", first) == {"stop_location_gradient"}
    assert differing("paper", second) == set()
    assert differing("modern", modern) == set()
    assert differing("canvas", canvas) == set()


def test_controls_are_modern_with_other_looks():
    for name, looking in CONTROLS.items():
        assert configs(0)[name].looking == looking
        assert differing("modern", configs(0)[name]) == {"looking"}


def test_all_lines_learn_from_as_many_scenes_at_the_same_rate():
    found = configs(1).values()
    assert len({(one.num_episodes, one.batch_size, one.learning_rate, one.weight_decay) for one in found}) == 1
    assert {one.seed for one in found} == {1}
    assert {one.evaluated_on for one in found} == {"validation"}
    assert len({one.run_name for one in found}) == len(found)


def test_the_page_has_a_line_for_each_row(monkeypatch, tmp_path):
    run = next(run for run in evidence.load(beyond_ram.ID).runs if run.table == "results" and "learned" in run.scores)
    whole = dataclasses.replace(run, scores={"deep": [1.25]}, multiply_adds=18_400_000, parameters=1_000)
    (deep,) = [name for name, network in SCENE_NETWORKS.items() if network == "deep"]
    rows = {STEPS[0][0]: [run, dataclasses.replace(run, seed=1)], deep: [whole]}
    page = beyond_ram.page(rows)
    assert f"| {run.parameters:,} |" in page
    assert f"| {run.scores['random'][-1]:.2f} | {run.scores['center'][-1]:.2f} | 2 |" in page
    assert f"| 2 | {deep} | 1,000 | 18.4 M | 1.25 |  |  | 1 |" in page
    assert beyond_ram.ONE_SEED in page
    assert beyond_ram.ONE_SEED not in beyond_ram.page({STEPS[0][0]: rows[STEPS[0][0]]})
    monkeypatch.setattr(beyond_ram, "PICTURE", tmp_path / "picture.png")
    beyond_ram.draw(rows)
    assert (tmp_path / "picture.png").stat().st_size > 10_000


def test_the_page_is_what_the_command_writes():
    page = (pathlib.Path(__file__).parents[1] / beyond_ram.PAGE).read_text()
    assert beyond_ram.page(beyond_ram.known()) == page, "run python -m benchmarks.beyond_ram --seeds 0"
