"""Deliberate faults, one at a time: the tests must catch each. ``python tests/mutants.py`` tries all, ``... 3 17`` some.

Each is put into a copy of the packages, and the tests that are named beside it run there, but for the golden hashes, which
any change fails.
"""

import argparse
import dataclasses
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).parents[1]
COPIED = ("glimpse_env", "agents", "tests", "pyproject.toml")
PATIENCE = 1200  # seconds, before a fault counts as caught because nothing ends


@dataclasses.dataclass(frozen=True)
class Mutant:
    """A fault.

    Attributes:
        file: where it is put.
        old: what is there, once.
        new: what is put in its place.
        breaks: what is wrong then.
        tests: the files of tests that must catch it.
    """

    file: str
    old: str
    new: str
    breaks: str
    tests: str


RETINA, SCENES, ENVS = "glimpse_env/retina.py", "glimpse_env/scenes.py", "glimpse_env/envs.py"
GAZE, CANVAS, INPUTS, STREAMS = (f"glimpse_env/{name}.py" for name in ("gaze", "canvas", "inputs", "streams"))
CLASSES, CATCH = "glimpse_env/worlds/classification.py", "glimpse_env/worlds/catch.py"
REINFORCE, RAM, NETWORKS = "agents/reinforce.py", "agents/ram.py", "agents/networks.py"
RULES = "test_envs test_bad_input test_contracts"
LOSSES = "test_reinforce test_any_world"

MUTANTS = [
    Mutant(RETINA, "- 0.5 * size + 0.5))", "- 0.5 * size))", "corners are rounded down, not to the nearest", "test_retina"),
    Mutant(RETINA, "* 0.5 * extent -", "* 0.5 * (extent - 1) -", "a location counts in pixel middles", "test_retina"),
    Mutant(RETINA, "float32(255 * cell * cell)", "float32(255 * cell)", "coarse scales are too bright", "test_retina"),
    Mutant(RETINA, "left = _corner(locations[b, 0], W", "left = _corner(locations[b, 1], W", "x is y", "test_retina"),
    Mutant(RETINA, "* C, np.uint16)", "* C, np.uint8)", "sums of columns overflow", "test_retina"),
    Mutant(RETINA, "np.uintp(k * C + c), i", "np.uintp((num_scales - 1 - k) * C + c), i", "coarsest first", "test_retina"),
    Mutant(RETINA, "row, c, C, 4, norm)", "row, c, C, 3, norm)", "cells of 4 leave a column out", "test_retina"),
    Mutant(RETINA, "min(W - left, size) - inside", "size - inside", "beyond the right edge the next row shows", "test_retina"),
    Mutant(RETINA, "_corner(locations[b, 1], height", "_corner(locations[b, 0], height", "corners mix axes", "test_retina"),
    Mutant(SCENES, "other + (other >= indices[b])", "other", "clutter is cut from the scene's own image", "test_scenes"),
    Mutant(SCENES, "min(value, np.uint8(255) - old)", "value", "bright pixels wrap to dark", "test_scenes"),
    Mutant(
        SCENES,
        "        scene[:] = 0\n        if translate:",
        "        if translate:",
        "the last scene shines through",
        "test_scenes",
    ),
    Mutant(SCENES, "int(draws[b, 0] * (W - w + 1))", "int(draws[b, 0] * (W - w))", "never at the right edge", "test_scenes"),
    Mutant(SCENES, "cut_y, cut_x * C,", "cut_x, cut_y * C,", "pieces are cut at the wrong place", "test_scenes"),
    Mutant(SCENES, "cos * x + sin * y, cos * y - sin * x", "cos * x - sin * y, cos * y + sin * x", "turns back", "test_scenes"),
    Mutant(
        SCENES,
        "d = draws[b, _DRAWS_A_SCENE + _DRAWS_A_PIECE * piece :]",
        "d = draws[b, _DRAWS_A_SCENE:]",
        "one piece, many times",
        "test_scenes",
    ),
    Mutant(
        SCENES, "np.uint8(gain * total + 0.5)", "np.uint8(gain * total)", "varied pixels are cut, not rounded", "test_scenes"
    ),
    Mutant(ENVS, "moving = playing & ~ended", "moving = playing", "the last step looks once more", RULES),
    Mutant(ENVS, "self._episodes[rows] += np.uint64(1)", "self._episodes[rows] += np.uint64(0)", "one episode for ever", RULES),
    Mutant(ENVS, "_split(observation, ended),", "_split(self._observe(), ended),", "final_obs is the next episode's", RULES),
    Mutant(
        ENVS,
        "self._canvas.clear(rows)",
        "self._canvas.clear(np.arange(self.num_envs))",
        "all canvases are wiped",
        "test_canvas",
    ),
    Mutant(ENVS, "unknown = mask & ~given & ~self._seeded", "unknown = mask & ~given", "each reset draws a new seed", RULES),
    Mutant(ENVS, "            self._playing &= ~ended\n", "            pass\n", "an ended episode goes on", RULES),
    Mutant(
        ENVS,
        "        if len(resting):\n            self._begin(resting)\n",
        "        self._begin(resting) if len(resting) else None\n        playing |= self._playing\n",
        "a new episode's first step is skipped",
        RULES,
    ),
    Mutant(
        ENVS,
        "indices is None else indices[rows]",
        "indices is None else indices[: len(rows)]",
        "a mask shifts the images",
        RULES,
    ),
    Mutant(INPUTS, "int(seed) + i for i", "int(seed) for i", "all environments share a seed", RULES),
    Mutant(INPUTS, "if playing[b] and not fits", "if not fits", "the ignored action of a resting one is refused", RULES),
    Mutant(INPUTS, "0 <= choices[b] < num_actions", "0 <= choices[b] <= num_actions", "one action too many is taken", RULES),
    Mutant(STREAMS, "episodes[b] >> _SHIFT", "np.uint64(0)", "the number of an episode is cut to 32 bits", "test_streams"),
    Mutant(GAZE, "here + reach * there", "here + there", "relative moves ignore max_step", "test_envs"),
    Mutant(GAZE, "np.float32(min(max(target, -1.0), 1.0))", "np.float32(target)", "the gaze leaves the scene", "test_envs"),
    Mutant(GAZE, "if moving[b]:", "if True:", "the gaze of ended episodes moves", RULES),
    Mutant(
        CANVAS, "painted[b, C, y, x] <= sharpness", "painted[b, C, y, x] < sharpness", "the first view stays", "test_canvas"
    ),
    Mutant(CANVAS, "canvases[b, c, y + dy, x + dx]", "canvases[b, c, y + dy, x]", "what was seen slides along", "test_canvas"),
    Mutant(CLASSES, "or steps[b] == num_glimpses", "or steps[b] > num_glimpses", "a step too many", "test_classification"),
    Mutant(
        CLASSES,
        "rewards[b] = correct[b] / num_glimpses",
        "rewards[b] = correct[b]",
        "T times the reward",
        "test_classification",
    ),
    Mutant(CLASSES, "rewards[b] = 0.0 - glimpse_cost", "rewards[b] = 0.0", "glimpses cost nothing", "test_classification"),
    Mutant(
        CLASSES,
        "look_on >= 0 and actions[b] != look_on",
        "look_on >= 0 and correct[b]",
        "wrong names are forgiven",
        "test_classification",
    ),
    Mutant(
        CATCH,
        "column < paddle + paddle_width",
        "column <= paddle + paddle_width",
        "the paddle is wider than it is",
        "test_catch",
    ),
    Mutant(CATCH, "2 * (width - 1) - x) + 0.5)", "2 * (width - 1) - x))", "balls are drawn too far left", "test_catch"),
    Mutant(CATCH, "ball + 1 == starts.shape[1]", "ball == starts.shape[1]", "the last ball ends nothing", "test_catch"),
    Mutant(REINFORCE, "(samples.detach() - means)", "(samples - means)", "a gradient through the sample", LOSSES),
    Mutant(REINFORCE, "- means) / std\n", "- means) / std**2\n", "another density", LOSSES),
    Mutant(REINFORCE, "rewards[t] + gamma * later", "rewards[t] + later", "no discount", LOSSES),
    Mutant(
        REINFORCE,
        "trace * returns[t] + (1 - trace) * baselines[t]",
        "(1 - trace) * returns[t] + trace * baselines[t]",
        "lambda upside down",
        LOSSES,
    ),
    Mutant(REINFORCE, "    baselines = baselines.detach()\n", "", "the baseline is trained by later baselines", LOSSES),
    Mutant(REINFORCE, "(returns - baselines).detach()", "returns.detach()", "no baseline", LOSSES),
    Mutant(REINFORCE, "-(log_probs * advantages).mean()", "(log_probs * advantages).mean()", "uphill is downhill", LOSSES),
    Mutant(REINFORCE, "(baselines - returns.detach()).square()", "(baselines - returns.detach()).abs()", "medians", LOSSES),
    Mutant(REINFORCE, "-logits.log_softmax(-1)", "-logits.log_softmax(0)", "classes compete across time", LOSSES),
    Mutant(RAM, "advantages(returns[1:][moved], b", "advantages(returns[:-1][moved], b", "a look is paid for the past", LOSSES),
    Mutant(
        RAM,
        "baseline_loss(baselines[:-1][moved], returns[1:]",
        "baseline_loss(baselines[1:][moved], returns[1:]",
        "the baseline knows what the look showed",
        LOSSES,
    ),
    Mutant(RAM, "returns(rewards, baselines * playing,", "returns(rewards, baselines,", "a baseline after the end", LOSSES),
    Mutant(RAM, "* (episodes.ends & episodes.cut)", "* episodes.ends", "an end counts as a cut", LOSSES),
    Mutant(RAM, "-config.entropy * policy", "config.entropy * policy", "the policy is pushed to be sure", LOSSES),
    Mutant(RAM, "rewards = -class_losses", "rewards = class_losses", "looks are paid for confusion", LOSSES),
    Mutant(RAM, "(means.abs() - 1).clamp(min=0)", "means.abs()", "the gaze is pulled to the centre", LOSSES),
    Mutant(
        RAM,
        "config.gamma * later * (",
        "later * (",
        "what comes after a cut is not discounted",
        LOSSES,
    ),
    Mutant(
        RAM, "if update < num_short else whole", "if update > num_short else whole", "short episodes at the end", "test_ram"
    ),
    Mutant(NETWORKS, "shares.sum(1) @ x, shares.sum(2) @ y", "shares.sum(2) @ y, shares.sum(1) @ x", "y is x", "test_networks"),
    Mutant(NETWORKS, "middles = middles.detach()", "pass", "REINFORCE moves the window", "test_networks"),
    Mutant(
        NETWORKS, "fixations + middles * middles", "middles * middles", "a place in the canvas, not the scene", "test_networks"
    ),
]


def put_in(mutant, root):
    """Put it into the packages under a folder."""
    path = root / mutant.file
    text = path.read_text()
    assert text.count(mutant.old) == 1, f"{mutant.file} has {text.count(mutant.old)} of {mutant.old!r}"
    path.write_text(text.replace(mutant.old, mutant.new))


def failing(root, tests):
    """The first test that fails, or None."""
    files = [f"tests/{name}.py" for name in tests.split()]
    command = [sys.executable, "-m", "pytest", "-x", "-q", "--hypothesis-profile=unshrunk", *files]
    try:
        done = subprocess.run(
            command, cwd=root, env={**os.environ, "PYTHONPATH": str(root)}, capture_output=True, text=True, timeout=PATIENCE
        )
    except subprocess.TimeoutExpired:
        return "nothing, it never ends"
    found = re.search(r"^(?:FAILED|ERROR) (.*?)(?: - .*)?$", done.stdout, re.MULTILINE)
    assert done.returncode in (0, 1) or found, done.stdout + done.stderr
    return found.group(1).removeprefix("tests/") if found else None


def main(arguments=None):
    """Try them, and tell; 1 if one was not caught."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("numbers", type=int, nargs="*", help="which; all unless given")
    numbers = parser.parse_args(arguments).numbers or range(1, len(MUTANTS) + 1)
    survived = 0
    with tempfile.TemporaryDirectory() as place:
        whole = pathlib.Path(place) / "whole"
        for name in COPIED:
            copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy2
            whole.mkdir(exist_ok=True)
            copy(ROOT / name, whole / name)
        for tests in sorted({MUTANTS[number - 1].tests for number in numbers}):
            found = failing(whole, tests)
            assert found is None, f"without any fault, {found} fails"
        for number in numbers:
            mutant = MUTANTS[number - 1]
            spoilt = pathlib.Path(place) / "spoilt"
            shutil.copytree(whole, spoilt)
            put_in(mutant, spoilt)
            found = failing(spoilt, mutant.tests)
            survived += found is None
            print(f"{number:2} {mutant.file}: {mutant.breaks}: {found or 'NOT CAUGHT'}", flush=True)
            shutil.rmtree(spoilt)
    print(f"{len(numbers) - survived} of {len(numbers)} caught")
    return int(survived > 0)


if __name__ == "__main__":
    sys.exit(main())
