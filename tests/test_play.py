"""Playing by hand: events in, glimpses and no more out, and the score of what was done."""

import json

import numpy as np
import pytest
from rollouts import CLASSIFICATION, GAMES, IDS

from glimpse_env import play
from glimpse_env.play import Game

pygame = pytest.importorskip("pygame")


@pytest.fixture(autouse=True)
def display():
    pygame.display.init()
    yield
    pygame.display.quit()


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
    game = Game(id, seed=0, split="validation")
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
    game = Game(id, seed=0, split="validation")
    for _ in range(20):
        game.handle(CLICK)
    assert len(game._path) == game.env.world.num_glimpses
    assert not game.over
    game.handle(key("x"))  # names nothing
    assert not game.over
    game.handle(key("[7]"))
    assert game.over


@pytest.mark.parametrize("id", GAMES)
def test_arrows_move_the_paddle_and_the_eye_follows_the_mouse(id):
    game = Game(id, seed=0)
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
    game = Game(id, seed=1)
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


@pytest.mark.parametrize("id", IDS)
def test_plays_in_a_window_until_escape(id):
    game = Game(id, seed=0, size=180)
    for event in (CLICK, key("5"), key("space"), key("escape")):
        pygame.event.post(event)
    play.play(game, max_pictures=50)
    assert not pygame.display.get_init()
    assert len(game.scores) == (id in CLASSIFICATION or id == SEARCH)  # a click and a key, or space, name it


@pytest.mark.parametrize("wrong", [0, 1])
def test_several_answers_are_given_one_after_the_other(wrong):
    game = Game("Glimpse-MultiMNIST-v0", seed=0, split="validation")
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
    assert game._advice().startswith("Wrong." if wrong else "Right.")


def test_space_says_that_it_is_at_the_mouse():
    game = Game(SEARCH, seed=0, split="validation")
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
    game = Game("Glimpse-ClutteredMNIST-v0", seed=0)
    agent = json.loads(play._PUBLISHED.read_text())["Glimpse-ClutteredMNIST-v0"]
    assert game.standing() == f"you 0 of 0   the agent {agent:.2f} %"
    game.handle(key(str(game._info["label"])))
    assert game.standing() == f"you 1 of 1 (100 %)   the agent {agent:.2f} %"


def test_command_plays(capsys):
    pygame.event.post(key("escape"))
    play.main(["Glimpse-MNIST-v0", "--seed", "0"])
    assert capsys.readouterr().out.startswith("you 0 of 0   the agent 99")
