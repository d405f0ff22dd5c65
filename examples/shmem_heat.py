# SPDX-License-Identifier: Apache-2.0
"""Heat spreads over a plate whose rows are shared out among the PEs; in every step each puts its border rows into its neighbours'.

    build/release/bin/mf run -n 4 -- scripts/python.sh examples/shmem_heat.py
"""
import os

import numpy as np
import shmem

ROWS, COLUMNS = 64, 96  # of the whole plate, without its frame
STEPS = 200
HOT = 100.0  # the upper edge; the others are at 0


def step(plate):
    """One step of Jacobi's iteration of the inner part."""
    return (plate[:-2, 1:-1] + plate[2:, 1:-1] + plate[1:-1, :-2] + plate[1:-1, 2:]) / 4


def whole_plate():
    """What one process alone computes."""
    plate = np.zeros((ROWS + 2, COLUMNS + 2))
    plate[0] = HOT
    for _ in range(STEPS):
        plate[1:-1, 1:-1] = step(plate)
    return plate[1:-1, 1:-1]


def main():
    if shmem.shmem_init(int(os.environ["MF_RANK"]), int(os.environ["MF_WORLD_SIZE"]), 16 << 20) != 0:
        raise SystemExit(shmem.get_last_err_msg())
    me, count = shmem.my_pe(), shmem.pe_count()
    rows = ROWS // count
    if rows * count != ROWS:
        raise SystemExit(f"{ROWS} rows are no equal parts for {count} PEs")
    plate = shmem.array((rows + 2, COLUMNS + 2))  # with a row of each neighbour, the halo, above and below
    if me == 0:
        plate[0] = HOT
    for _ in range(STEPS):
        if me > 0:
            shmem.shmem_putmem(plate[-1], plate[1], plate[1].nbytes, me - 1)
        if me < count - 1:
            shmem.shmem_putmem(plate[0], plate[-2], plate[-2].nbytes, me + 1)
        shmem.barrier_all()  # all halos are in place
        inner = step(plate)
        shmem.barrier_all()  # nobody reads the old rows any more
        plate[1:-1, 1:-1] = inner

    mine = shmem.array((rows, COLUMNS))
    mine[:] = plate[1:-1, 1:-1]
    result = shmem.array((ROWS, COLUMNS))
    shmem.fcollect(result, mine)
    difference = abs(result - whole_plate()).max()
    if me == 0:
        print(f"{STEPS} steps on {count} PEs: mean temperature {result.mean():.6f}, largest difference from one PE {difference:.1e}")
    shmem.shmem_finalize()
    if difference > 1e-12:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
