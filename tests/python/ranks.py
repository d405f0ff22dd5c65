# SPDX-License-Identifier: Apache-2.0
"""Starts ranks as real processes and collects what their functions return."""
import contextlib
import dataclasses
import multiprocessing
import select
import socket
import tempfile
import threading
import time
import traceback
import typing

import memfabric
from memfabric import bm

MIB = 1 << 20
REGION = 4 * MIB
SPAWN = multiprocessing.get_context("spawn")


@dataclasses.dataclass
class Rank:
    """What a function under test gets: who it is, and a barrier with the others that does not go through the library."""

    rank: int
    count: int
    url: str
    barrier: typing.Any
    folder: str

    def config(self, **fields):
        config = bm.BmConfig()
        config.init_timeout = config.create_timeout = config.operation_timeout = 30
        config.rank_id = self.rank
        for name, value in fields.items():
            setattr(config, name, value)
        return config

    def initialize(self, **fields):
        code = bm.initialize(self.url, self.count, 0, self.config(**fields))
        assert code == 0, memfabric.get_last_err_msg()

    def meet(self):
        self.barrier.wait(timeout=60)

    @contextlib.contextmanager
    def pool(self, dram=REGION, hbm=0, id=0):
        """A pool that all ranks have joined; all meet again before it is destroyed."""
        self.initialize()
        with bm.create(id, dram, hbm) as pool:
            pool.join()
            self.meet()
            yield pool
            self.meet()
        bm.uninitialize()


def wait_until(condition, timeout=30):
    """Of something that gives no event. Whether it has come true."""
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > deadline:
            return False
        select.select([], [], [], 0.001)
    return True


def free_url():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"tcp://127.0.0.1:{probe.getsockname()[1]}"


def _run(function, rank, results, arguments):
    try:
        results.put((rank.rank, True, function(rank, *arguments)))
    except BaseException:  # noqa: whatever it is, the parent must learn of it
        rank.barrier.abort()
        results.put((rank.rank, False, traceback.format_exc()))
    results.close()
    results.join_thread()


def run_ranks(count, function, *arguments, timeout=120):
    """Calls function(rank, *arguments) in `count` processes and returns their results in rank's order."""
    results = SPAWN.Queue()
    barrier = SPAWN.Barrier(count)
    with tempfile.TemporaryDirectory(prefix="memfabric-ranks-") as folder:
        url = free_url()
        processes = [SPAWN.Process(target=_run, args=(function, Rank(i, count, url, barrier, folder), results, arguments),
                                   name=f"rank {i}", daemon=True) for i in range(count)]
        try:
            for process in processes:
                process.start()
            return _collect(processes, results, time.monotonic() + timeout)
        finally:
            for process in processes:
                process.kill()
                process.join()


def _collect(processes, results, deadline):
    answers = {}
    while len(answers) < len(processes):
        try:
            rank, succeeded, value = results.get(timeout=0.2)
        except Exception:  # queue.Empty
            dead = [p.name for i, p in enumerate(processes) if i not in answers and p.exitcode not in (None, 0)]
            assert not dead, f"{dead} died: exit codes {[p.exitcode for p in processes]}"
            assert time.monotonic() < deadline, f"only ranks {sorted(answers)} answered in time"
            continue
        answers[rank] = (succeeded, value)
    for process in processes:
        process.join(timeout=30)
    failures = "\n".join(f"rank {rank}: {value}" for rank, (good, value) in sorted(answers.items()) if not good)
    assert not failures, failures
    assert [p.exitcode for p in processes] == [0] * len(processes)
    return [answers[rank][1] for rank in range(len(processes))]


def run_threads(count, body):
    """Calls body(i) on `count` threads at once; the first exception is raised here."""
    failures = []

    def guarded(index):
        try:
            body(index)
        except BaseException as error:  # noqa: raised below
            failures.append(error)

    threads = [threading.Thread(target=guarded, args=(i,)) for i in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
