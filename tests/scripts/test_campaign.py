# SPDX-License-Identifier: Apache-2.0
"""The fault campaign: its rounds run, and it finds what is wrong."""
import os
import pathlib
import random
import subprocess
import sys

import pytest

TESTS = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS / folder) for folder in ("faults", "multiproc", "hosts")]

from bm import BmRound  # noqa: E402
from conductor import PATIENCE, Call  # noqa: E402
from world import World  # noqa: E402


def run(*words):
    command = ["/usr/bin/python3", str(TESTS / "faults" / "campaign.py"), *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, timeout=100, env=os.environ)


@pytest.mark.parametrize("interface", ["bm", "shm", "shmem", "trans"])
def test_a_round(interface):
    done = run("--rounds", 1, "--seed", 3, "--interface", interface, "--fault", "kill")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "seed 3" in done.stdout and "rounds passed (1 struck), 0 failed" in done.stdout


@pytest.fixture
def world(tmp_path):
    made = World(tmp_path, 2, 1)
    yield made
    for actor in made.actors:
        actor.kill()
    made.finish()


def test_a_rank_may_serve_the_store_over_tls(tmp_path):
    made = World(tmp_path, 3, 1, store_in_rank=True, tls=True)
    try:
        assert made.store is None
        BmRound(made, random.Random(1)).start()
        made.conductor.play()
    finally:
        assert made.finish() == []
    assert made.conductor.problems == []
    assert [line for line in made.conductor.trace if "uninit" in line][-1].split()[1:3] == ["rank", "0:"]


class LastByteMissing(BmRound):
    """Says that a write is done whose last byte was never written."""

    def write(self, write, buffer):
        call = super().write(write, buffer)
        shorter = max(1, call.words[-1] - 1)
        return Call(call.point, (*call.words[:-1], shorter), call.needs, call.limit)


def test_a_byte_that_is_missing_is_found(world):
    LastByteMissing(world, random.Random(1)).start()
    world.conductor.play()
    assert any("the pattern has" in problem for problem in world.conductor.problems)


def test_a_failure_that_nothing_explains_is_found(world):
    def script():
        yield Call("config", ("config_init",))
        yield Call("create", ("create", 0, 2, 1, 1 << 21, 0, 0))

    world.conductor.add(0, world.actors[0], script())
    world.conductor.play()
    assert any("nothing has happened yet" in problem for problem in world.conductor.problems)


def test_a_call_that_hangs_is_found(world):
    world.conductor.add(0, world.actors[0], iter_of(Call("wait", ("shm_exit_calls", 1), limit=0.3 - PATIENCE)))
    world.conductor.play()
    assert any("hangs" in problem for problem in world.conductor.problems)


def test_a_process_that_dies_by_itself_is_found(world):
    world.conductor.add(0, world.actors[0], iter_of(Call("all", ("peek", 8))))  # no memory is there
    world.conductor.play()
    assert any("ended with -11" in problem for problem in world.conductor.problems)


def iter_of(*calls):
    yield from calls
