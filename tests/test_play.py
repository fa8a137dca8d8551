"""Playing by hand: events in, glimpses and no more out, and the score of what was done."""

import json
import os
import subprocess
import sys

import gymnasium as gym
import numpy as np
import pytest
from PIL import Image
from rollouts import CLASSIFICATION, GAMES, IDS

from glimpse_env import play
from glimpse_env.wrappers import GlimpseWrapper

pygame = pytest.importorskip("pygame")


@pytest.fixture(autouse=True)
def display():
    pygame.display.init()
    yield
    pygame.display.quit()


def begun(id, seed=0, size=360, **arguments):
    return play.Game(play.make(id, **arguments), seed, size)


def key(name, kind=pygame.KEYDOWN):
    return pygame.event.Event(kind, key=pygame.key.key_code(name))


def mouse(game, x, y):
    """The mouse over a location of the scene."""
    left, top, width, height = game._layout.scene
    return pygame.event.Event(pygame.MOUSEMOTION, pos=(left + (x + 1) / 2 * width, top + (y + 1) / 2 * height))


SEARCH = "Glimpse-Search-v0"
CLICK = pygame.event.Event(pygame.MOUSEBUTTONDOWN, button=1, pos=(0, 0))
WHEEL = pygame.event.Event(pygame.MOUSEBUTTONDOWN, button=4, pos=(0, 0))


@pytest.mark.parametrize("id", CLASSIFICATION)
def test_a_click_looks_where_the_mouse_is_and_a_key_names_the_class(id):
    game = begun(id, seed=0, split="validation")
    label = game._info["label"]
    for event in (mouse(game, 0.5, -0.25), CLICK):
        game.handle(event)
    assert len(game._path) == 2
    np.testing.assert_allclose(game._path[-1], (0.5, -0.25), atol=0.01)
    game.handle(WHEEL)
    assert len(game._path) == 2
    game.handle(key(str(label)))
    assert game.over
    assert game.scores == [1]
    for event in (key("space"), key(str((game._info["label"] + 1) % 10))):
        game.handle(event)
    assert game.scores[1:] in ([0], [1])
    assert game._info["correct"] == (game.scores[-1] == 1)


@pytest.mark.parametrize("id", CLASSIFICATION)
def test_looks_run_out(id):
    game = begun(id, seed=0, split="validation")
    for _ in range(20):
        game.handle(CLICK)
    assert len(game._path) == game.env.task.num_glimpses
    assert not game.over
    for name in ("x", "[", "]", "left shift"):  # names nothing
        game.handle(key(name))
    game.handle(pygame.event.Event(pygame.KEYDOWN, key=0))
    assert not game.over
    game.handle(key("[7]"))
    assert game.over


@pytest.mark.parametrize("id", GAMES)
def test_arrows_move_the_paddle_and_the_eye_follows_the_mouse(id):
    game = begun(id, seed=0)
    screen = game.env.world.scenes[0, :, :, 0]
    start = np.flatnonzero(screen[-1])[0]
    game.tick()
    assert len(game._path) == 1  # it waits for a key
    for event in (mouse(game, -0.5, 0.5), key("left")):
        game.handle(event)
    for _ in range(3):
        game.tick()
    assert np.flatnonzero(screen[-1])[0] == start - 3
    np.testing.assert_allclose(game._path[-1], (-0.5, 0.5), atol=0.01)
    for event in (key("right"), key("left", pygame.KEYUP)):
        game.handle(event)
    game.tick()
    assert np.flatnonzero(screen[-1])[0] == start - 2
    game.handle(key("right", pygame.KEYUP))
    game.tick()
    assert np.flatnonzero(screen[-1])[0] == start - 2
    while not game.over:
        game.tick()
    assert len(game.scores) == 1
    game.tick()
    assert len(game.scores) == 1


@pytest.mark.parametrize("id", IDS)
def test_only_glimpses_are_seen_until_the_end(id):
    game = begun(id, seed=1)
    left, top, width, height = game._layout.scene
    game.handle(mouse(game, 0, 0))
    before = game.picture()
    game.env.world.scenes[:] = 255 - game.env.world.scenes  # what lies beyond the glimpse cannot be seen
    np.testing.assert_array_equal(game.picture(), before)
    game.env.world.scenes[:] = 255 - game.env.world.scenes
    for name in ("space", "1", "1"):
        game.handle(key(name))
    while not game.over:
        game.tick()
    scene = game.env.world.scenes[0].repeat(game._layout.scale, 0).repeat(game._layout.scale, 1)
    after = game.picture()
    assert after.shape == before.shape
    assert (after[top : top + height, left : left + width] == scene).all(axis=2).mean() > 0.9


@pytest.mark.parametrize("last", ["escape", "q"])
@pytest.mark.parametrize("id", IDS)
def test_plays_in_a_window_until_escape_or_q(id, last):
    game = begun(id, seed=0, size=180)
    for event in (CLICK, key("5"), key("space"), key(last)):
        pygame.event.post(event)
    play.play(game, max_pictures=50)
    assert not pygame.display.get_init()
    assert len(game.scores) == (id in CLASSIFICATION or id == SEARCH)  # a click and a key, or space, name it


@pytest.mark.parametrize("wrong", [0, 1])
def test_several_answers_are_given_one_after_the_other(wrong):
    game = begun("Glimpse-MultiMNIST-v0", seed=0, split="validation")
    for _ in range(9):
        game.handle(CLICK)
    assert len(game._path) == 5, "there is no look left before the first answer"
    first = game._info["label"]
    game.handle(key(str(first)))
    assert not game.over
    assert len(game._path) == 6
    second = game._info["label"]
    assert [first, second] == game.env.world._labels[0].tolist()
    game.handle(CLICK)
    assert len(game._path) == 7
    game.handle(key(str((second + wrong) % 10)))
    assert game.over
    assert game.scores == [1 - wrong], "the sequence counts"
    assert game._advice().startswith(f"{'Wrong' if wrong else 'Right'}, it was {second}. {'Wrong' if wrong else 'Right'}.")


def test_space_says_that_it_is_at_the_mouse():
    game = begun(SEARCH, seed=0, split="validation")
    column, row = game._info["label"] % 8, game._info["label"] // 8
    for event in (mouse(game, -1, -1), CLICK, mouse(game, (column + 0.3) / 4 - 1, (row + 0.9) / 4 - 1), key("space")):
        game.handle(event)
    assert game.over
    assert game._action == game._info["label"]
    assert game.scores == [1 - game._info["distance"] / 12]
    game.handle(key("space"))
    for event in (mouse(game, 1, 1), key("space")):
        game.handle(event)
    assert game._action == 63, "the edge belongs to the last cell"


def test_the_score_stands_beside_the_agents():
    agent = json.loads(play._PUBLISHED.read_text())["Glimpse-ClutteredMNIST-v0"]
    game = play.Game(play.make("Glimpse-ClutteredMNIST-v0"), seed=0, agent=agent)
    assert game.standing() == f"You: 0 of 0. The agent: {agent:.1f} % on average."
    game.handle(key(str(game._info["label"])))
    assert game.standing() == f"You: 1 of 1 (100 %). The agent: {agent:.1f} % on average."


def test_command_plays(capsys):
    pygame.event.post(key("escape"))
    play.main(["Glimpse-MNIST-v0", "--seed", "0"])
    assert capsys.readouterr().out.startswith("You: 0 of 0. The agent: 9")


def test_own_images_are_played_by_their_names(tmp_path, capsys):
    for name in ("cat", "dog"):
        (tmp_path / name).mkdir()
        for n in range(3):
            Image.new("L", (20, 20), 40 * n).save(tmp_path / name / f"{n}.png")
    game = begun("Glimpse-MNIST-v0", dataset=tmp_path)
    assert game._legend == "0=cat  1=dog"
    game.handle(key("1"))
    assert game.over
    pygame.event.post(key("escape"))
    play.main(["Glimpse-MNIST-v0", "--dataset", str(tmp_path)])
    assert capsys.readouterr().out == "You: 0 of 0.\n"


def test_a_task_of_ones_own_is_played(tmp_path, capsys):
    pygame.event.post(key("q"))
    play.main(["tiny_task:Tiny-v0"])
    assert capsys.readouterr().out.startswith("You: 0 of 0.")


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["Nowhere-v0"], "doesn't exist"),
        (["Glimpse-MNIST-v0", "--split", "tset"], "Unknown split 'tset'"),
        (["Glimpse-Catch-v0", "--dataset", "x"], "no argument 'dataset'"),
        (["CartPole-v1"], "has no glimpses: put it into a GlimpseWrapper"),
    ],
)
def test_what_cannot_be_played_is_told_in_a_line(flags, message, capsys):
    with pytest.raises(SystemExit):
        play.main(flags)
    said = capsys.readouterr().err
    assert message in said
    assert said.count("\n") == 1


def test_an_empty_folder_is_told_in_a_line(tmp_path, capsys):
    with pytest.raises(SystemExit):
        play.main(["Glimpse-MNIST-v0", "--dataset", str(tmp_path)])
    said = capsys.readouterr().err
    assert str(tmp_path) in said
    assert said.count("\n") == 1


def test_without_a_display_a_line_says_so():
    environment = {name: value for name, value in os.environ.items() if name not in ("SDL_VIDEODRIVER", "DISPLAY")}
    environment.pop("WAYLAND_DISPLAY", None)
    command = [sys.executable, "-m", "glimpse_env.play", "Glimpse-Catch-v0"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert "There is no display" in done.stderr


def test_the_wheel_and_keys_choose_the_zoom_of_the_next_look():
    game = begun("Glimpse-ClutteredMNIST-v0", zooms=(4, 1, 2))
    assert game._wheel.retina.sizes == [48, 96, 192]
    before = game.picture()
    game.handle(pygame.event.Event(pygame.MOUSEWHEEL, x=0, y=1))
    assert (game.picture() != before).any(), "the frame around the mouse"
    game.handle(CLICK)
    assert game._wheel.retina.sizes == [24, 48, 96]
    for name, size in (("-", 48), ("-", 48), ("=", 24), ("+", 12), ("+", 12)):
        game.handle(pygame.event.Event(pygame.KEYDOWN, key=ord(name)))
        game.handle(CLICK)
        assert game._wheel.retina.sizes[0] == size
    game.handle(key("3"))
    assert game.over
    game.handle(key("space"))
    assert game._wheel.action == {"zoom": 0}, "an episode begins with its first zoom"


# What a newcomer sees.


@pytest.mark.parametrize("id", IDS)
def test_the_window_states_the_goal_and_h_shows_the_keys(id):
    game = begun(id)
    (goal, _), *_ = [line for line, _ in game._lines()]
    assert game.env.task.goal in goal
    assert "H: help" in goal
    before = game.picture()
    game.handle(key("h"))
    assert (game.picture() != before).any()
    game.tick()
    assert not game.scores, "a game waits meanwhile"
    game.handle(key("h"))
    np.testing.assert_array_equal(game.picture(), before)


def test_the_wheel_and_the_window_change_the_size_and_the_mouse_still_points():
    game = begun("Glimpse-MNIST-v0", size=360)
    small = game.picture().shape
    game.handle(pygame.event.Event(pygame.MOUSEWHEEL, y=3))
    large = game.picture().shape
    assert large[0] > small[0]
    for event in (mouse(game, 0.5, -0.25), CLICK):
        game.handle(event)
    np.testing.assert_allclose(game._path[-1], (0.5, -0.25), atol=0.01)
    for side in (400, 900):
        game.fit(side, side)
        assert 0.75 * side < max(game.picture().shape[:2]) <= side


def test_the_ball_of_catch_is_bright_at_every_scale():
    game = begun("Glimpse-Catch-v0")
    for event in (mouse(game, 0, 0), key("up")):
        game.handle(event)
    game.tick()
    seen = game._bright(game._glimpse)
    for scale, shown in zip(game._glimpse, seen, strict=True):
        assert shown.max() in (0, 1)
        np.testing.assert_array_equal(shown > 0, scale > 0)


def test_search_shows_the_right_cell_in_green_and_the_named_one_in_amber():
    game = begun(SEARCH, seed=0, split="validation")
    for event in (mouse(game, -1, -1), key("space")):
        game.handle(event)
    left, top, width, height = game._layout.scene
    row, column = divmod(game._info["label"], 8)
    picture = game.picture()
    assert picture[top + row * height // 8 + 1, left + column * width // 8 + 1].tolist() == [64, 214, 160]
    assert picture[top, left].tolist() == [255, 176, 0]


def test_more_classes_than_keys_are_refused():
    images = np.zeros((40, 8, 8), np.uint8)
    with pytest.raises(ValueError, match="40 classes are more than there are keys, 34"):
        begun("Glimpse-MNIST-v0", dataset=(images, np.arange(40)))


def test_the_agent_plays_the_same_scenes(monkeypatch, capsys):
    pytest.importorskip("torch")
    game = begun("Glimpse-CircleSquare-v0", seed=5)
    labels = []
    for _ in range(3):
        labels.append(game._info["label"])
        game.handle(key("0"))
        game.handle(key("space"))
    told = play.verdict(game, "Glimpse-CircleSquare-v0", None)
    assert f"On the same 3 scenes: you {labels.count(0)}, the agent 3." in told
    assert play.rival.scores("Glimpse-CircleSquare-v0", None, 5, 3) == [1, 1, 1]
    assert "same" not in play.verdict(game, "Glimpse-Haystack-v0", None), "none is shipped"


class Steered(gym.Env):
    """A plane of numbers, or of moves; it ends after three steps."""

    def __init__(self, space, names=None):
        self.observation_space, self.action_space = gym.spaces.Box(0, 255, (40, 60, 3), np.uint8), space
        if names:
            self.get_action_meanings = lambda: names
        self.spec = gym.envs.registration.EnvSpec("Steered-v0")

    def reset(self, *, seed=None, options=None):
        self.done = []
        return np.full((40, 60, 3), 200, np.uint8), {}

    def step(self, action):
        self.done.append(action if np.ndim(action) == 0 else action.tolist())
        return np.full((40, 60, 3), 200, np.uint8), 1.0, len(self.done) == 3, False, {}


MOVES = ["NOOP", "FIRE", "UP", "LEFT", "UPLEFT", "JUMP"]


@pytest.mark.parametrize(
    ("space", "names", "keys", "expected"),
    [
        (gym.spaces.Discrete(6), MOVES, [], 0),
        (gym.spaces.Discrete(6), MOVES, ["space"], 1),
        (gym.spaces.Discrete(6), MOVES, ["left"], 3),
        (gym.spaces.Discrete(6), MOVES, ["left", "up"], 4),
        (gym.spaces.Discrete(6), MOVES, ["5"], 5),
        (gym.spaces.Discrete(3), None, ["2", "[", "]"], 2),
        (gym.spaces.Discrete(3, start=2), None, ["1"], 3),
        (gym.spaces.Box(-1, 1, (2,)), None, ["left", "down"], [-1, -1]),
        (gym.spaces.Box(np.float32([-1, 0, 0]), np.float32([1, 1, 1])), None, ["right", "up"], [1, 1, 0]),
        (gym.spaces.Box(np.float32([-1, 0, 0]), np.float32([1, 1, 1])), None, ["down"], [0, 0, 1]),
        (gym.spaces.Box(-np.inf, np.inf, (1,)), None, ["up"], [0]),
    ],
)
def test_a_wrapped_game_is_played_by_its_own_moves(space, names, keys, expected):
    base = Steered(space, names)
    game = play.Game(GlimpseWrapper(base, 8))
    game.handle(CLICK)
    for name in keys:
        game.handle(key(name))
    game.tick()
    assert base.done == [expected]
    while not game.over:
        game.tick()
    assert game.scores == [3]
    assert game.picture().shape == game.picture().shape
    assert "Steered-v0" in game._goal


def test_a_wrapped_game_without_a_move_for_rest_waits():
    base = Steered(gym.spaces.Discrete(3))
    game = play.Game(GlimpseWrapper(base, 8))
    game.handle(CLICK)
    game.tick()
    assert base.done == []


def test_actions_without_keys_are_refused():
    with pytest.raises(ValueError, match="have no keys"):
        play.Game(GlimpseWrapper(Steered(gym.spaces.MultiBinary(2)), 8))
