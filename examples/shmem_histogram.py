# SPDX-License-Identifier: Apache-2.0
"""A histogram whose bins are shared out among the PEs: each counts its numbers with atomics, wherever the bins lie.

    build/release/bin/mf run -n 4 -- scripts/python.sh examples/shmem_histogram.py
"""
import os

import numpy as np
import shmem

BINS_EACH = 8
NUMBERS_EACH = 20_000


def numbers_of(pe, bins):
    return np.random.default_rng(pe).integers(0, bins, NUMBERS_EACH)


def main():
    if shmem.shmem_init(int(os.environ["MF_RANK"]), int(os.environ["MF_WORLD_SIZE"]), 4 << 20) != 0:
        raise SystemExit(shmem.get_last_err_msg())
    me, count = shmem.my_pe(), shmem.pe_count()
    bins = shmem.array(BINS_EACH, "int64")
    places = [bins[i:].ctypes.data for i in range(BINS_EACH)]
    for number in numbers_of(me, BINS_EACH * count):
        owner, index = divmod(int(number), BINS_EACH)
        shmem.shmem_int64_atomic_inc(places[index], owner)
    shmem.barrier_all()

    counts = shmem.array(BINS_EACH * count, "int64")
    shmem.fcollect(counts, bins)
    expected = sum(np.bincount(numbers_of(pe, BINS_EACH * count), minlength=BINS_EACH * count) for pe in range(count))
    right = (counts == expected).all()
    if me == 0:
        print(f"{counts.sum()} numbers of {count} PEs in {len(counts)} bins: {'right' if right else 'wrong'}")
    shmem.shmem_finalize()
    if not right:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
