# SPDX-License-Identifier: Apache-2.0
"""A PE that starts processes with multiprocessing: shmem_children.py CASE, under mf run. Prints "ok" where all is as it must be."""
import multiprocessing
import os
import socket
import sys
import traceback

import memfabric
import numpy as np
import shmem
from memfabric import shm

HEAP = 16 << 20
SIZE = 2 << 20
FORK, SPAWN = (multiprocessing.get_context(method) for method in ("fork", "spawn"))
TIMEOUT = 60


def free_url():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"tcp://127.0.0.1:{probe.getsockname()[1]}"


def raises(error, text, call, *arguments):
    try:
        call(*arguments)
    except error as problem:
        assert text in str(problem), problem
    else:
        raise AssertionError(f"{call} is not refused")


def in_process(context, function, *arguments, code=0):
    """Calls function(*arguments) in a child; what goes wrong there is printed there."""
    child = context.Process(target=function, args=arguments)
    child.start()
    child.join(TIMEOUT)
    assert child.exitcode == code, f"the child ended with {child.exitcode}"


def all_refused(array):
    for call in (shmem.barrier_all, shmem.sync, shmem.quiet, lambda: shmem.shmem_malloc(8), lambda: shmem.array(4),
                 lambda: array.put(0, 1), lambda: array.get(0), lambda: array.on(0), lambda: shmem.atomic_inc(array, 0),
                 lambda: shmem.shmem_int64_p(array.ctypes.data, 1, 0), lambda: shmem.broadcast(array, array, 0), array.free):
        raises(RuntimeError, "not initialized", call)


def forked(array, private, parent):
    """What a forked child of PE `parent` sees."""
    assert shmem.my_pe() == shmem.pe_count() == -1
    assert array[:3].tolist() == [parent, 7, 0] and private[0] == 1
    all_refused(array)
    assert shmem.shmem_init(0, 1, HEAP) != 0 and "fork" in memfabric.get_last_err_msg()
    all_refused(array)
    shmem.shmem_finalize()
    array[2] = 100 + parent  # the heap is shared
    private[0] = 2           # all else is not


def exits_with_handlers(array):
    array[3] = 5
    sys.exit(3)


def goes_wild(array):
    array[3] = 6
    os.abort()


def still_a_pe(array, me, count):
    shmem.barrier_all()
    array[1:].put((me + 1) % count, np.full(array.size - 1, 7))
    shmem.barrier_all()
    assert array[1] == 7
    total = shmem.array(1, "int64")
    shmem.atomic_add(total, 1, 0)
    shmem.barrier_all()
    assert shmem.atomic_fetch(total, 0) == count
    shmem.barrier_all()
    total.free()


def case_fork(me, count):
    array, private = shmem.array(1000, "int64"), np.ones(1)
    array[:2] = me, 7
    in_process(FORK, forked, array, private, me)
    assert array[2] == 100 + me and private[0] == 1
    still_a_pe(array, me, count)
    in_process(FORK, exits_with_handlers, array, code=3)
    assert array[3] == 5
    in_process(FORK, goes_wild, array, code=-6)
    assert array[3] == 6
    still_a_pe(array, me, count)
    child = os.fork()
    if child == 0:
        sys.exit(0)  # with all that a Python program does at its end
    assert os.waitpid(child, 0)[1] == 0
    still_a_pe(array, me, count)


def square(array, begin, end):
    array[begin:end] *= array[begin:end]
    return int(array[begin:end].sum())


def case_pool(me, count):
    """Workers of a pool share the array of the PE that forked them; the PE tells the others."""
    array = shmem.array(4000, "int64")
    array[:] = np.arange(4000) + me
    arrays["mine"] = array
    with FORK.Pool(2) as pool:
        sums = pool.starmap(square_part, [(i, i + 1000) for i in range(0, 4000, 1000)])
    expected = (np.arange(4000) + me) ** 2
    assert (array == expected).all() and sum(sums) == expected.sum()
    shmem.barrier_all()
    assert (array.get((me + 1) % count) == (np.arange(4000) + (me + 1) % count) ** 2).all()
    still_a_pe(array, me, count)


arrays = {}


def square_part(begin, end):
    return square(arrays["mine"], begin, end)


def spawned(array, url):
    """A child that starts clean: it has a copy of what it was given, and can be the PE of a job of its own."""
    assert shmem.my_pe() == -1 and shmem.shmem_init_status() == shmem.InitStatus.NOT_INITIALIZED
    assert array[:2].tolist() == [3, 4]
    array[0] = 77
    all_refused(array)
    attributes = shmem.InitAttr()
    assert shmem.shmem_set_attributes(0, 1, HEAP, url, attributes) == 0
    assert shmem.shmem_init(attributes) == 0, memfabric.get_last_err_msg()
    own = shmem.array(10, "int64")
    own.put(0, 5)
    assert own.get(0).tolist() == [5] * 10
    shmem.shmem_finalize()


def case_spawn(me, count):
    array = shmem.array(1000, "int64")
    array[:2] = 3, 4
    in_process(SPAWN, spawned, array, free_url())
    assert array[:2].tolist() == [3, 4]
    still_a_pe(array, me, count)


def forked_rank(memory, view, me):
    assert view[:2].tolist() == [me, 9]
    for call in (memory.barrier, lambda: memory.all_gather(b"1"), lambda: memory.reach(0), lambda: memory.view(0),
                 lambda: shm.create(1, 1, 0, SIZE), memory.destroy, lambda: memory.put(view[:1], b"12345678")):
        raises(memfabric.Error, "fork", call)
    raises(memfabric.Error, "fork", shm.initialize, os.environ["MF_STORE_URL"], 1, 0)
    shm.uninitialize()
    view[2] = 100 + me


def spawned_rank(url):
    raises(memfabric.Error, "smem_shm_init", shm.create, 0, 1, 0, SIZE)
    assert shm.initialize(url, 1, 0) == 0
    with shm.create(0, 1, 0, SIZE) as memory:
        memory.view(dtype=np.int64)[0] = 1
        memory.barrier()
    shm.uninitialize()


def case_shm(me, count):
    assert shm.initialize(os.environ["MF_STORE_URL"], count, me) == 0
    with shm.create(0, count, me, SIZE) as memory:
        view = memory.view(dtype=np.int64)
        view[:2] = me, 9
        in_process(FORK, forked_rank, memory, view, me)
        assert view[2] == 100 + me
        in_process(SPAWN, spawned_rank, free_url())
        memory.barrier()
        peer = (me + 1) % count
        assert memory.view(peer, dtype=np.int64)[:3].tolist() == [peer, 9, 100 + peer]
        memory.barrier()
    shm.uninitialize()


def main():
    me, count, case = int(os.environ["MF_RANK"]), int(os.environ["MF_WORLD_SIZE"]), sys.argv[1]
    if case == "shm":
        case_shm(me, count)
    else:
        assert shmem.shmem_init(me, count, HEAP) == 0, memfabric.get_last_err_msg()
        {"fork": case_fork, "pool": case_pool, "spawn": case_spawn}[case](me, count)
        shmem.shmem_finalize()
    os.write(1, b"ok\n")  # in one piece


if __name__ == "__main__":
    try:
        main()
    except Exception:  # the end of a PE that fails does not wait for the others
        traceback.print_exc()
        sys.stderr.flush()
        os._exit(1)
