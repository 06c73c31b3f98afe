"""The driver of the comparisons: contestants that wait, each in a process of its own, and rounds in which each is asked in turn.

Nobody shares a process, a thread pool or an environment variable with anybody: each runs with the settings its own documentation
recommends. All are started first and wait on their standard input. In a round each is asked, in shuffled order and once every
process is idle, for a batch of runs; the median of the batch, its first run apart, is its time in that round. Ratios are taken
round by round, so that a machine that drifts slows both sides of one.

A contestant answers each line `RUNS REQUEST...` with one line of JSON, {"seconds": [one per run], ...}; what it says besides is
found outside the clocks. `serve` is that loop in Python; `served.rs` is the same in Rust.
"""

import json
import os
import pathlib
import random
import statistics
import subprocess
import sys
import time

import psutil

ROOT = pathlib.Path(__file__).resolve().parents[2]
RUNS = 4


def rust(example, *arguments):
    return [ROOT / "target/debug/examples" / example, *map(str, arguments)]


def python(script, *arguments):
    return [sys.executable, script, "--serve", *map(str, arguments)]


class Contestant:
    def __init__(self, command, threads=None):
        environment = dict(os.environ)
        if threads:
            for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
                environment[name] = str(threads)
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(list(map(str, command)), stdin=pipe, stdout=pipe, text=True, env=environment)
        self.watched = psutil.Process(self.process.pid)

    def ask(self, request, runs=RUNS):
        self.process.stdin.write(f"{runs} {request}\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"{self.process.args}: stopped (code {self.process.wait()})")
        return json.loads(line)

    def worked(self):
        times = self.watched.cpu_times()
        return times.user + times.system

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def wait_until_idle(contestants, span=0.05):
    """Until no contestant has worked for `span` seconds: pools spin for a while after their last task."""
    before = [contestant.worked() for contestant in contestants]
    while True:
        time.sleep(span)
        after = [contestant.worked() for contestant in contestants]
        if after == before:
            return
        before = after


def contest(contestants, requests, rounds, runs=RUNS):
    """name → (seconds of each round, its answers). `requests`: name → round → request. The first round does not count."""
    seconds, answers = ({name: [] for name in contestants} for _ in range(2))
    order = random.Random(1)
    for turn in range(rounds + 1):
        for name in order.sample(list(contestants), len(contestants)):
            wait_until_idle(contestants.values())
            answer = contestants[name].ask(requests[name](turn), runs + 1)
            if turn > 0:
                seconds[name].append(statistics.median(answer["seconds"][1:]))
                answers[name].append(answer)
    return seconds, answers


def ratios(mine, theirs):
    """How many times as fast as `theirs` `mine` is, round by round: median and quartiles."""
    return statistics.quantiles([b / a for a, b in zip(mine, theirs)], n=4)


def compared(name, mine, theirs):
    line = f"{name:16} {1e3 * statistics.median(theirs):9.2f} ms"
    if mine is theirs:
        return line
    low, median, high = ratios(mine, theirs)
    return f"{line}   ours is {median:5.2f} times as fast (quartiles {low:.2f} to {high:.2f})"


def serve(answer):
    """`answer(words)` gives a function to be timed and one that turns its result into what is said besides."""
    for line in sys.stdin:
        runs, *words = line.split()
        compute, describe = answer(words)
        seconds = []
        for _ in range(int(runs)):
            start = time.perf_counter()
            result = compute()
            seconds.append(time.perf_counter() - start)
        print(json.dumps({"seconds": seconds, **describe(result)}), flush=True)
