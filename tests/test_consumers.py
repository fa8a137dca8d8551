"""What users of Gymnasium and Stable-Baselines3 put around environments works on native and on wrapped ones."""

import sys
import types

import gymnasium as gym
import numpy as np
import pytest
from rollouts import assert_identical

from glimpse_env.wrappers import GlimpseWrapper

NATIVE, WRAPPED, STEPS, B = "Glimpse-MNIST-v0", "Flicker-v0", 6, 3


class Flicker(gym.Env):
    """Random pictures; each episode has six steps, each rewarded with the pace."""

    metadata = {"render_modes": ["rgb_array"], "render_fps": 5}  # noqa: RUF012
    observation_space = gym.spaces.Box(0, 255, (20, 24, 3), np.uint8)
    action_space = gym.spaces.Discrete(3)

    def __init__(self, render_mode=None, pace=1):
        self.render_mode, self.pace = render_mode, pace

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.steps = 0
        return self.render(), {}

    def step(self, action):
        self.steps += 1
        return self.render(), float(self.pace), self.steps == STEPS, False, {}

    def render(self):
        return self.np_random.integers(0, 256, (20, 24, 3), dtype=np.uint8)

    def set_arguments(self, pace):
        self.pace = pace


gym.register(WRAPPED, Flicker, additional_wrappers=(GlimpseWrapper.wrapper_spec(patch_size=5, num_scales=2),))
OF = {NATIVE: {"num_glimpses": STEPS, "reward": "every"}, WRAPPED: {}}
both = pytest.mark.parametrize("id", [NATIVE, WRAPPED])


def sampled(envs):
    return np.stack([envs.action_space.sample() for _ in range(envs.num_envs)])


@pytest.fixture
def videos(monkeypatch):
    """What is written as a video: frames and frames a second."""
    written = []

    class Clip:
        def __init__(self, frames, fps):
            written.append((np.array(frames), fps))

        def write_videofile(self, path, **_):
            assert path.endswith(".mp4")

    module = types.ModuleType("moviepy.video.io.ImageSequenceClip")
    module.ImageSequenceClip = Clip
    names = "moviepy", "moviepy.video", "moviepy.video.io", module.__name__
    for name in names:
        monkeypatch.setitem(sys.modules, name, module if name == module.__name__ else types.ModuleType(name))
    return written


@both
def test_record_video(id, videos, tmp_path):
    env = gym.make(id, render_mode="rgb_array", **OF[id])
    env = gym.wrappers.RecordVideo(env, str(tmp_path / "videos"), episode_trigger=lambda episode: episode == 1)
    for seed in range(2):
        env.reset(seed=seed)
        while not env.step(env.action_space.sample())[2]:
            pass
    env.close()
    ((frames, fps),) = videos
    assert fps == env.metadata["render_fps"]
    assert (frames.shape[0], frames.shape[3], frames.dtype) == (STEPS + 1, 3, np.uint8)


@both
def test_record_episode_statistics(id):
    env = gym.wrappers.RecordEpisodeStatistics(gym.make(id, **OF[id]))
    envs = gym.wrappers.vector.RecordEpisodeStatistics(gym.make_vec(id, B, **OF[id]))
    env.reset(seed=0)
    envs.reset(seed=0)
    for _ in range(STEPS):
        *_, ended, _, info = env.step(env.action_space.sample())
        *_, all_ended, _, infos = envs.step(envs.action_space.sample())
    assert ended
    assert all_ended.all()
    assert info["episode"]["l"] == STEPS
    assert infos["episode"]["l"].tolist() == [STEPS] * B
    assert id == NATIVE or infos["episode"]["r"].tolist() == [STEPS] * B


@pytest.mark.parametrize("vectorization_mode", ["sync", None])
@both
def test_a_time_limit_truncates(id, vectorization_mode):
    envs = gym.make_vec(id, B, vectorization_mode=vectorization_mode, max_episode_steps=4, **OF[id])
    envs.reset(seed=0)
    ends = [envs.step(envs.action_space.sample()) for _ in range(4)]
    assert [ended[3].tolist() for ended in ends] == [[False] * B] * 3 + [[True] * B]
    assert not any(ended[2].any() for ended in ends)


class TestStableBaselines3:
    """Its wrappers, around `glimpse_env.sb3.make_vec_env`."""

    @pytest.fixture(autouse=True)
    def library(self):
        self.vec = pytest.importorskip("stable_baselines3.common.vec_env")
        self.sb3 = pytest.importorskip("glimpse_env.sb3")

    def made(self, id, **arguments):
        envs = self.sb3.make_vec_env(id, B, seed=0, **OF[id], **arguments)
        envs.action_space.seed(0)
        return envs

    @both
    def test_video_recorder(self, id, videos, tmp_path):
        envs = self.made(id, render_mode="rgb_array")
        envs = self.vec.VecVideoRecorder(envs, str(tmp_path), lambda step: step == 0, video_length=3)
        envs.reset()
        for _ in range(5):
            envs.step(sampled(envs))
        envs.close()
        ((frames, _),) = videos
        assert len(frames) == 4

    @pytest.mark.parametrize("order", [None, {"glimpse": "first", "fixation": "last"}])
    @both
    def test_frame_stack(self, id, order):
        """The latest observation comes last, and an episode begins with zeros."""
        envs = self.vec.VecFrameStack(self.made(id), 2, channels_order=order)
        plain = self.made(id)
        axis = 1 if order else -1
        before, expected = envs.reset()["glimpse"], plain.reset()["glimpse"]
        for step in range(STEPS + 2):
            assert_identical(np.split(before, 2, axis)[1], expected)
            assert (step % STEPS == 0) == (not np.split(before, 2, axis)[0].any())
            action = sampled(envs)
            observation, _, dones, infos = envs.step(action)
            expected = plain.step(action)[0]["glimpse"]
            before = observation["glimpse"]
            assert dones.all() == ((step + 1) % STEPS == 0)
            if dones.all():
                assert infos[0]["terminal_observation"]["glimpse"].shape == envs.observation_space["glimpse"].shape

    @both
    def test_normalize(self, id, tmp_path):
        envs = self.vec.VecNormalize(self.made(id, **({"observe": "scene"} if id == NATIVE else {})), gamma=0.9)
        envs.reset()
        for _ in range(STEPS):
            observation, rewards, dones, infos = envs.step(sampled(envs))
        assert dones.all()
        assert observation.keys() == infos[0]["terminal_observation"].keys() == envs.get_original_obs().keys()
        raw, key = envs.get_original_obs(), "scene" if id == NATIVE else "glimpse"
        assert_identical(envs.normalize_obs(raw)[key], observation[key])
        assert not np.array_equal(raw[key], observation[key])
        assert np.isfinite(rewards).all()
        envs.save(str(tmp_path / "statistics.pkl"))
        again = self.vec.VecNormalize.load(str(tmp_path / "statistics.pkl"), envs.venv)
        assert_identical(again.normalize_obs(raw)[key], observation[key])

    def test_a_curriculum_through_wrappers(self):
        plain, changed = [self.vec.VecMonitor(self.vec.VecFrameStack(self.made(NATIVE), 2)) for _ in range(2)]
        for envs in (plain, changed):
            envs.reset()
        assert changed.env_method("set_arguments", noise=0.5) == [None] * B
        for step in range(STEPS):
            action = sampled(plain)
            mine, theirs = changed.step(action)[0], plain.step(action)[0]
            assert np.array_equal(mine["glimpse"], theirs["glimpse"]) == (step < STEPS - 1)
        with pytest.raises(ValueError, match="'set_arguments' is for all of them"):
            changed.env_method("set_arguments", noise=0, indices=[0])

    def test_wrapped_environments_each_have_their_own_attributes(self):
        envs = self.vec.VecMonitor(self.made(WRAPPED))
        envs.reset()
        assert envs.env_method("set_arguments", pace=3, indices=[1]) == [None]
        assert envs.get_attr("pace") == [1, 3, 1]
        envs.set_attr("pace", 5, indices=[2])
        assert envs.step(sampled(envs))[1].tolist() == [1, 3, 5]
        envs.env_method("set_arguments", 7)
        assert envs.get_attr("pace", [0, 2]) == [7, 7]
        assert [task.action_names for task in envs.get_attr("task")] == [("0", "1", "2")] * B
        assert envs.get_attr("action_space", 0) == [envs.action_space]
        assert not envs.has_attr("nothing")
        assert envs.env_is_wrapped(GlimpseWrapper, [0, 1]) == [True, True]
        assert envs.env_is_wrapped(gym.wrappers.TimeLimit) == [False] * B

    @both
    def test_a_time_limit_is_told(self, id):
        envs = self.made(id, max_episode_steps=4)
        envs.reset()
        for _ in range(4):
            _, _, dones, infos = envs.step(sampled(envs))
        assert dones.all()
        assert all(info["TimeLimit.truncated"] and "terminal_observation" in info for info in infos)
