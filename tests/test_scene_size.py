"""The benchmark of scene sizes: what it trains is comparable, and what it measures is what it says."""

import dataclasses
import json

import pytest
from tiny_runs import TINY

pytest.importorskip("matplotlib")
pytest.importorskip("scipy")

from agents.baselines import BaselineConfig
from benchmarks import reproduce, scene_size
from benchmarks.scene_size import AGENTS, ID
from glimpse_env import TASKS


def test_with_and_without_zoom_see_as_many_pixels_of_the_same_scenes():
    with_zoom, without, whole = (scene_size.config_of(agent, 500) for agent in AGENTS)
    assert with_zoom.num_scales * 10 == without.num_scales * without.num_glimpses == 30
    assert TASKS[ID]["num_glimpses"] == 10
    assert with_zoom.patch_size is without.patch_size is None
    assert {config.env["num_clutter"] for config in (with_zoom, without, whole)} == {200}
    assert scene_size.config_of(AGENTS[0], 100).scene_sizes == (28, 60, 100, 100)
    assert scene_size.config_of(AGENTS[0], 1000).env["num_clutter"] == TASKS[ID]["num_clutter"]
    same = dataclasses.replace(
        without, **{name: getattr(with_zoom, name) for name in ("num_scales", "num_glimpses", "env", "name")}
    )
    assert same == with_zoom
    assert without.env == {**with_zoom.env, "zooms": None} != with_zoom.env


def test_multiply_adds_grow_with_the_pixels_of_the_conv_net_alone():
    mine, more = (reproduce.size_of(scene_size.config_of(AGENTS[0], size))[1] for size in (60, 200))
    assert mine == more
    conv, larger = (reproduce.size_of(scene_size.config_of(AGENTS[2], size))[1] for size in (60, 200))
    # 8 filters of 10x10 at 11x11 or 39x39 places, a layer of 256, ten classes.
    assert conv == 11 * 11 * 8 * 100 + 11 * 11 * 8 * 256 + 2560
    assert larger == 39 * 39 * 8 * 100 + 39 * 39 * 8 * 256 + 2560


def test_a_short_form_of_it(tmp_path, monkeypatch, capsys):
    """Rows that are there are not made again."""
    tiny = {
        AGENTS[0]: dataclasses.replace(TINY, env={"zooms": (2, 1)}),
        AGENTS[2]: BaselineConfig(env_id=TINY.env_id, batch_size=32, name="whole", network="fc64"),
    }
    monkeypatch.setattr(scene_size, "config_of", lambda agent, size, seed=0: tiny[agent])
    flags = ["--minutes", "0.02", "--sizes", "60", "--agents", AGENTS[0], AGENTS[2], "--runs", str(tmp_path)]
    scene_size.main(flags)
    rows = json.loads((tmp_path / "scene-size.json").read_text())
    assert [row["agent"] for row in rows] == [AGENTS[0], AGENTS[2]]
    for row in rows:
        assert 0 <= row["error"] <= 100
        assert min(row[name] for name in ("multiply_adds", "steps", "memory", "parameters", "episodes")) > 0
    assert rows[1]["parameters"] == 14 * 14 * 64 + 64 + 64 * 64 + 64 + 64 * 3 + 3
    assert (tmp_path / "scene-size.png").stat().st_size > 1000
    assert AGENTS[2] in capsys.readouterr().out
    monkeypatch.setattr(scene_size, "measure", None)
    scene_size.main(flags)
