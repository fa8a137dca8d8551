"""The rules of the game of catch: against the oracle, and by hand."""

import inspect

import gymnasium as gym
import numpy as np
import oracles
import pytest
from gymnasium.vector import AutoresetMode
from rollouts import single, vector

from glimpse_env import GlimpseEnv
from glimpse_env.worlds.catch import CatchWorld

ID = "Glimpse-Catch-v0"
LEFT, STAY, RIGHT = range(3)


def aim(column, slope, width):
    """The two draws of a ball that starts in this column with this slope."""
    return [(column + 0.5) / width, (slope + 1) / 2]


def begin(balls=((12, 0.0),), num_envs=1, **arguments):
    """A game with these balls, each (column, slope)."""
    world = CatchWorld(num_envs, num_balls=len(balls), **arguments)
    draws = np.ravel([aim(*ball, world.scenes.shape[2]) for ball in balls])
    world.reset(np.arange(num_envs), np.tile(draws, (num_envs, 1)), None)
    return world


def step(world, action):
    """Reward and end of the one game."""
    rewards, ended = world.step(np.array([action]), np.array([True]))
    return rewards.item(), ended.item()


def lit(world):
    """The (row, column) of each pixel that is not 0."""
    assert set(np.unique(world.scenes)) <= {0, 255}
    return {(int(row), int(column)) for row, column in np.argwhere(world.scenes[0, ..., 0])}


def paddle(world):
    """The columns of the bottom row that are lit while the ball is above it."""
    return [column for row, column in sorted(lit(world)) if row == world.scenes.shape[1] - 1]


def ball(world):
    """The (row, column) of the ball above the bottom row."""
    (at,) = [at for at in lit(world) if at[0] < world.scenes.shape[1] - 1]
    return at


def path(world, num_steps):
    """The columns of the ball in each row, to the row above the bottom one."""
    columns = [ball(world)[1]]
    for _ in range(num_steps):
        step(world, STAY)
        columns.append(ball(world)[1])
    return columns


def test_is_the_oracle_step_by_step_for_a_thousand_games():
    rng = np.random.default_rng(0)
    played, caught, lengths = 0, 0, set()
    while played < 1000:
        H, W, B = int(rng.integers(2, 30)), int(rng.integers(2, 30)), int(rng.integers(1, 9))
        num_balls, paddle_width, speed = (int(rng.integers(1, most + 1)) for most in (4, W, H - 1))
        arguments = {"num_balls": num_balls, "paddle_width": paddle_width, "speed": speed}
        world = CatchWorld(B, scene_size=(H, W), num_threads=int(rng.integers(1, 3)), **arguments)
        draws = rng.random((B, world.num_draws))
        world.reset(np.arange(B), draws, None)
        games = [oracles.Catch(row, H, W, **arguments) for row in draws]
        playing = np.ones(B, np.bool_)
        num_steps = 0
        while True:
            for b in range(B):
                np.testing.assert_array_equal(world.scenes[b, ..., 0], games[b].screen())
            if not playing.any():
                break
            turn = playing & (rng.random(B) < 0.8)  # some rest, as if their episode had ended
            actions = rng.integers(0, 3, B)
            rewards, ended = world.step(actions, turn)
            expected = [games[b].step(actions[b]) if turn[b] else (0, False) for b in range(B)]
            assert list(zip(rewards, ended, strict=True)) == expected
            playing &= ~ended
            num_steps += 1
        assert world.final_info()["caught"].tolist() == [game.caught for game in games]
        played, caught = played + B, caught + sum(game.caught for game in games)
        lengths.add(num_steps)
    assert caught > 100  # both ends were seen
    assert len(lengths) > 20


# The paper's game, by hand.


def test_papers_game():
    world = begin([(3, 0.0)])
    assert world.scenes.shape == (1, 24, 24, 1)
    assert lit(world) == {(0, 3), (23, 11), (23, 12)}
    for row in range(1, 23):
        assert step(world, STAY) == (0, False)
        assert lit(world) == {(row, 3), (23, 11), (23, 12)}
    assert step(world, STAY) == (0, True)
    assert lit(world) == {(23, 3), (23, 11), (23, 12)}


@pytest.mark.parametrize(("column", "reward"), [(9, 0), (10, 0), (11, 1), (12, 1), (13, 0), (14, 0)])
def test_caught_where_the_paddle_overlaps(column, reward):
    world = begin([(column, 0.0)])
    ends = [step(world, STAY) for _ in range(23)]
    assert ends == [(0, False)] * 22 + [(reward, True)]
    assert world.final_info()["caught"].tolist() == [reward]
    assert len(lit(world)) == 3 - reward  # a ball on the paddle looks as the paddle does


def test_paddle_moves_before_the_ball_is_down():
    for last, reward in ((RIGHT, 1), (STAY, 0), (LEFT, 0)):
        world = begin([(13, 0.0)])
        for _ in range(22):
            step(world, STAY)
        assert step(world, last) == (reward, True)


def test_paddle_moves_by_one_column_and_stops_at_the_walls():
    world = begin([(3, 0.0), (3, 0.0)])
    for n in range(1, 14):
        step(world, LEFT)
        assert paddle(world) == [max(11 - n, 0), max(11 - n, 0) + 1]
    for n in range(1, 4):
        step(world, RIGHT)
        assert paddle(world) == [n, n + 1]
    step(world, STAY)
    assert paddle(world) == [3, 4]
    world = begin([(3, 0.0)])
    for n in range(1, 14):
        step(world, RIGHT)
        assert paddle(world) == [min(11 + n, 22), min(11 + n, 22) + 1]


@pytest.mark.parametrize(
    ("start", "slope", "columns"),
    [
        (2, -1.0, [2, 1, 0, 1, 2, 3, 4, 5, 4]),  # bounces off both walls; each of their columns is shown once
        (3, 1.0 - 2**-50, [3, 4, 5, 4, 3, 2, 1, 0, 1]),
        (0, 0.5, [0, 1, 1, 2, 2, 3, 3, 4, 4]),  # halves go right
        (1, -0.5, [1, 1, 0, 1, 1, 2, 2, 3, 3]),
        (4, 0.0, [4] * 9),
        (0, 0.25, [0, 0, 1, 1, 1, 1, 2, 2, 2]),
    ],
)
def test_ball_moves_straight_and_bounces_off_the_walls(start, slope, columns):
    assert path(begin([(start, slope)], scene_size=(10, 6), paddle_width=1), 8) == columns


def test_balls_come_one_after_the_other_and_the_paddle_stays():
    world = begin([(11, 0.0), (0, 0.0), (13, 0.0)], scene_size=(5, 24))
    seen = []
    for t in range(1, 15):
        seen.append(step(world, RIGHT if t == 6 else STAY))
        if t % 5 != 4:
            assert ball(world) == (t % 5, (11, 0, 13)[t // 5])
            assert paddle(world) == ([11, 12] if t < 6 else [12, 13])
    assert [t for t, (_, ended) in enumerate(seen, 1) if ended] == [14]
    assert [t for t, (reward, _) in enumerate(seen, 1) if reward] == [4, 14]
    assert world.final_info()["caught"].tolist() == [2]


@pytest.mark.parametrize(("speed", "rows"), [(1, list(range(10))), (2, [0, 2, 4, 6, 8, 9]), (4, [0, 4, 8, 9]), (9, [0, 9])])
def test_speed_is_the_rows_of_a_step(speed, rows):
    world = begin([(1, 0.5)], scene_size=(10, 30), speed=speed)
    columns = [1 + (row + 1) // 2 for row in range(10)]
    for row in rows[1:]:
        ended = step(world, STAY)[1]
        assert (row, columns[row]) in lit(world)
        assert ended == (row == 9)


@pytest.mark.parametrize(("width", "columns"), [(1, [11]), (2, [11, 12]), (3, [10, 11, 12]), (24, list(range(24)))])
def test_paddle_width(width, columns):
    world = begin([(0, 0.0)], paddle_width=width)
    assert paddle(world) == columns
    assert sum(step(world, STAY)[0] for _ in range(23)) == (width == 24)


def test_a_new_game_forgets_the_last_in_its_rows_alone():
    world = begin([(11, 0.0), (11, 0.0)], num_envs=2, scene_size=(4, 24))
    everyone = np.ones(2, np.bool_)
    for _ in range(3):
        world.step(np.array([LEFT, STAY]), everyone)
    world.reset(np.array([0]), np.array([aim(5, 0.0, 24) * 2]), None)
    assert lit(world) == {(0, 5), (3, 11), (3, 12)}
    assert world.scenes[1, 3, 11:13, 0].tolist() == [255, 255]
    ends = [world.step(np.array([STAY, STAY]), everyone)[1].tolist() for _ in range(4)]
    assert ends == [[False, False]] * 3 + [[False, True]]
    assert world.final_info()["caught"].tolist() == [0, 2]


def test_start_and_slope_are_uniform():
    world = CatchWorld(24_000)
    draws = np.random.default_rng(0).random((24_000, 2))
    world.reset(np.arange(24_000), draws, None)
    starts = world.scenes[:, 0, :, 0].argmax(axis=1)
    counts = np.bincount(starts, minlength=24)
    assert (np.abs(counts - 1000) < 4 * np.sqrt(1000)).all()
    inner = (starts > 8) & (starts < 15)
    for _ in range(8):
        world.step(np.ones(24_000, np.int64), np.ones(24_000, np.bool_))
    moved = (world.scenes[:, 8, :, 0].argmax(axis=1) - starts)[inner]  # 8 rows times the slope, to the nearest column
    shares = np.bincount(moved + 8, minlength=17) / inner.sum()
    np.testing.assert_allclose(shares, [1 / 32] + [1 / 16] * 15 + [1 / 32], atol=0.012)


# Through the eye.


def test_the_screen_changes_and_then_the_retina_looks():
    env = single(ID, initial_fixation="center")
    env.reset(seed=0)
    for t in range(1, 24):
        location = np.float32([0.1, -1 + 2 * t / 23])
        observation, *_ = env.step({"location": location, "action": STAY})
        if t < 23:  # the last location is ignored: the gaze stays, but the ball comes down
            where = location
        np.testing.assert_array_equal(observation["fixation"], where)
        np.testing.assert_array_equal(observation["glimpse"], env.retina(env.world.scenes, where[None])[0])


def test_random_play_catches_about_what_chance_would():
    """Balls end almost evenly over the columns, so a two-pixel paddle anywhere catches about 2 in 24 of them."""
    envs = vector(ID, 1000, AutoresetMode.SAME_STEP)
    envs.reset(seed=0)
    rng = np.random.default_rng(0)
    balls = caught = 0
    for _ in range(23 * 8):
        action = {"location": np.zeros((1000, 2), np.float32), "action": rng.integers(0, 3, 1000)}
        _, rewards, ended, _, info = envs.step(action)
        balls, caught = balls + ended.sum(), caught + rewards.sum()
        if ended.any():
            assert (info["final_info"]["caught"] == rewards).all()
    assert balls == 8000
    assert abs(caught / balls - 2 / 24) < 0.02


def test_a_player_who_sees_all_catches_all():
    """Each ball can be caught by who knows where it comes down."""
    world = CatchWorld(2000)
    draws = np.random.default_rng(1).random((2000, 2))
    world.reset(np.arange(2000), draws, None)
    targets = np.array([_landing(row) for row in draws])
    left = np.full(2000, 11)
    for _ in range(23):
        actions = 1 + np.sign(np.clip(targets - left, -1, 1) * (np.abs(targets - left - 0.5) > 0.5))
        left = np.clip(left + actions - 1, 0, 22)
        rewards, ended = world.step(actions, np.ones(2000, np.bool_))
    assert ended.all()
    assert rewards.all()


def _landing(draws):
    game = oracles.Catch(draws, 24, 24, num_balls=1, paddle_width=2, speed=1)
    for _ in range(23):
        game.fall()
    return game.column


# Arguments.

ARGUMENTS = {  # name -> how it is given, what is looked at, what must be seen
    "scene_size": ({"scene_size": (30, 40)}, lambda env: env.world.scenes.shape, (1, 30, 40, 1)),
    "num_balls": ({"num_balls": 3}, lambda env: steps_of(env), 3 * 24 - 1),
    "paddle_width": ({"paddle_width": 5}, lambda env: env.reset() and len(paddle(env.world)), 5),
    "speed": ({"speed": 5}, lambda env: steps_of(env), 5),
    "num_threads": ({"num_threads": 2}, lambda env: env.world._num_threads, 2),
}


def steps_of(env):
    env.reset(seed=0)
    n = 1
    while not env.step(env.action_space.sample())[2]:
        n += 1
    return n


@pytest.mark.parametrize("name", ARGUMENTS)
def test_every_argument_can_be_overridden(name):
    given, look, expected = ARGUMENTS[name]
    assert look(gym.make(ID, **given).unwrapped) == expected
    gym.make_vec(ID, 2, **given).reset(seed=0)


def test_no_argument_is_forgotten_above():
    assert set(inspect.signature(CatchWorld).parameters) - {"num_envs"} == set(ARGUMENTS)


def test_registered_arguments_are_the_papers():
    env = single(ID)
    assert (env.retina.patch_size, env.retina.num_scales, env.retina.scale_factor) == (6, 3, 2)
    assert env.world.scenes.shape == (1, 24, 24, 1)
    assert env.action_space["action"].n == 3
    assert steps_of(env) == 23


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"scene_size": 1}, r"scene_size must be at least 2 each way.*got 1"),
        ({"scene_size": (24, 1)}, r"scene_size must be at least 2.*got \(24, 1\)"),
        ({"scene_size": 24.0}, r"scene_size must be an integer, or two of them \(H, W\), got 24\.0"),
        ({"scene_size": "24"}, r"scene_size must be an integer.*got '24'"),
        ({"scene_size": (24, 24, 1)}, r"scene_size must be an integer.*got \(24, 24, 1\)"),
        ({"num_balls": 0}, r"num_balls must be at least 1, got 0"),
        ({"num_balls": 2.0}, r"num_balls must be an integer, got 2\.0"),
        ({"num_balls": True}, r"num_balls must be an integer, got True"),
        ({"paddle_width": 0}, r"paddle_width must be from 1 to 24, got 0"),
        ({"paddle_width": 25}, r"paddle_width must be from 1 to 24, got 25"),
        ({"paddle_width": "2"}, r"paddle_width must be an integer, got '2'"),
        ({"speed": 0}, r"speed must be from 1 to 23, got 0"),
        ({"speed": 24}, r"speed must be from 1 to 23, got 24"),
        ({"speed": 0.5}, r"speed must be an integer, got 0\.5"),
        ({"patch_size": 25}, r"patch_size=25 is bigger than scene_size=\(24, 24\)"),
    ],
)
def test_bad_argument(arguments, message):
    with pytest.raises(ValueError, match=message):
        GlimpseEnv(world="catch", **arguments)


def test_arguments_of_another_world_are_refused():
    with pytest.raises(TypeError, match="num_glimpses"):
        GlimpseEnv(world="catch", num_glimpses=3)


def test_there_is_no_image_to_ask_for():
    with pytest.raises(ValueError, match=r"index'\]=0: this world has no images to choose from"):
        single(ID).reset(options={"index": 0})
