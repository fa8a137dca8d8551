"""Games of other packages through the retina. Each test is left out where its package is missing."""

import dataclasses
import importlib
import json
import warnings

import gymnasium as gym
import numpy as np
import pytest
from gymnasium import spaces
from gymnasium.envs.registration import EnvSpec
from gymnasium.utils.env_checker import check_env
from rollouts import assert_identical, play

from agents import environments, ram
from agents.presets import preset
from glimpse_env import GAMES
from glimpse_env.wrappers import GlimpseWrapper

pytestmark = pytest.mark.filterwarnings("ignore:builtin type .* has no __module__ attribute:DeprecationWarning")


def minigrid(source):
    """A grid world as a picture: an entry of its observation, or what it renders."""
    env = gym.make("MiniGrid-FourRooms-v0", render_mode="rgb_array")
    if source == "render":
        return GlimpseWrapper(env, 16, 3, source="render", image_key="image")
    from minigrid.wrappers import RGBImgObsWrapper

    return GlimpseWrapper(RGBImgObsWrapper(env), 12, 3, image_key="image")


CASES = {  # name -> the packages it needs, how it is made
    "car racing": (("Box2D", "pygame"), lambda: gym.make("Glimpse-CarRacing-v0", render_mode="rgb_array")),
    "car racing, discrete, relative": (
        ("Box2D", "pygame"),
        lambda: gym.make("Glimpse-CarRacing-v0", render_mode="rgb_array", continuous=False, location_mode="relative"),
    ),
    "breakout": (("ale_py",), lambda: gym.make("Glimpse-Atari-v0", render_mode="rgb_array")),
    "pong, gray": (
        ("ale_py",),
        lambda: gym.make("Glimpse-Atari-v0", game="ALE/Pong-v5", obs_type="grayscale", render_mode="rgb_array", peripheral=20),
    ),
    "minigrid": (("minigrid",), lambda: minigrid("observation")),
    "minigrid, rendered": (("minigrid",), lambda: minigrid("render")),
}
PICTURES = {  # name -> how the base environment alone gives the image that must be seen
    "car racing": lambda: gym.make("CarRacing-v3"),
    "car racing, discrete, relative": lambda: gym.make("CarRacing-v3", continuous=False),
    "breakout": lambda: gym.make("ALE/Breakout-v5"),
    "pong, gray": lambda: gym.make("ALE/Pong-v5", obs_type="grayscale"),
    "minigrid": lambda: gym.wrappers.AddRenderObservation(
        gym.make("MiniGrid-FourRooms-v0", render_mode="rgb_array", tile_size=8, highlight=True)
    ),
    "minigrid, rendered": lambda: gym.wrappers.AddRenderObservation(gym.make("MiniGrid-FourRooms-v0", render_mode="rgb_array")),
}


@pytest.fixture(params=CASES)
def name(request, monkeypatch):
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")  # the checker tries the window too
    monkeypatch.setenv("SDL_AUDIODRIVER", "dummy")
    for module in CASES[request.param][0]:
        pytest.importorskip(module)
    return request.param


def make(name):
    return CASES[name][1]()


def test_check_env_has_nothing_to_say(name):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        # Those two checks make the environment again from its spec, and minigrid's own wrapper leaves no spec behind.
        check_env(make(name), skip_render_check=name == "minigrid", skip_close_check=name == "minigrid")
    texts = [str(warning.message) for warning in caught]
    expected = ("different from the unwrapped version", "has no __module__ attribute")  # of any wrapper; of SWIG's types
    assert [text for text in texts if not any(part in text for part in expected)] == []


def test_seeds_are_respected(name):
    env, other = make(name), make(name)
    for seed in (5, 6):
        assert_identical(arrays(env.reset(seed=seed)), arrays(other.reset(seed=seed)))
        mine, theirs = play(env, 15, seed), play(other, 15, seed)
        assert_identical(arrays(mine), arrays(theirs))
    starts = [env.reset(seed=seed)[0] for seed in (5, 6)]
    assert not np.array_equal(starts[0]["fixation"], starts[1]["fixation"])


def arrays(found):
    """Only what is to be compared: all but the infos, which packages fill with things of their own."""
    if isinstance(found, dict):
        return {key: value for key, value in found.items() if isinstance(value, np.ndarray | str)}
    if isinstance(found, tuple | list):
        return [arrays(part) for part in found]
    return found


def test_sees_the_game_through_the_retina(name):
    env, base = make(name), PICTURES[name]()
    rng = np.random.default_rng(0)
    base.action_space.seed(0)
    observation, _ = env.reset(seed=3)
    picture, _ = base.reset(seed=3)
    retina, shape = env.get_wrapper_attr("retina"), env.get_wrapper_attr("scene_shape")
    for _ in range(30):
        assert observation in env.observation_space
        scene = np.ascontiguousarray(picture).reshape(1, *shape)
        np.testing.assert_array_equal(observation["glimpse"], retina(scene, observation["fixation"][np.newaxis])[0])
        action = base.action_space.sample()
        location = rng.uniform(-1, 1, 2).astype(np.float32)
        observation, *mine = env.step({"location": location, "action": action})
        picture, *theirs = base.step(action)
        assert mine[:3] == theirs[:3]
        if mine[1] or mine[2]:
            break


def test_picture_is_of_one_size(name):
    env = make(name)
    env.reset(seed=0)
    frames = [env.render()]
    for _ in range(3):
        env.step(env.action_space.sample())
        frames.append(env.render())
    assert {(frame.dtype, frame.ndim, frame.shape[2]) for frame in frames} == {(np.dtype(np.uint8), 3, 3)}
    assert len({frame.shape for frame in frames}) == 1


def test_the_agent_plays_it(name, tmp_path, undrawn):
    gym.register("Game-v0", entry_point=lambda: make(name))
    try:
        config = dataclasses.replace(preset("best", "Game-v0"), size=16, hidden_size=16, batch_size=2, max_steps=6)
        config = dataclasses.replace(config, num_episodes=2, num_validations=1, num_test_episodes=2)
        result = ram.train(config, runs=tmp_path)
    finally:
        del gym.registry["Game-v0"]
    assert result.scores.keys() == {"learned", "random", "center"}


@pytest.mark.parametrize("id", GAMES)
def test_registered_game_can_be_made_again_from_its_spec(id):
    pytest.importorskip({"Glimpse-CarRacing-v0": "Box2D", "Glimpse-Atari-v0": "ale_py"}[id])
    env = gym.make(id, patch_size=7, initial_fixation=(0.5, 0.25), render_mode="rgb_array")
    spec = json.loads(env.spec.to_json())
    assert spec["id"] == id
    again = gym.make(EnvSpec.from_json(json.dumps(spec)))
    assert_identical(arrays(again.reset(seed=1)), arrays(env.reset(seed=1)))
    assert_identical(arrays(play(again, 5, seed=2)), arrays(play(env, 5, seed=2)))


def test_car_racing_is_truncated_where_gymnasium_does_it():
    pytest.importorskip("Box2D")
    assert gym.spec("Glimpse-CarRacing-v0").max_episode_steps == gym.spec("CarRacing-v3").max_episode_steps


@pytest.mark.parametrize(
    ("id", "module", "extra"),
    [
        ("Glimpse-CarRacing-v0", "Box2D", "box2d"),
        ("Glimpse-CarRacing-v0", "pygame", "box2d"),
        ("Glimpse-Atari-v0", "ale_py", "atari"),
    ],
)
def test_missing_package_is_named_with_its_extra(id, module, extra, monkeypatch):
    monkeypatch.setattr(importlib, "import_module", _without(module, importlib.import_module))
    with pytest.raises(ImportError, match=rf'needs {module}, which is missing: pip install "glimpse-env\[{extra}\]"'):
        gym.make(id)


def test_minatar_is_an_image_and_a_lost_game_begins_anew():
    minatar = pytest.importorskip("minatar.gym")
    from benchmarks.games import make

    env, base = (
        make("Breakout", patch_size=10, initial_fixation="center"),
        minatar.BaseEnv("breakout", use_minimal_action_set=True),
    )
    observation, _ = env.reset(seed=2**40 + 5)  # of 64 bits, as the agent's; MinAtar takes 32, so they are folded
    state, _ = base.reset(seed=2**8 ^ 5)
    lost = 0
    for step in range(100):
        np.testing.assert_array_equal(observation["glimpse"], state.transpose(2, 0, 1))
        observation, reward, terminated, truncated, _ = env.step({"location": np.zeros(2, np.float32), "action": step % 3})
        state, expected, ended, *_ = base.step(step % 3)
        assert (reward, terminated, truncated) == (expected, False, False)
        if ended:
            lost += 1
            state, _ = base.reset()
    assert lost > 2


def test_no_game_of_an_evaluation_begins_as_one_of_a_training_does():
    """MinAtar takes 32 bits of a seed, but the seeds of a training and of an evaluation differ in the highest two."""
    from benchmarks import games

    class Noted(gym.Env):
        observation_space, action_space = spaces.Box(0, 1, (10, 10, 4), np.bool_), spaces.Discrete(2)

        def reset(self, *, seed=None, options=None):
            seeds.append(seed)
            return self.observation_space.sample(), {}

    seeds = []
    for purpose in (None, "validation", "test"):
        for n in range(50):
            games.Screen(Noted()).reset(seed=environments.first_seed(0, purpose) + n)
    assert len(set(seeds)) == 150
    assert all(0 <= seed < 2**32 for seed in seeds)


def test_short_form_of_the_benchmark_of_games(tmp_path, monkeypatch, capsys, undrawn):
    """Every way of looking is trained on as many frames; rows that are there are not made again."""
    pytest.importorskip("minatar")
    from benchmarks import games

    configs = {way: games.config_of("Freeway", way, 0, 2_000_000) for way in games.WAYS}
    assert {config.num_episodes * config.max_steps for config in configs.values()} == {2_000_000}
    tiny = {"size": 8, "hidden_size": 8, "batch_size": 2, "max_steps": 5, "num_episodes": 2, "num_test_episodes": 2}
    monkeypatch.setattr(games, "config_of", lambda game, way, seed, frames: dataclasses.replace(configs[way], **tiny))
    flags = ["--games", "Freeway", "--seeds", "0", "--runs", str(tmp_path)]
    games.main(flags)
    rows = json.loads((tmp_path / "games.json").read_text())
    assert [row["way"] for row in rows] == list(games.WAYS)
    monkeypatch.setattr(games.ram, "train", None)
    games.main(flags)
    assert capsys.readouterr().out.count("| full view") == 2


def _without(missing, real):
    """An import_module to which one package is missing, and no other of the games'."""

    def import_module(name, package=None):
        if name == missing:
            raise ModuleNotFoundError(f"No module named {name!r}")
        return None if name in ("Box2D", "pygame", "ale_py") else real(name, package)

    return import_module
