"""The speed of the trainer, and the share of matrix products in it: ``python -m benchmarks.trainer``.

Each row trains for some seconds in the environment (forward, backward, update; scenes made on the fly), and prints the median
rate of its updates in one process with one thread, in one with two threads, and in two processes with one thread each. The two
processes, started by ``torchrun``, share one batch or have a whole batch each.
"""

import argparse
import dataclasses
import json
import os
import statistics
import sys
import time
from collections.abc import Callable

import torch

from agents import environments, models, parallel, ram
from agents.config import Config
from agents.presets import preset
from benchmarks.machine import machine, table, told_by

_MNIST = dataclasses.replace(preset("paper", "Glimpse-MNIST-v0"), num_glimpses=6, batch_size=128)
_BEST = dataclasses.replace(preset("best"), batch_size=128)
_CONV = dataclasses.replace(preset("modern"), batch_size=128)
CASES: dict[str, Config] = {
    f"{name}, {precision}": dataclasses.replace(config, precision=precision)  # type: ignore[arg-type]
    for name, config in {
        "paper, 28x28": _MNIST,
        "modern, 60x60 cluttered": _CONV,
        "best preset, 60x60 cluttered": _BEST,
    }.items()
    for precision in ("float32", "bfloat16")
}
_PRODUCTS = ("mm", "addmm", "bmm", "convolution", "mkldnn_linear")


def measure(config: Config, seconds: float) -> dict[str, float]:
    """Train for some seconds in this process, or in all processes of torchrun.

    Returns:
        ``rate``: images a second, over all processes; ``share``: the share of time in matrix products, in [0, 1].
    """
    torch.set_num_threads(config.num_threads)
    device = parallel.device_of(config.device)
    ranks = parallel.Ranks(device)
    envs = environments.make_envs(config, config.batch_size // ranks.size, "train", **config.variation)
    model = models.make_model(config, envs).to(device)
    optimizer = torch.optim.AdamW(model.parameters(), weight_decay=config.weight_decay, fused=device.type != "mps")
    middle = config.num_updates // 2  # all losses are in use
    updates = max(10, int(seconds / 0.03))
    times = []
    for update in range(middle, middle + updates):
        start = time.perf_counter()
        ram.train_step(model, optimizer, envs, config, update, ranks)
        times.append(time.perf_counter() - start)
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as profile:
        for update in range(middle, middle + 10):
            ram.train_step(model, optimizer, envs, config, update, ranks)
    events = profile.key_averages()
    total = sum(event.self_cpu_time_total for event in events)
    products = sum(event.self_cpu_time_total for event in events if any(name in event.key for name in _PRODUCTS))
    ranks.close()
    return {"rate": config.batch_size / statistics.median(times[3:]), "share": products / total}


def product_rate(shapes: list[tuple[int, int, int]], dtype: torch.dtype) -> float:
    """GFLOP/s of matrix products (m, k) @ (k, n) of these shapes, on one thread."""
    pairs = [(torch.randn(m, k, dtype=dtype), torch.randn(k, n, dtype=dtype)) for m, k, n in shapes]

    def run() -> None:
        for a, b in pairs:
            a @ b

    return sum(2 * m * k * n for m, k, n in shapes) / _median_time(run) / 1e9


def paper_products(batch: int = 128, pixels: int = 64) -> list[tuple[int, int, int]]:
    """The products of one step of the paper's network: forward, and the gradients of inputs and weights."""
    layers = [(pixels, 128), (256, 256), (256, 256), (256, 256)]
    forward = [(batch, k, n) for k, n in layers]
    by_inputs = [(batch, n, k) for k, n in layers[1:]]
    by_weights = [(n, batch, k) for k, n in layers]
    return forward + by_inputs + by_weights


def _median_time(run: Callable[[], None], repeats: int = 200) -> float:
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def _in_processes(case: str, processes: int, threads: int, times: int, seconds: float) -> dict[str, float]:
    """Measure a case in several processes, with some threads each, and a multiple of its batch size."""
    launch = ["-m", "torch.distributed.run", f"--nproc-per-node={processes}", "--master-port=29518"]
    flags = [f"--case={case}", f"--threads={threads}", f"--times={times}", f"--seconds={seconds}"]
    command = [sys.executable, *launch, "-m", "benchmarks.trainer", *flags]
    return dict(told_by(command, OMP_NUM_THREADS=str(threads)))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=8.0, help="seconds of training for each row")
    parser.add_argument("--case", choices=CASES, help=argparse.SUPPRESS)  # for the processes of a row
    parser.add_argument("--times", type=int, default=1, help=argparse.SUPPRESS)
    parser.add_argument("--threads", type=int, default=1, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.case:
        config = CASES[arguments.case]
        batch_size = arguments.times * config.batch_size
        config = dataclasses.replace(config, batch_size=batch_size, num_threads=arguments.threads)
        result = measure(config, arguments.seconds)
        if int(os.environ.get("RANK", 0)) == 0:
            print(json.dumps(result))
        return
    print(machine(), "\n")
    rows = []
    for case in CASES:
        one = _in_processes(case, 1, 1, 1, arguments.seconds)
        others = [_in_processes(case, *layout, arguments.seconds)["rate"] for layout in ((1, 2, 1), (2, 1, 1), (2, 1, 2))]
        ratios = [f"{rate:,.0f} ({rate / one['rate']:.2f} x)" for rate in others]
        rows.append([case, f"{one['rate']:,.0f}", *ratios, f"{100 * one['share']:.0f} %"])
    layouts = ["1 thread", "2 threads", "2 processes, batch 128 shared", "2 processes, 128 each"]
    table(["images a second", *layouts, "in matrix products"], rows)
    torch.set_num_threads(1)
    shapes = paper_products()
    print("Plain matrix products of the paper's shapes, one thread:")
    single, half = (product_rate(shapes, dtype) for dtype in (torch.float32, torch.bfloat16))
    print(f"float32 {single:.0f} GFLOP/s, bfloat16 {half:.0f} GFLOP/s ({half / single:.1f} times)")
    flops = 6 * sum(2 * m * k * n for m, k, n in shapes) / 128
    print(
        f"That is at most {single * 1e9 / flops:,.0f} images a second a core in float32, at {flops / 1e6:.1f} MFLOP an image."
    )


if __name__ == "__main__":
    main()
