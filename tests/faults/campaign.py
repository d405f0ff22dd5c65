# SPDX-License-Identifier: Apache-2.0
"""Usage: scripts/test.sh faults [--rounds N | --seconds N] [--seed S] [--first N] [--interface NAME] [--fault NAME]

Rounds of processes that work while something goes wrong: which interface, how many ranks, on one host or two,
which fault, whom it strikes and at which point is drawn from the seed. Nothing that was reported done may be
missing, nothing may hang past its deadline, no survivor may crash, and nothing may be left behind. A round is
repeated by its number: --seed S --first N --rounds 1."""
import argparse
import concurrent.futures
import dataclasses
import os
import pathlib
import random
import secrets
import sys
import tempfile
import threading
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
        self.fault = draw.choice([fault for fault in chosen if two_hosts or not fault.is_privileged])()
        self.hosts = 2 if two_hosts and (self.fault.hosts == 2 or draw.random() < 0.5) else 1
        self.ranks = draw.randrange(2, 6)
        self.point = draw.choice(INTERFACES[self.interface][1])
        self.store_in_rank = self._may_have_store_in_rank() and draw.random() < 0.3
        self.tls = self._may_use_tls() and draw.random() < 0.3
        self.victim = draw.randrange(1 if self.store_in_rank else 0, self.ranks)  # what serves the store stays
        self.delay = draw.choice([0, draw.random() * 0.0003, draw.random() * 0.002, draw.random() * 0.01])
        self.lasts = draw.uniform(*self.fault.lasts)

    def _may_have_store_in_rank(self):
        # Where a rank is lost in smem_shm_init, that of rank 0 may fail, and its store ends with it.
        return not self.fault.strikes_store and (
            self.interface == "bm" or (self.interface == "shm" and self.point != "init")
        )

    def _may_use_tls(self):
        # A job's launcher has a store of its own; who writes keys to a store with a disk speaks no TLS.
        return self.interface != "shmem" and not self.fault.has_small_disk

    def __str__(self):
        store = f"{', the store in rank 0' if self.store_in_rank else ''}{', TLS' if self.tls else ''}"
        return (
            f"{self.interface}, {self.ranks} ranks on {self.hosts} host{'s' if self.hosts > 1 else ''}{store}: "
            f"{self.fault.name} of rank {self.victim} {self.delay * 1000:.1f} ms into {self.point}, for {self.lasts:.2f} s"
        )


@dataclasses.dataclass
class Outcome:
    problems: list  # what is wrong, in sentences
    trace: list
    struck: bool  # whether the fault came before the end
    refusals: int  # calls that failed as they may
    overrun: float  # seconds by which a call was the longest behind its deadline


def run_round(plan, folder):
    return run_job(plan, folder) if plan.interface == "shmem" else run_world(plan, folder)


def run_job(plan, folder):
    job = shmem.Job(folder, plan)
    try:
        job.play()
    finally:
        problems = job.problems + job.finish()
    return Outcome(problems, job.trace, job.struck is not None, job.refusals, 0.0)


def run_world(plan, folder):
    workload = INTERFACES[plan.interface][0]
    world = World(folder, plan.ranks, plan.hosts, workload.variables, plan.fault.has_small_disk,
                  plan.store_in_rank, plan.tls)
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
    struck = world.struck is not None
    return Outcome(problems, conductor.trace, struck, conductor.refusals, conductor.overrun)


class Campaign:
    """Plays rounds, several at a time, until there are enough."""

    def __init__(self, options, seed):
        self.options = options
        self.seed = seed
        self.two_hosts = two_hosts_are_possible()
        self.began = time.monotonic()
        self.passed = self.failed = self.struck = self.late = self.refusals = 0
        self.overrun = 0.0
        self._playing = 0
        self._next = options.first
        self._ended = False
        self._lock = threading.Lock()

    def play(self):
        with concurrent.futures.ThreadPoolExecutor(self.options.jobs) as pool:
            try:
                for player in [pool.submit(self._play_some) for _ in range(self.options.jobs)]:
                    player.result()
            except BaseException:
                self._ended = True  # after the rounds that are being played
                raise

    def _play_some(self):
        while (number := self._take_number()) is not None:
            plan = Plan(self.seed, number, self.options, self.two_hosts)
            began = time.monotonic()
            with tempfile.TemporaryDirectory(prefix="mf-faults-") as folder:
                outcome = run_round(plan, pathlib.Path(folder))
            with self._lock:
                self._playing -= 1
                self._add(outcome)
                self._report(f"round {number}: {plan}", outcome, time.monotonic() - began)

    def _take_number(self):
        with self._lock:
            if self.options.rounds is None:
                enough = time.monotonic() - self.began >= self.options.seconds
            else:
                enough = self.struck + self.failed + self._playing >= self.options.rounds
            if enough or self._ended or self.late >= self._most_late():
                return None
            self._next += 1
            self._playing += 1
            return self._next - 1

    def _most_late(self):
        """Faults that all come too late prove nothing, and more rounds would not either."""
        return 100 + 10 * (self.struck + self.failed)

    def _add(self, outcome):
        if outcome.problems:
            self.failed += 1
        else:
            self.passed += 1
            self.struck += outcome.struck
            self.late += not outcome.struck
        self.refusals += outcome.refusals
        self.overrun = max(self.overrun, outcome.overrun)

    def _report(self, title, outcome, seconds):
        if outcome.problems:
            print("\n".join([title, *outcome.problems, *outcome.trace[-TRACE:]]), flush=True)
        elif self.options.verbose:
            what = f"{outcome.refusals} refused" if outcome.struck else "it came too late"
            print(f"{title}: fine, {what}, {seconds:.1f} s", flush=True)

    def __str__(self):
        return (
            f"{self.passed} rounds passed ({self.struck} struck), {self.failed} failed; {self.refusals} calls were "
            f"refused as they should; the longest behind its deadline: {self.overrun:.1f} s; "
            f"{time.monotonic() - self.began:.0f} s, seed {self.seed}"
        )


def parse(arguments):
    parser = argparse.ArgumentParser(prog="scripts/test.sh faults", description=__doc__.partition("\n\n")[2])
    length = parser.add_mutually_exclusive_group()
    length.add_argument("--rounds", type=int, help="in which the fault came in time; default: as many as fit in --seconds")
    length.add_argument("--seconds", type=float, default=DEFAULT_SECONDS, help="default: %(default)s")
    parser.add_argument("--seed", type=int, help="default: a new one, which is printed")
    parser.add_argument("--first", type=int, default=0, help="number of the first round")
    parser.add_argument("--interface", action="append", choices=sorted(INTERFACES))
    parser.add_argument("--fault", action="append", choices=sorted(faults.ALL))
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="rounds at a time; default: %(default)s")
    parser.add_argument("--verbose", action="store_true", help="print what each round is")
    return parser.parse_args(arguments)


def main(arguments):
    options = parse(arguments)
    seed = secrets.randbelow(1 << 32) if options.seed is None else options.seed
    campaign = Campaign(options, seed)
    alone = "" if campaign.two_hosts else "; one host only: no network namespaces here"
    print(f"seed {seed}{alone}", flush=True)
    campaign.play()
    print(campaign)
    return 0 if campaign.failed == 0 and campaign.struck > 0 else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
