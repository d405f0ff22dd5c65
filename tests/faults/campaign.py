# SPDX-License-Identifier: Apache-2.0
"""Usage: scripts/test.sh faults [--rounds N] [--seed S] [--first N] [--interface NAME] [--fault NAME]

Rounds of processes that work while something goes wrong: which interface, how many ranks, on one host or two,
which fault, whom it strikes and at which point is drawn from the seed. Nothing that was reported done may be
missing, nothing may hang past its deadline, no survivor may crash, and nothing may be left behind. A round is
repeated by its number: --seed S --first N --rounds 1."""
import argparse
import dataclasses
import pathlib
import random
import secrets
import sys
import tempfile
import time

TESTS = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS / folder) for folder in ("faults", "multiproc", "hosts")]

import faults  # noqa: E402
from bm import POINTS as BM_POINTS, BmRound  # noqa: E402
from shm import POINTS as SHM_POINTS, ShmRound  # noqa: E402
import shmem  # noqa: E402
from trans import POINTS as TRANS_POINTS, TransRound  # noqa: E402
from world import World, two_hosts_are_possible  # noqa: E402

DEFAULT_SECONDS = 600
TRACE = 60  # last lines of a failed round
INTERFACES = {
    "bm": (BmRound, BM_POINTS),
    "shm": (ShmRound, SHM_POINTS),
    "shmem": (None, shmem.POINTS),
    "trans": (TransRound, TRANS_POINTS),
}


def possible(interface, names):
    """Those of the faults that rounds of the interface know."""
    return [name for name in names if interface != "shmem" or name not in shmem.NOT_HERE]


class Plan:
    """What happens in round `number` of the seed."""

    def __init__(self, seed, number, options, two_hosts):
        self.random = random.Random(f"{seed}/{number}")
        draw = self.random
        names = options.fault or sorted(faults.ALL)
        self.interface = draw.choice([name for name in options.interface or sorted(INTERFACES) if possible(name, names)])
        chosen = [faults.ALL[name] for name in possible(self.interface, names)]
        self.fault = draw.choice([fault for fault in chosen if two_hosts or fault.hosts == 1])()
        self.hosts = 2 if two_hosts and (self.fault.hosts == 2 or draw.random() < 0.5) else 1
        self.ranks = draw.randrange(2, 6)
        self.victim = draw.randrange(self.ranks)
        self.point = draw.choice(INTERFACES[self.interface][1])
        self.delay = draw.choice([0, draw.random() * 0.0003, draw.random() * 0.002, draw.random() * 0.01])
        self.lasts = draw.uniform(*self.fault.lasts)

    def __str__(self):
        return (
            f"{self.interface}, {self.ranks} ranks on {self.hosts} host{'s' if self.hosts > 1 else ''}: "
            f"{self.fault.name} of rank {self.victim} {self.delay * 1000:.1f} ms into {self.point}, for {self.lasts:.2f} s"
        )


@dataclasses.dataclass
class Outcome:
    problems: list  # what is wrong, in sentences
    trace: list
    struck: bool  # whether the fault came before the end
    refusals: int  # calls that failed as they may


def run_round(plan, folder):
    return run_job(plan, folder) if plan.interface == "shmem" else run_world(plan, folder)


def run_job(plan, folder):
    job = shmem.Job(folder, plan)
    try:
        job.play()
    finally:
        problems = job.problems + job.finish()
    return Outcome(problems, job.trace, job.struck is not None, job.refusals)


def run_world(plan, folder):
    workload = INTERFACES[plan.interface][0]
    world = World(folder, plan.ranks, plan.hosts, workload.variables)
    conductor = world.conductor
    try:

        def strike():
            world.strike(plan.fault, plan.victim)
            conductor.after(plan.lasts, world.lift)

        conductor.at(plan.victim, plan.point, lambda: conductor.after(plan.delay, strike))
        workload(world, plan.random).start()
        conductor.play()
    finally:
        problems = conductor.problems + world.finish()
    return Outcome(problems, conductor.trace, world.struck is not None, conductor.refusals)


@dataclasses.dataclass
class Total:
    began: float
    passed: int = 0
    failed: int = 0
    late: int = 0
    refusals: int = 0

    def goes_on(self, options):
        if options.rounds is None:
            return time.monotonic() - self.began < DEFAULT_SECONDS
        return self.passed + self.failed < options.rounds

    def add(self, outcome):
        self.passed += not outcome.problems
        self.failed += bool(outcome.problems)
        self.late += not outcome.struck
        self.refusals += outcome.refusals

    def __str__(self):
        return (
            f"{self.passed} rounds passed, {self.failed} failed; in {self.late} the fault came after the end; "
            f"{self.refusals} calls were refused as they should; {time.monotonic() - self.began:.0f} s"
        )


def parse(arguments):
    parser = argparse.ArgumentParser(prog="scripts/test.sh faults", description=__doc__.partition("\n\n")[2])
    parser.add_argument("--rounds", type=int, help=f"default: as many as fit in {DEFAULT_SECONDS} s")
    parser.add_argument("--seed", type=int, help="default: a new one, which is printed")
    parser.add_argument("--first", type=int, default=0, help="number of the first round")
    parser.add_argument("--interface", action="append", choices=sorted(INTERFACES))
    parser.add_argument("--fault", action="append", choices=sorted(faults.ALL))
    parser.add_argument("--verbose", action="store_true", help="print what each round is")
    return parser.parse_args(arguments)


def main(arguments):
    options = parse(arguments)
    seed = secrets.randbelow(1 << 32) if options.seed is None else options.seed
    two_hosts = two_hosts_are_possible()
    print(f"seed {seed}{'' if two_hosts else '; one host only: no network namespaces here'}", flush=True)
    total = Total(time.monotonic())
    number = options.first
    while total.goes_on(options):
        plan = Plan(seed, number, options, two_hosts)
        began = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="mf-faults-") as folder:
            outcome = run_round(plan, pathlib.Path(folder))
        total.add(outcome)
        if outcome.problems:
            report = [f"round {number}: {plan}", *outcome.problems, *outcome.trace[-TRACE:]]
            print("\n".join(report), flush=True)
        elif options.verbose:
            what = f"{outcome.refusals} refused" if outcome.struck else "it came too late"
            print(f"round {number}: {plan}: fine, {what}, {time.monotonic() - began:.1f} s", flush=True)
        number += 1
    print(f"{total}, seed {seed}")
    return 0 if total.failed == 0 and total.passed > 0 else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
