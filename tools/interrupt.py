"""Interrupt environments at random moments: ``python -m tools.interrupt [--count 10000]``.

A step or a reset is stopped by a signal, as Ctrl-C does, or by a MemoryError at a random bytecode of the package. Then each
environment must either go on, as one that was never stopped, or need a reset; and after one be as good as new.
"""

import argparse
import collections
import copy
import signal
import sys
from collections.abc import Callable
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.utils.env_checker import data_equivalence
from gymnasium.vector import AutoresetMode

from glimpse_env import TASKS

B = 3
SHORT = {"num_glimpses": 3}
ARGUMENTS: dict[str, dict[str, Any]] = {
    id: {**(SHORT if "num_glimpses" in task else {}), "canvas": 9} for id, task in TASKS.items()
}
_MOST_STEPS = 60  # within which each episode has ended
_MOST_BYTECODES, _MOST_SECONDS = 600, 4e-4  # about as much as a step or reset takes


def at_bytecode(call: Callable[[], Any], moment: int) -> bool:
    """Call, and raise a MemoryError before a bytecode of the package, by its number; whether it came to that."""
    left = moment

    def within(frame: Any, event: str, arg: Any) -> Any:
        nonlocal left
        left -= event == "opcode"
        if left < 0:
            raise MemoryError("injected")
        return within

    def entered(frame: Any, event: str, arg: Any) -> Any:
        if "glimpse_env" not in frame.f_code.co_filename:
            return None
        frame.f_trace_opcodes = True
        return within

    sys.settrace(entered)
    try:
        call()
    except MemoryError:
        return True
    finally:
        sys.settrace(None)
    return False


def at_time(call: Callable[[], Any], seconds: float) -> bool:
    """Call, and raise a KeyboardInterrupt after some seconds by a signal; whether it came to that."""
    calling = True

    def interrupt(*_: Any) -> None:
        if calling:  # a signal that comes late is nobody's
            raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        try:
            signal.setitimer(signal.ITIMER_REAL, seconds)
            call()
        finally:
            calling = False
    except KeyboardInterrupt:
        return True
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    return False


class Pair:
    """An environment that is interrupted, and a twin that never is.

    Args:
        id: of a native environment.
        mode: of a batch; None for an environment that is alone.
    """

    def __init__(self, id: str, mode: AutoresetMode | None) -> None:
        self._alone = mode is None

        def make() -> Any:
            if mode is None:
                return gym.make(id, disable_env_checker=True, **ARGUMENTS[id]).unwrapped
            return gym.make_vec(id, B, autoreset_mode=mode, **ARGUMENTS[id])

        self._struck, self._twin = make(), make()

    def strike(self, rng: np.random.Generator) -> str:
        """Interrupt a step or a reset once, and check what comes of it; how it went on, "" if the call was over before.

        Raises:
            AssertionError: it goes on half-way, for ever, or otherwise than one that was not interrupted.
        """
        seed = int(rng.integers(1000))
        for envs in (self._struck, self._twin):
            envs.reset(seed=seed)
        actions = [self._action(rng) for _ in range(3)]
        for action in actions[: rng.integers(3)]:  # an episode of three may be ending
            self._step(self._struck, action)
            self._step(self._twin, action)
        last = self._action(rng)
        if rng.random() < 0.25:
            seed += 1000
            call, again = (lambda: self._struck.reset(seed=seed)), (lambda: self._twin.reset(seed=seed))
        else:
            call, again = (lambda: self._step(self._struck, last)), (lambda: self._step(self._twin, last))
        if rng.random() < 0.5:
            fell = at_bytecode(call, int(rng.integers(_MOST_BYTECODES)))
        else:
            fell = at_time(call, rng.uniform(1e-5, _MOST_SECONDS))
        word = self._goes_on(rng, again) if fell else ""
        for envs in (self._struck, self._twin):
            envs.reset(seed=5)
        mine, theirs = (self._rollout(envs, actions) for envs in (self._struck, self._twin))
        assert data_equivalence(mine, theirs, exact=True), "after a reset it is another one"
        return word

    def _goes_on(self, rng: np.random.Generator, again: Callable[[], Any]) -> str:
        """Play on until each episode has ended."""
        ended, word = np.zeros(1 if self._alone else B, np.bool_), ""
        for n in range(_MOST_STEPS):
            action = self._action(rng)
            try:
                told = self._struck.step(action)
            except gym.error.ResetNeeded:
                assert n == 0 or ended.any(), "it asks for a reset in the middle of an episode"
                return word or "needs a reset"
            word = word or self._word(told, action, again)
            ended |= told[2]
            if ended.all():
                return word
        raise AssertionError(f"an episode does not end: {ended}")

    def _word(self, told: Any, action: Any, again: Callable[[], Any]) -> str:
        """Whether it goes on from before the call that was interrupted, or from behind it."""
        before = copy.deepcopy(self._twin)
        again()
        for word, twin in (("goes on from before", before), ("goes on from behind", self._twin)):
            try:
                if data_equivalence(told, twin.step(action), exact=True):
                    return word
            except gym.error.ResetNeeded:
                pass
        raise AssertionError("it goes on half-way")

    def _action(self, rng: np.random.Generator) -> dict[str, Any]:
        return {
            key: space.seed(int(rng.integers(2**31))) and space.sample() for key, space in self._struck.action_space.items()
        }

    def _step(self, envs: Any, action: dict[str, Any]) -> None:
        """Step, and begin anew where that does not happen by itself."""
        ended = envs.step(action)[2]
        if self._alone and ended:
            envs.reset()
        elif not self._alone and envs.metadata["autoreset_mode"] == AutoresetMode.DISABLED and ended.any():
            envs.reset(options={"reset_mask": ended})

    def _rollout(self, envs: Any, actions: list[dict[str, Any]]) -> list[Any]:
        told = [envs.step(actions[0])]
        if not np.any(told[0][2]):
            told.append(envs.step(actions[1]))
        return told


def run(count: int, seed: int = 0, ids: tuple[str, ...] = tuple(TASKS)) -> dict[str, collections.Counter[str]]:
    """Interrupt each id, alone and in a batch of each autoreset mode, count times in all.

    Returns:
        How many went on how, by id; those that were over before do not count.
    """
    rng = np.random.default_rng(seed)
    pairs = [(id, Pair(id, mode)) for id in ids for mode in (None, *AutoresetMode)]
    words: dict[str, collections.Counter[str]] = {id: collections.Counter() for id in ids}
    while count > 0:
        for id, pair in pairs:
            word = pair.strike(rng)
            if word:
                words[id][word] += 1
                count -= 1
    return words


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(prog="python -m tools.interrupt", description=__doc__)
    parser.add_argument("--count", type=int, default=10_000, help="how many calls are interrupted")
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    flags = parser.parse_args()
    words = run(flags.count, flags.seed)
    for id, counts in words.items():
        print(f"{id:32}", ", ".join(f"{word} {number}" for word, number in sorted(counts.items())))
    print("all of them:", dict(sum(words.values(), collections.Counter())))


if __name__ == "__main__":
    main()
