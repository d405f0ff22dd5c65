# SPDX-License-Identifier: Apache-2.0
"""A real file or folder through memory of several hosts, in Python.

    MF_ALLOW_PLAINTEXT=1 build/release/bin/mf run --hosts node1:2,node2:2 -- scripts/python.sh examples/pool_hosts.py FILE-OR-FOLDER

The ranks pool their DRAM. Rank 0 scatters its file over the memory of all; every rank reads the whole of it back by copies, wherever
it lies, and all SHA-256 sums must agree. Only rank 0's host needs the file. On one host: `mf run -n 4 -- ...`.
"""
import hashlib
import os
import sys
import time

import memfabric
import numpy as np
from memfabric import bm
from pool_demo_input import Input, InputError

STRIPE = 4 << 20  # the stream is dealt to the ranks in stripes
BLOCK = 64 << 20  # what is copied and timed at once
GRANULE = 2 << 20  # a rank's part of the pool is a multiple of this
PATIENCE = 60  # seconds for the others
FAILED = np.iinfo(np.uint64).max

RECORD = np.dtype([("digest", "S64"), ("host", "S64"), ("seconds", "f8")])  # what a rank says of itself at the end


class Meeting:
    """Object 0: one word a rank in every rank's memory, for barriers; then the size of the stream; then records."""

    def __init__(self, rank, count):
        self.rank, self.count, self.turn = rank, count, 0
        self.pool = bm.create(0, GRANULE)
        self.pool.join()
        self.words = self.pool.view(dtype=np.uint64, shape=count + 1)
        self.records = self.pool.view(offset=GRANULE // 2, dtype=RECORD, shape=count)

    def tell(self, rank, data, offset):
        """Writes into a rank's memory; waits for a rank that has not come yet."""
        until = time.monotonic() + PATIENCE
        while True:
            try:
                return self.pool.copy_data(data, self.pool.peer_rank_ptr(rank) + offset, data.nbytes, bm.BmCopyType.H2G)
            except memfabric.Error as error:
                if error.code != memfabric.ErrorCode.PEER_LOST or self.turn > 1 or time.monotonic() > until:
                    raise
            time.sleep(0.01)

    def barrier(self, last=False):
        self.turn += 1
        own = np.array([self.turn], np.uint64)
        for rank in range(self.count):
            try:
                self.tell(rank, own, 8 * self.rank)
            except memfabric.Error as error:
                if not last or error.code != memfabric.ErrorCode.PEER_LOST:  # it may have heard of all, and left
                    raise
        self.wait(lambda: (self.words[:self.count] >= self.turn).all())

    def share_total(self, total):
        """Rank 0 says how long the stream is, or that there is none."""
        if self.rank == 0:
            for rank in range(self.count):
                self.tell(rank, np.array([total], np.uint64), 8 * self.count)
        self.wait(lambda: self.words[self.count] != 0)
        return int(self.words[self.count])

    @staticmethod
    def wait(condition):
        until = time.monotonic() + PATIENCE
        while not condition():
            if time.monotonic() > until:
                raise RuntimeError(f"the other ranks did not get here within {PATIENCE} s")
            time.sleep(0.0005)

    def report(self, digest, seconds):
        record = np.array([(digest.encode(), host_name().encode(), seconds)], RECORD)
        self.tell(0, record, GRANULE // 2 + self.rank * RECORD.itemsize)


class Stream:
    """Object 1: the file, in stripes."""

    def __init__(self, count, total):
        self.count, self.total = count, total
        stripes = -(-total // STRIPE)
        region = -(-stripes // count) * STRIPE
        self.pool = bm.create(1, -(-region // GRANULE) * GRANULE)
        self.pool.join()
        self.buffer = np.zeros(min(BLOCK, total), np.uint8)

    def blocks(self):
        """(size, addresses in the pool, pieces of the buffer) of each block."""
        for offset in range(0, self.total, BLOCK):
            size = min(BLOCK, self.total - offset)
            starts = range(offset, offset + size, STRIPE)  # blocks are whole stripes
            places = [self.pool.peer_rank_ptr(at // STRIPE % self.count) + at // STRIPE // self.count * STRIPE for at in starts]
            pieces = [self.buffer[at - offset:min(at - offset + STRIPE, size)] for at in starts]
            yield size, places, pieces

    def scatter(self, source):
        reader, seconds = source.reader(), 0.0
        for size, places, pieces in self.blocks():
            reader.readinto(memoryview(self.buffer)[:size])
            begin = time.perf_counter()
            self.pool.copy_data_batch(pieces, places, type=bm.BmCopyType.H2G)
            seconds += time.perf_counter() - begin
        return seconds

    def gather(self):
        digest, seconds = hashlib.sha256(), 0.0
        for size, places, pieces in self.blocks():
            begin = time.perf_counter()
            self.pool.copy_data_batch(places, pieces, [piece.nbytes for piece in pieces], type=bm.BmCopyType.G2H)
            seconds += time.perf_counter() - begin
            digest.update(self.buffer[:size])
        return digest.hexdigest(), seconds


def host_name():
    return os.environ.get("MF_HOST_ID") or os.uname().nodename


def print_report(meeting, source, total, scatter_seconds):
    records = meeting.records
    hosts = sorted({record["host"].decode() for record in records})
    print(f"input: {source.path}, {len(source.entries)} file(s), {total} bytes, over {meeting.count} ranks on "
          f"{len(hosts)} host(s): {', '.join(hosts)}")
    expected = source.digest()
    print(f"SHA-256 of the input: {expected}")
    for rank, record in enumerate(records):
        digest = record["digest"].decode()
        print(f"SHA-256 at rank {rank}:    {digest} {'equal' if digest == expected else 'DIFFERENT'}")
    print(f"{'direction':<16} {'host':<12} {'bytes':>12} {'other hosts':>12} {'seconds':>9} {'GB/s':>7}")
    rows = [("rank 0 -> pool", 0, scatter_seconds)] + [(f"pool -> rank {rank}", rank, record["seconds"]) for rank, record in enumerate(records)]
    for direction, rank, seconds in rows:
        away = bytes_on_other_hosts(records, rank, total)
        print(f"{direction:<16} {records[rank]['host'].decode():<12} {total:12} {away:12} {seconds:9.4f} {total / max(seconds, 1e-9) / 1e9:7.2f}")
    return all(record["digest"].decode() == expected for record in records)


def bytes_on_other_hosts(records, rank, total):
    """Of the stream, as this rank sees it."""
    return sum(min(STRIPE, total - at) for at in range(0, total, STRIPE)
               if records[at // STRIPE % len(records)]["host"] != records[rank]["host"])


def run(path, count, url):
    config = bm.BmConfig()
    config.start_store = False  # mf run serves it
    if bm.initialize(url, count, 0, config) != 0:
        raise RuntimeError(memfabric.get_last_err_msg())
    rank = bm.bm_rank_id()
    meeting = Meeting(rank, count)
    meeting.barrier()
    source = None
    try:
        source = Input(path) if rank == 0 else None
    except InputError:
        meeting.share_total(FAILED)
        raise
    total = meeting.share_total(source.total if source else 0)
    if total == FAILED:
        return 0  # rank 0 says why, and fails
    stream = Stream(count, total)
    meeting.barrier()
    scatter_seconds = stream.scatter(source) if rank == 0 else 0.0
    meeting.barrier()
    meeting.report(*stream.gather())
    meeting.barrier()
    good = rank != 0 or print_report(meeting, source, total, scatter_seconds)
    meeting.barrier(last=True)
    bm.uninitialize()
    return 0 if good else 1


def main():
    url, count = os.environ.get("MF_STORE_URL"), os.environ.get("MF_WORLD_SIZE")
    if len(sys.argv) != 2 or not url or not count:
        print("usage: mf run ... -- pool_hosts.py FILE-OR-FOLDER", file=sys.stderr)
        return 2
    try:
        return run(sys.argv[1], int(count), url)
    except (InputError, RuntimeError, OSError) as error:
        print(f"pool_hosts.py: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
