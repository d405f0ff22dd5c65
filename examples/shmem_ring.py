# SPDX-License-Identifier: Apache-2.0
"""A token goes round: each PE waits for a signal, adds its number, and puts the token into the next one's memory.

    build/release/bin/mf run -n 4 -- scripts/python.sh examples/shmem_ring.py
"""
import os

import shmem

ROUNDS = 3


def main():
    if shmem.shmem_init(int(os.environ["MF_RANK"]), int(os.environ["MF_WORLD_SIZE"]), 4 << 20) != 0:
        raise SystemExit(shmem.get_last_err_msg())
    me, count = shmem.my_pe(), shmem.pe_count()
    token = shmem.array(1, "int64")
    arrived = shmem.array(1, "uint32")  # how often the token has been here
    if me == 0:
        shmem.shmem_putmem_signal(token, token, token.nbytes, arrived, 1, shmem.SIGNAL_ADD, 0)
    for turn in range(1, ROUNDS + 1):
        shmem.signal_wait_until(arrived, shmem.CMP_GE, turn)
        last = me == count - 1 and turn == ROUNDS
        token += me
        if not last:
            shmem.shmem_putmem_signal(token, token, token.nbytes, arrived, 1, shmem.SIGNAL_ADD, (me + 1) % count)
        else:
            expected = ROUNDS * sum(range(count))
            print(f"the token went round {ROUNDS} times through {count} PEs and is {token[0]}, expected {expected}")
            if token[0] != expected:
                shmem.shmem_global_exit(1)
    shmem.shmem_finalize()


if __name__ == "__main__":
    main()
