"""The game of catching balls (Mnih et al. 2014, section 4.2)."""

from typing import Any

import numpy as np
import numpy.typing as npt

from glimpse_env import inputs
from glimpse_env.jit import jit
from glimpse_env.threads import in_threads
from glimpse_env.worlds.base import Task, World

_DRAWS_A_BALL = 2  # its first column, its slope


class CatchWorld(World):
    """B screens on which balls fall, one after the other, and a paddle catches them.

    A ball is one pixel. It falls from the top row and bounces off the side walls. The paddle lies on the bottom row; the
    actions move it one column to the left (0), leave it (1) or move it one column to the right (2). The last ball ends the
    episode when it reaches the bottom row.

    The paper leaves these details open:

    - In each step the paddle moves, then the ball falls, then a ball on the bottom row is scored.
    - A ball starts in a random column, and moves sideways by a slope uniform in [-1, 1) columns a row: up to 45 degrees from
      the vertical. Its path is straight and is reflected at the centers of the outermost columns; the ball is drawn in the
      nearest column (halves go right).
    - The paddle starts in the middle (if that is between two columns, on the left), keeps its place from ball to ball, and
      stops at a wall. At speed 1 it can reach any ball in time from the middle, and on a square screen from anywhere.
    - The first screen shows the first ball in the top row. The step after a ball has reached the bottom shows the next one.
    - Pixels are 0 or 255. A ball on the paddle cannot be told from it.

    ## Rewards
    1 when a ball reaches the bottom row and the paddle overlaps it, otherwise 0.

    Args:
        num_envs: B.
        scene_size: (H, W) of the screen, or one number for both, at least 2 each.
        num_balls: the number of balls in an episode.
        paddle_width: the width of the paddle in columns, at most W.
        speed: the rows that a ball falls in a step, at most H - 1 (its last fall may be shorter). The paddle still
            moves by one column, so faster balls are out of its reach more often.
        num_threads: number of threads that share the batch.

    Raises:
        ValueError: an argument is out of range; the message names it.
    """

    def __init__(
        self,
        num_envs: int,
        *,
        scene_size: int | tuple[int, int] = 24,
        num_balls: int = 1,
        paddle_width: int = 2,
        speed: int = 1,
        num_threads: int = 1,
    ) -> None:
        H, W = inputs.scene_size(scene_size)
        if min(H, W) < 2:
            raise ValueError(f"scene_size must be at least 2 each way, for a ball to fall and bounce, got {scene_size}.")
        self.num_balls = inputs.integer("num_balls", num_balls, 1)
        self._paddle_width = inputs.integer("paddle_width", paddle_width, 1, W)
        self._speed = inputs.integer("speed", speed, 1, H - 1)
        self._num_threads = num_threads
        self.num_draws = _DRAWS_A_BALL * self.num_balls
        self.task = Task(
            measure="balls caught, %",
            action_names=("left", "stay", "right"),
            best=float(self.num_balls),
            goal="Catch the falling ball with the paddle.",
        )

        self.scenes = np.zeros((num_envs, H, W, 1), np.uint8)
        self._starts = np.zeros((num_envs, self.num_balls), np.int64)  # the first column of each ball
        self._slopes = np.zeros((num_envs, self.num_balls))  # the columns that it moves in a row
        self._balls = np.zeros(num_envs, np.int64)  # the number of the ball that falls
        self._positions = np.zeros((num_envs, 2), np.int64)  # its row and column
        self._paddles = np.zeros(num_envs, np.int64)  # the leftmost column of the paddle
        self._caught = np.zeros(num_envs, np.int64)

    def reset(self, rows: npt.NDArray[np.int64], draws: npt.NDArray[np.float64], indices: npt.NDArray[np.int64] | None) -> None:
        """Begin a new game in some rows, see `World.reset`."""
        H, W = self.scenes.shape[1:3]
        starts = (draws[:, ::2] * W).astype(np.int64)
        middle = (W - self._paddle_width) // 2
        self._starts[rows], self._slopes[rows] = starts, 2 * draws[:, 1::2] - 1
        self._balls[rows] = self._caught[rows] = self._positions[rows, 0] = 0
        self._positions[rows, 1], self._paddles[rows] = starts[:, 0], middle
        self.scenes[rows] = 0
        self.scenes[rows, H - 1, middle : middle + self._paddle_width] = 255
        self.scenes[rows, 0, starts[:, 0]] = 255

    def step(
        self, actions: npt.NDArray[np.int64], playing: npt.NDArray[np.bool_]
    ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
        """Move the paddle, and let the ball fall, in each row that is playing, see `World.step`."""
        rewards, ended = np.zeros(len(actions)), np.zeros(len(actions), np.bool_)
        screens = self.scenes[..., 0]
        state = (self._starts, self._slopes, self._balls, self._positions, self._paddles, self._caught)
        batched = (actions, playing, screens, *state, rewards, ended)
        in_threads(self._num_threads, _play, *batched, shared=(self._paddle_width, self._speed))
        return rewards, ended

    def final_info(self) -> dict[str, npt.NDArray[Any]]:
        """How each game went: ``caught`` (B,) int64, the number of balls caught."""
        return {"caught": self._caught}


@jit
def _column(start: int, slope: float, row: int, width: int) -> int:
    """The column of a ball in a row, on a straight line reflected at the walls; no error accumulates from row to row."""
    x = (start + slope * row) % (2 * (width - 1))
    return int(min(x, 2 * (width - 1) - x) + 0.5)


@jit
def _play(
    actions: npt.NDArray[np.int64],
    playing: npt.NDArray[np.bool_],
    screens: npt.NDArray[np.uint8],
    starts: npt.NDArray[np.int64],
    slopes: npt.NDArray[np.float64],
    balls: npt.NDArray[np.int64],
    positions: npt.NDArray[np.int64],
    paddles: npt.NDArray[np.int64],
    caught: npt.NDArray[np.int64],
    rewards: npt.NDArray[np.float64],
    ended: npt.NDArray[np.bool_],
    paddle_width: int,
    speed: int,
) -> None:
    """Play one step; the work does not grow with the screen."""
    B, H, W = screens.shape
    last = starts.shape[1] - 1
    for b in range(B):
        if not playing[b]:
            continue
        screen, (row, column), paddle = screens[b], positions[b], paddles[b]
        screen[row, column] = 0
        screen[H - 1, paddle : paddle + paddle_width] = 0
        # Move the paddle.
        paddle = min(max(paddle + actions[b] - 1, 0), W - paddle_width)
        # Drop the next ball, or let this one fall.
        if row == H - 1:
            balls[b] += 1
            row = 0
        else:
            row = min(row + speed, H - 1)
        ball = min(balls[b], last)  # safe in any state
        column = _column(starts[b, ball], slopes[b, ball], row, W)
        screen[H - 1, paddle : paddle + paddle_width] = 255
        screen[row, column] = 255
        positions[b, 0], positions[b, 1], paddles[b] = row, column, paddle
        # Score it on the bottom row.
        if row == H - 1:
            if paddle <= column < paddle + paddle_width:
                rewards[b] = 1
                caught[b] += 1
            ended[b] = ball >= last
