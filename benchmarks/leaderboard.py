"""The leaderboard: ``python -m benchmarks.leaderboard`` makes the missing trials, then writes docs/benchmark.md.

A trial is an algorithm, an id and a seed; ``--algorithm --id --seed`` select some. Each is kept in results/leaderboard/ as it
finishes, so an interrupted call can be repeated. ``--submission FILE`` checks the entry of your own algorithm and adds it. With
fewer ``--steps`` or ``--minutes`` than the rules give, results are printed, and not kept.

The rules: docs/benchmark_rules.md.
"""

import argparse
import pathlib
import shlex
import statistics
from collections.abc import Sequence

import torch

from agents import files
from agents.training import plain_errors
from benchmarks import entries, evidence
from benchmarks.algorithms import ALGORITHMS, fits
from benchmarks.entries import IDS, MINUTES, SEEDS, STEPS, TRACKS, Entry, Trial
from benchmarks.learners import Budget
from benchmarks.machine import machine, markdown

PAGE = pathlib.Path("docs/benchmark.md")
COMMAND = "python -m benchmarks.leaderboard"
_CIRCLE = "Glimpse-CircleSquareRelative-v0"
# APPLE (ICLR 2026): the accuracy on CircleSquare in percent, 5 seeds each.
PUBLISHED = (
    ("SAC", "reward alone", "1 M", "59.7 ± 18"),
    ("CrossQ", "reward alone", "1 M", "48.9 ± 4.5"),
    ("CrossQ", "labels allowed", "1 M", "99.1 ± 0.5"),
    ("SAC", "labels allowed", "1 M", "98.2 ± 1.4"),
    ("PPO", "labels allowed", "10 M", "78.6"),
    ("a fixed grid of looks", "labels allowed", "", "73.3"),
    ("random looks", "labels allowed", "", "69.6"),
    ("REINFORCE, LSTM", "labels allowed", "10 M", "51.8"),
)


def make_trial(algorithm: str, id: str, seed: int, budget: Budget) -> None:
    """Make one trial and keep it, unless it exists; one of a smaller budget is only printed."""
    chosen = ALGORITHMS[algorithm]
    entry = Entry(algorithm, chosen.track, f"{COMMAND} --algorithm {shlex.quote(algorithm)}", chosen.tuning, chosen.tuning_runs)
    kept = budget == Budget(STEPS, MINUTES)
    if kept and entry.path.exists():
        entry = entries.read(entry.path)
        if any((trial.id, trial.seed) == (id, seed) for trial in entry.trials):
            return
    code = evidence.head() if kept else ""
    print(f"{algorithm} on {id}, seed {seed}, {budget.steps:,} steps or {budget.minutes:g} minutes", flush=True)
    torch.set_num_threads(1)
    trained = chosen.run(id, seed, budget)
    rate = trained.steps / trained.minutes / 60
    print(f"  error {trained.error:.2f} % after {trained.steps:,} steps, {trained.minutes:.1f} minutes, {rate:,.0f} steps/s")
    if kept:
        trial = Trial(
            id=id,
            seed=seed,
            error=round(trained.error, 4),
            steps=trained.steps,
            minutes=round(trained.minutes, 2),
            ended_by=trained.ended_by,
            parameters=trained.parameters,
            code=code,
            machine=machine(),
            curve=[[steps, round(found, 4), round(minutes, 2)] for steps, found, minutes in trained.curve],
        )
        latest = entries.read(entry.path) if entry.path.exists() else entry  # another process may have added to it
        entries.save(latest.with_trial(trial))


def page(found: Sequence[Entry]) -> str:
    """Make the page of all entries, and draw their curves."""
    lines = [
        "# Benchmark",
        "",
        f"<!-- made by {COMMAND}; do not edit -->",
        "",
        f"Algorithms by the [rules](benchmark_rules.md): {STEPS:,} environment steps or {MINUTES:g} minutes of one core, "
        "whichever ends first. The error, in percent, is measured once on the test split, greedy: the mean over seeds with a "
        "95 % interval (Student's t), or all seeds where the interval leaves 0 to 100. A figure alone is of one "
        "seed. The score is the interquartile mean over all seeds and ids of the normalized accuracy, 0 for chance and 1 for "
        "no error, with a bootstrap 95 % interval. It needs all ids and seeds.",
        "",
    ]
    for track in TRACKS:
        rows = [entry for entry in found if entry.track == track]
        lines += [f"## {track.capitalize()}", "", *(_table(rows) if rows else ["No entry yet."]), ""]
    lines += ["## Trials", "", *(_details(found) if found else ["No trial yet."]), ""]
    lines += [
        "## CircleSquare",
        "",
        f"Accuracy in percent under the rules of ap_gym, of which {_CIRCLE} has [nearly all](benchmark_rules.md#circlesquare):",
        "",
        *markdown(("algorithm", "track", "steps", "accuracy, %"), (*_ours(found), *PUBLISHED)),
        "",
        "Source of the others: APPLE (ICLR 2026), the mean of 5 seeds. Ours with labels is the [best preset](results.md), on "
        "the test split; ours by reward alone is the first row of this page after as many steps, on the validation split.",
        "",
    ]
    for id in IDS:
        curves = {entry.algorithm: entry.of(id) for entry in found}
        if any(curves.values()):
            picture = evidence.picture("benchmark", id)
            evidence.draw_curves(curves, picture, f"{id}: algorithms", "error", unit="steps")
            lines += [f"![Error on {id} over steps and minutes]({picture.parent.name}/{picture.name})", ""]
    if machines := sorted({trial.machine for entry in found for trial in entry.trials}):
        lines += [f"Measured on: {'; '.join(machines)}.", ""]
    return "\n".join(lines)


def _ours(found: Sequence[Entry]) -> list[tuple[str, str, str, str]]:
    """The rows of this package in the table of published accuracies, after 1,000,000 steps."""
    runs = {"labels allowed": [run.score for run in evidence.load(_CIRCLE).rows("results").get("best preset", [])]}
    learned = [trial for entry in found if entry.algorithm == "RAM, reward alone" for trial in entry.of(_CIRCLE)]
    runs["reward alone"] = [
        error for trial in learned for _, error, _ in [min(trial.curve, key=lambda point: abs(point[0] - 1_000_000))]
    ]
    return [
        ("RAM, this package", track, "1 M", evidence.interval([100 - error for error in errors]))
        for track, errors in runs.items()
        if errors
    ]


def _table(rows: Sequence[Entry]) -> list[str]:
    """A table of a track: a row for each entry, a column for each id."""
    cells = []
    for entry in rows:
        score = ""
        if entry.whole:
            scores = entries.scores(entry)
            low, high = entries.interval(scores)
            score = f"{entries.iqm(scores):.3f} [{low:.3f}, {high:.3f}]"
        errors = [evidence.interval([trial.error for trial in entry.of(id)]) if entry.of(id) else "" for id in IDS]
        cells.append([entry.algorithm, score, *errors, f"{entry.tuning_runs}, {entry.tuning}"])
    return markdown(("algorithm", "score", *(f"{id}, error, %" for id in IDS), "runs to tune, and how"), cells)


def _details(found: Sequence[Entry]) -> list[str]:
    """A table of what trials took: a row for each entry and id."""
    rows = []
    for entry in found:
        for id in IDS:
            if trials := entry.of(id):
                steps, minutes = (
                    statistics.fmean(values) for values in zip(*((t.steps, t.minutes) for t in trials), strict=True)
                )
                cells = [entry.algorithm, id, str(len(trials)), f"{steps:,.0f}", f"{minutes:.1f}"]
                cells += [", ".join(sorted({trial.ended_by for trial in trials})), f"{steps / minutes / 60:,.0f}"]
                cells += [f"{trials[0].parameters:,}", ", ".join(f"`{code}`" for code in dict.fromkeys(t.code for t in trials))]
                rows.append(cells)
    return markdown(("algorithm", "id", "seeds", "steps", "minutes", "ended by", "steps/s", "parameters", "code"), rows)


def main(arguments: list[str] | None = None) -> None:
    """Make trials, or add a submission, then write the page of all entries."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--submission", type=pathlib.Path, metavar="FILE", help="check an entry, add it, and make no trial")
    parser.add_argument("--id", nargs="*", choices=IDS, default=IDS, help="without an id, only write the page")
    parser.add_argument("--algorithm", nargs="+", choices=ALGORITHMS, default=tuple(ALGORITHMS))
    parser.add_argument("--seed", nargs="+", type=int, default=SEEDS)
    parser.add_argument("--steps", type=int, default=STEPS, help="steps of all environments together, for each trial")
    parser.add_argument("--minutes", type=float, default=MINUTES, help="minutes of one core, for each trial")
    options = parser.parse_args(arguments)
    budget = Budget(options.steps, options.minutes)
    kept = budget == Budget(STEPS, MINUTES)
    with plain_errors(COMMAND):
        if options.steps < 1 or options.minutes <= 0:
            raise ValueError(f"--steps must be at least 1 and --minutes above 0, got {options.steps} and {options.minutes:g}.")
        if kept and not set(options.seed) <= set(SEEDS):
            raise ValueError(f"--seed must be of {', '.join(map(str, SEEDS))} by the rules, got {options.seed}.")
        if options.submission:
            entry = entries.read(options.submission)
            if entry.path.exists() or entry.algorithm in ALGORITHMS:
                raise ValueError(f"{options.submission}: algorithm {entry.algorithm!r} is there already: give it another name.")
            entries.save(entry)
        else:
            for seed in options.seed:
                for id in options.id:
                    for algorithm in options.algorithm:
                        if fits(algorithm, id):
                            make_trial(algorithm, id, seed, budget)
        if options.submission or kept:
            files.write(PAGE, page(entries.read_all()))


if __name__ == "__main__":
    main()
