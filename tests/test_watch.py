"""Watching an agent: what the pictures show is what it does, as a GIF and in a window."""

import dataclasses
import itertools
import sys

import numpy as np
import pytest
from PIL import Image

from agents import cli, environments, models, watch, weights
from agents.policy import Policy
from agents.presets import preset
from glimpse_env import rendering

SMALL = {"size": 16, "hidden_size": 16}


@pytest.fixture(params=["Glimpse-MNIST-v0", "Glimpse-Catch-v0"])
def config(request):
    return dataclasses.replace(preset("best", request.param), **SMALL)


@pytest.fixture
def policy(config):
    envs = environments.make_envs(config, 8, "validation")
    return Policy(models.make_model(config, envs), envs.single_action_space)


@pytest.fixture
def file(config, policy, tmp_path):
    path = tmp_path / "agent.safetensors"
    weights.save(path, policy.model, config)
    return path


@pytest.mark.parametrize("num_envs", [1, 3])
def test_an_episode_has_a_picture_a_glimpse_and_one_of_the_end(config, policy, num_envs):
    envs = environments.make_envs(config, num_envs, "validation", render_mode="rgb_array")
    pictures = watch.watch(policy, envs, "validation", seed=0)
    length = 7 if "MNIST" in config.env_id else 23
    assert len(pictures) == length + 1
    assert len({picture.shape for picture in pictures}) == 1
    np.testing.assert_array_equal(pictures[-1], rendering.tile(envs.render()))
    assert all((one != other).any() for one, other in itertools.pairwise(pictures))


def test_pictures_show_the_belief_of_the_agent(config, policy):
    envs = environments.make_envs(config, 1, "validation", render_mode="rgb_array")
    watch.watch(policy, envs, "validation", seed=0)
    (trail,) = envs.unwrapped.recorder.trails
    assert all(belief.sum() == pytest.approx(1, abs=1e-5) for belief in trail.beliefs[:-1])
    assert trail.action == trail.beliefs[-1].argmax() or "Catch" in config.env_id


def test_an_episode_is_the_same_whoever_plays_beside(config, policy):
    alone, beside = (environments.make_envs(config, n, "validation", render_mode="rgb_array") for n in (1, 2))
    watch.watch(policy, alone, "validation", seed=5)
    watch.watch(policy, beside, "validation", seed=4)
    np.testing.assert_allclose(alone.unwrapped.recorder.trails[0].path, beside.unwrapped.recorder.trails[1].path, atol=1e-4)


def test_gif_holds_every_picture_in_true_colors(file, tmp_path, capsys):
    path = tmp_path / "out.gif"
    cli.main(["watch", "--weights", str(file), "--save", str(path), "--episodes", "2", "--split", "validation"])
    model, config = weights.load(str(file))
    envs = environments.make_envs(config, 1, "validation", render_mode="rgb_array")
    policy = Policy(model, envs.single_action_space)
    pictures = [picture for seed in (0, 1) for picture in watch.watch(policy, envs, "validation", seed)]
    assert f"{len(pictures)} pictures" in capsys.readouterr().out
    with Image.open(path) as gif:
        assert gif.n_frames == len(pictures)
        assert gif.info["loop"] == 0
        for n, picture in enumerate(pictures):
            gif.seek(n)
            shown = np.asarray(gif.convert("RGB")).astype(int)
            assert np.abs(shown - picture).mean() < 1


def test_other_looks_are_shown_beside_on_the_same_scene(file, tmp_path):
    path = tmp_path / "out.gif"
    arguments = ["watch", "--weights", str(file), "--episodes", "1", "--split", "validation"]
    cli.main([*arguments, "--save", str(path)])
    cli.main([*arguments, "--save", str(tmp_path / "beside.gif"), "--compare"])
    with Image.open(path) as alone, Image.open(tmp_path / "beside.gif") as beside:
        assert beside.width == 3 * alone.width
        assert beside.n_frames == alone.n_frames
        last = np.asarray(beside.convert("RGB"))
    thirds = np.split(last, 3, axis=1)
    assert (thirds[0] != thirds[1]).any()
    assert (thirds[0] != thirds[2]).any()


def test_mp4_holds_every_picture_and_the_last_one_longer(file, tmp_path):
    ffmpeg = pytest.importorskip("imageio_ffmpeg")
    path = tmp_path / "out.mp4"
    cli.main(["watch", "--weights", str(file), "--episodes", "1", "--split", "validation", "--save", str(path)])
    _, config = weights.load(str(file))
    frames, _ = ffmpeg.count_frames_and_secs(str(path))
    assert frames == (8 if "MNIST" in config.env_id else 24) + 3


def test_mp4_without_its_extra_names_the_remedy(file, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "imageio_ffmpeg", None)
    with pytest.raises(SystemExit, match=r'pip install "glimpse-env\[video\]"'):
        cli.main(["watch", "--weights", str(file), "--save", str(tmp_path / "out.mp4")])


def test_beliefs_are_shown_in_wrapped_environments():
    config = dataclasses.replace(preset("game", "lamps:Lamp-v0"), **SMALL)
    envs = watch.stage(config, 2, "test")
    policy = Policy(models.make_model(config, envs), envs.single_action_space)
    assert len(watch.watch(policy, envs, "test", seed=0)) > 1
    assert all(env.get_wrapper_attr("_belief").sum() == pytest.approx(1, abs=1e-5) for env in envs.envs)


def test_window_shows_episodes_until_they_are_over_or_it_is_closed(file):
    pygame = pytest.importorskip("pygame")
    cli.main(["watch", "--weights", str(file), "--episodes", "1", "--fps", "1000"])
    assert not pygame.display.get_init()
    for event in (pygame.event.Event(pygame.QUIT), pygame.event.Event(pygame.KEYDOWN, key=pygame.K_ESCAPE)):
        pygame.display.init()
        pygame.event.post(event)
        cli.main(["watch", "--weights", str(file), "--fps", "1000"])  # would go on and on
        assert not pygame.display.get_init()


def test_unknown_weights_end_with_a_message():
    with pytest.raises(SystemExit, match="No agent 'Glimpse-Nothing-v0'"):
        cli.main(["watch", "--weights", "Glimpse-Nothing-v0"])
