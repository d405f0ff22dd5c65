# SPDX-License-Identifier: Apache-2.0
"""The pool at work on real data, in Python.

    scripts/python.sh examples/pool_demo.py [FILE-OR-FOLDER]

Starts four processes that pool their DRAM; rank 0 scatters a file or a folder over the memory of all; every rank reads the
whole of it back out of the memory of the others through numpy views, and all SHA-256 sums must agree. A folder is packed as
a stream: see pool_demo_input.py. The same job in C++: examples/demo.
"""
import ctypes
import hashlib
import multiprocessing
import multiprocessing.connection
import os
import signal
import sys
import tempfile
import time

import memfabric
import numpy as np
from bm_basic import start_store
from memfabric import bm
from pool_demo_input import Input, InputError, default_input

RANKS = 4
LARGEST_STRIPE = 8 << 20
LARGEST_BLOCK = 64 << 20  # what is copied and timed at once; larger than caches where the input is
GRANULE = 2 << 20  # a rank's part of the pool is a multiple of this
PATIENCE = 10  # seconds, for ranks that were told to end


class Placement:
    """Where the stream lies in the pool: in stripes, dealt to the ranks in turn."""

    def __init__(self, total):
        self.total = total
        self.stripe = min(LARGEST_STRIPE, -(-total // RANKS))
        self.block = min(LARGEST_BLOCK, total)
        stripes = -(-total // self.stripe)
        used = -(-stripes // RANKS) * self.stripe
        self.region = -(-used // GRANULE) * GRANULE

    def runs(self, offset, size):
        """(rank, offset in its region, offset in the block, length) of each piece that lies together."""
        done = 0
        while done < size:
            at = offset + done
            length = min(self.stripe - at % self.stripe, size - done)
            yield at // self.stripe % RANKS, at // self.stripe // RANKS * self.stripe + at % self.stripe, done, length
            done += length

    def memory_needed(self):
        return RANKS * (self.region + 2 * self.block)


class Stopwatch:
    def __init__(self):
        self.seconds = 0.0

    def __enter__(self):
        self.begin = time.perf_counter()

    def __exit__(self, *_):
        self.seconds += time.perf_counter() - self.begin


class Worker:
    """One rank: its part of the pool, and numpy views of everybody's."""

    def __init__(self, rank, url, total, channel):
        self.channel = channel
        self.placement = Placement(total)
        config = bm.BmConfig()
        config.start_store = False  # the launcher serves it
        if bm.initialize(url, RANKS, rank, 0, config) != 0:
            raise RuntimeError(memfabric.get_last_err_msg())
        self.pool = bm.create(0, self.placement.region)
        self.pool.join()
        self.data = np.zeros(self.placement.block, np.uint8)
        self.other = np.zeros(self.placement.block, np.uint8)  # the plain copy's own buffer: it must not do the pool's work

    def blocks(self):
        for offset in range(0, self.placement.total, self.placement.block):
            size = min(self.placement.block, self.placement.total - offset)
            yield size, list(self.placement.runs(offset, size))

    def regions(self):
        """A view of each rank's memory. A process sees a page for the first time at a cost of its own, paid here."""
        regions = [self.pool.view(rank) for rank in range(RANKS)]
        for region in regions:
            region[::4096].sum()
        return regions

    def copy_plain(self, regions, runs, to_pool):
        for rank, place, begin, length in runs:
            buffer = self.other.ctypes.data + begin
            memory = regions[rank].ctypes.data + place
            ctypes.memmove(memory if to_pool else buffer, buffer if to_pool else memory, length)

    def scatter(self, path):
        regions = self.regions()
        reader = Input(path).reader()
        pool_time, plain_time = Stopwatch(), Stopwatch()
        for size, runs in self.blocks():
            reader.readinto(memoryview(self.data)[:size])
            pieces = [self.data[begin:begin + length] for _, _, begin, length in runs]
            places = [self.pool.peer_rank_ptr(rank) + place for rank, place, _, _ in runs]
            # The pool's copy comes last: what the plain one left there, zeros, must not be what is read back.
            with plain_time:
                self.copy_plain(regions, runs, to_pool=True)
            with pool_time:
                self.pool.copy_data_batch(pieces, places, type=bm.BmCopyType.H2G)
            self.channel.send(("progress", size))
        return self.placement.total, pool_time.seconds, plain_time.seconds, None

    def gather(self):
        regions = self.regions()
        digest = hashlib.sha256()
        pool_time, plain_time = Stopwatch(), Stopwatch()

        def read_views():
            with pool_time:
                for rank, place, begin, length in runs:
                    self.data[begin:begin + length] = regions[rank][place:place + length]

        def read_plain():
            with plain_time:
                self.copy_plain(regions, runs, to_pool=False)

        for turn, (size, runs) in enumerate(self.blocks()):
            # Each is first in turn: being first may mean colder caches.
            for read in (read_views, read_plain) if turn % 2 == 0 else (read_plain, read_views):
                read()
            digest.update(self.data[:size])
            self.channel.send(("progress", size))
        return self.placement.total, pool_time.seconds, plain_time.seconds, digest.hexdigest()

    def close(self):
        self.pool.destroy()
        bm.uninitialize()


def rank_main(rank, url, path, total, channel):
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the launcher alone, which then ends the ranks
    try:
        worker = Worker(rank, url, total, channel)
        channel.send(("ready", None))
        while (order := channel.recv()) != "leave":
            channel.send(("done", worker.scatter(path) if order == "scatter" else worker.gather()))
        worker.close()
    except EOFError:
        sys.exit(1)  # the launcher is gone
    except Exception as error:
        channel.send(("failed", str(error)))
        sys.exit(1)


class ProgressBar:
    """A bar on a terminal; nothing elsewhere."""

    WIDTH = 40

    def __init__(self, total):
        self.total, self.done, self.label, self.terminal = total, 0, "", sys.stdout.isatty()

    def advance(self, size):
        self.done += size
        if self.terminal:
            filled = min(self.WIDTH, self.done * self.WIDTH // self.total)
            percent = self.done * 100 // self.total
            print(f"\r\033[K{self.label:8} [{'#' * filled}{'.' * (self.WIDTH - filled)}] {percent:3} %", end="", flush=True)

    def close(self):
        if self.terminal:
            print("\r\033[K", end="", flush=True)


class Ranks:
    """The rank processes; none outlives the with block."""

    def __init__(self, url, source):
        spawn = multiprocessing.get_context("spawn")
        self.channels, self.processes = [], []
        for rank in range(RANKS):
            ours, theirs = spawn.Pipe()
            process = spawn.Process(target=rank_main, args=(rank, url, source.path, source.total, theirs), daemon=True)
            process.start()
            theirs.close()
            self.channels.append(ours)
            self.processes.append(process)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for process in self.processes:
            process.kill()
            process.join()

    def collect(self, ranks, last, bar):
        """Takes messages of `ranks` until each has said `last`; what they said with it, by rank."""
        results = {}
        while len(results) < len(ranks):
            waiting = [self.channels[rank] for rank in ranks if rank not in results]
            for channel in multiprocessing.connection.wait(waiting):
                rank = self.channels.index(channel)
                try:
                    kind, value = channel.recv()
                except EOFError:
                    raise RuntimeError(f"rank {rank} ended too early") from None
                if kind == "failed":
                    raise RuntimeError(f"rank {rank}: {value}")
                if kind == last:
                    results[rank] = value
                else:
                    bar.advance(value)
        return results

    def order(self, ranks, what, bar):
        bar.label = what
        for rank in ranks:
            self.channels[rank].send(what)
        return self.collect(ranks, "done", bar)

    def leave(self):
        for channel in self.channels:
            channel.send("leave")
        for process in self.processes:
            process.join(PATIENCE)
        if any(process.exitcode != 0 for process in self.processes):
            raise RuntimeError("a rank did not end well")


def print_row(direction, total, seconds, plain_seconds):
    seconds = max(seconds, 1e-9)
    print(f"{direction:<18} {total:14} {seconds:10.4f} {total / seconds / 1e9:8.2f} {plain_seconds / seconds:8.2f}")


def report(expected, scattered, gathered):
    print(f"SHA-256 of the input: {expected}")
    for rank in range(RANKS):
        digest = gathered[rank][3]
        print(f"SHA-256 at rank {rank}:    {digest} {'equal' if digest == expected else 'DIFFERENT'}")
    print(f"{'direction':<18} {'bytes':>14} {'seconds':>10} {'GB/s':>8} {'share':>8}")
    print_row("rank 0 -> pool", *scattered[:3])
    for rank in range(RANKS):
        print_row(f"pool -> rank {rank}", *gathered[rank][:3])
    print("share: of the speed of a plain copy (memmove, one thread) of the same bytes between the same mappings, taken in turn\n"
          "with the pool's. To the pool: copy_data_batch; from it: numpy views. Reading and hashing are not timed.")
    return all(gathered[rank][3] == expected for rank in range(RANKS))


def require_memory(source, placement):
    available = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    with open("/proc/meminfo") as file:
        for line in file:
            if line.startswith("MemAvailable:"):
                available = int(line.split()[1]) * 1024
    if placement.memory_needed() > available:
        raise InputError(f"input {source.path}: the demo needs {placement.memory_needed() >> 20} MiB of memory for its "
                         f"{source.total >> 20} MiB, and {available >> 20} MiB are available; name a smaller file or folder")


def run(path):
    source = Input(path)
    placement = Placement(source.total)
    require_memory(source, placement)
    print(f"input: {path}, {len(source.entries)} file(s), {source.total} bytes; pool: {RANKS} processes with "
          f"{placement.region >> 20} MiB each", flush=True)
    everyone = range(RANKS)
    with tempfile.TemporaryDirectory(prefix="pool_demo.") as folder:
        os.environ["MF_RUNTIME_DIR"] = folder
        with Ranks(start_store(), source) as ranks:
            bar = ProgressBar(source.total * (1 + RANKS))
            try:
                ranks.collect(everyone, "ready", bar)
                scattered = ranks.order([0], "scatter", bar)[0]
                gathered = ranks.order(everyone, "gather", bar)
            finally:
                bar.close()
            ranks.leave()
        memfabric.uninitialize()
    return 0 if report(source.digest(), scattered, gathered) else 1


def main():
    if len(sys.argv) > 2 or sys.argv[1:2] and sys.argv[1].startswith("-"):
        print("usage: pool_demo.py [FILE-OR-FOLDER]", file=sys.stderr)
        return 2
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        return run(sys.argv[1] if len(sys.argv) == 2 else default_input())
    except KeyboardInterrupt:
        print("pool_demo.py: interrupted", file=sys.stderr)
        return 128 + signal.SIGINT
    except (InputError, RuntimeError, OSError) as error:
        print(f"pool_demo.py: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
