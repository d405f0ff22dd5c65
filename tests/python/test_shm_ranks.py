# SPDX-License-Identifier: Apache-2.0
"""memfabric.shm in real processes."""
import contextlib
import ctypes
import json
import os
import subprocess
import sys
import threading

import memfabric
import numpy as np
import pytest
from memfabric import ErrorCode, shm
from ranks import MIB, free_url, run_ranks, run_threads

SIZE = 2 * MIB
BOTH = shm.ShmDataOpType.MTE | shm.ShmDataOpType.SDMA


def start(rank, **fields):
    config = shm.ShmConfig()
    config.init_timeout = config.create_timeout = config.operation_timeout = 30
    for name, value in fields.items():
        setattr(config, name, value)
    assert shm.initialize(rank.url, rank.count, rank.rank, 0, config) == 0, memfabric.get_last_err_msg()


@contextlib.contextmanager
def memory_of(rank, id=0, size=SIZE):
    start(rank)
    with shm.create(id, rank.count, rank.rank, size) as memory:
        yield memory
        memory.barrier()
    shm.uninitialize()


def see_all(rank):
    with memory_of(rank) as memory:
        assert (memory.local_rank, memory.rank_size, memory.local_mem_size) == (rank.rank, rank.count, SIZE)
        assert memory.query_support_data_operation() == BOTH and int(memory) != 0
        mine = memory.view(dtype=np.int64)
        assert mine.size == SIZE // 8 and not mine.any()
        mine[:] = rank.rank + 1
        memory.barrier()
        for peer in range(rank.count):
            theirs = memory.view(peer, dtype=np.int64)
            assert theirs.ctypes.data == memory.peer_rank_ptr(peer) == memory.gva + peer * SIZE
            assert (theirs == peer + 1).all()
        right = (rank.rank + 1) % rank.count
        memory.barrier()
        assert memory.put(memory.peer_rank_ptr(right) + 8, np.full(4, 100 + rank.rank)) == 0
        memory.barrier()
        back = bytearray(32)
        assert memory.get(back, memory.peer_rank_ptr(right) + 8) == 0
        assert np.frombuffer(back, np.int64).tolist() == [100 + rank.rank] * 4
        assert mine[1] == 100 + (rank.rank - 1) % rank.count
        return memory.gva


@pytest.mark.parametrize("count", [1, 2, 4])
def test_every_rank_sees_the_memory_of_all(count):
    assert len(set(run_ranks(count, see_all))) == 1


def gather_and_context(rank):
    with memory_of(rank) as memory:
        for data in (b"%03d" % rank.rank, bytearray(b"%03d" % rank.rank), np.frombuffer(b"%03d" % rank.rank, np.uint8)):
            assert memory.all_gather(data) == b"".join(b"%03d" % peer for peer in range(rank.count))
        assert memory.get_context() == b""
        for size in (1, 65536, 7):
            context = os.urandom(size)
            assert memory.set_context(context) == 0 and memory.get_context() == context
        for bad in (b"", bytes(65537)):
            with pytest.raises(memfabric.Error, match="65536") as error:
                memory.set_context(bad)
            assert error.value.code == ErrorCode.INVALID_PARAM
        with pytest.raises(memfabric.Error, match="65537"):
            memory.all_gather(bytes(65537))
        with pytest.raises(TypeError, match="buffer"):
            memory.all_gather(5)
        assert len(context) == 7
    return True


def test_allgather_and_context():
    run_ranks(2, gather_and_context)


def reach(rank):
    with memory_of(rank) as memory:
        wide, narrow, pointed = ctypes.c_uint64(-1), ctypes.c_uint32(9), ctypes.c_uint32(9)
        for place in (wide, narrow, ctypes.pointer(pointed)):
            assert memory.topology_can_reach(1, place) == 0
        assert (wide.value, narrow.value, pointed.value) == (BOTH, BOTH, BOTH)
        array, data = np.zeros(2, np.int64), bytearray(8)
        assert memory.topology_can_reach(1, array) == 0 and array.tolist() == [BOTH, 0]
        assert memory.topology_can_reach(remote_rank=1, reach_info=data) == 0 and data == bytes([BOTH, 0, 0, 0]) + bytes(4)
        # Plain numbers and read-only buffers cannot take the answer.
        assert memory.topology_can_reach(1, 0) == 0 and memory.topology_can_reach(1, b"abcd") == 0
        assert memory.reach(1) == BOTH
        assert memory.topology_can_reach(2, 0) == ErrorCode.INVALID_PARAM
        with pytest.raises(memfabric.Error, match="rank 2"):
            memory.reach(2)


def test_reach():
    run_ranks(2, reach)


def threads_and_groups(rank):
    start(rank)
    half = rank.rank // 2
    memories = [shm.create(0, 4, rank.rank, SIZE), shm.create(1, 4, 3 - rank.rank, SIZE),
                shm.create(2 + half, 2, rank.rank % 2, SIZE)]

    def work(index):
        memory = memories[index]
        for round_number in range(20):
            memory.barrier()
            said = memory.all_gather(bytes([round_number, memory.local_rank]))
            assert said == b"".join(bytes([round_number, peer]) for peer in range(memory.rank_size))

    run_threads(3, work)
    assert [memory.local_rank for memory in memories] == [rank.rank, 3 - rank.rank, rank.rank % 2]
    memories[0].barrier()
    shm.uninitialize()
    with pytest.raises(memfabric.Error, match="shm.initialize"):
        memories[0].barrier()


def test_objects_and_sub_groups_from_several_threads():
    run_ranks(4, threads_and_groups)


def views_that_stay(rank):
    start(rank)
    memory = shm.create(0, rank.count, rank.rank, SIZE)
    view, part = memory.view(0), memory.buffer(rank=1, offset=16, size=4)
    memory.view()[:] = 7
    memory.barrier()
    assert view[0] == 7 and bytes(part) == b"\7" * 4
    for bad in ({"rank": 2}, {"offset": SIZE + 1}, {"size": SIZE + 1}, {"offset": SIZE}):
        with pytest.raises(ValueError):
            memory.view(**bad)
    memory.barrier()
    memory.destroy()
    memory.destroy()
    rank.meet()
    # The memory is given back, the addresses stay; a new object of the id has others.
    assert not view.any() and bytes(part) == bytes(4)
    with shm.create(0, rank.count, rank.rank, 2 * SIZE) as other:
        other.view()[:] = 1
        other.barrier()
        assert not view.any()
    shm.uninitialize()
    assert not view.any()
    with pytest.raises(memfabric.Error):
        memory.view()


def test_views_outlive_the_object():
    run_ranks(2, views_that_stay)


def disagree(rank):
    start(rank)
    with pytest.raises(memfabric.Error, match="disagree about the size.*2097152.*4194304") as error:
        shm.create(0, 2, rank.rank, SIZE * (1 + rank.rank))
    assert error.value.code == ErrorCode.INVALID_PARAM
    rank.meet()
    shm.create(0, 2, rank.rank, SIZE).barrier()
    rank.meet()
    shm.uninitialize()


def test_disagreement_raises_everywhere():
    run_ranks(2, disagree)


def exits(rank):
    start(rank)
    memory = shm.create(0, rank.count, rank.rank, SIZE)
    called, statuses = threading.Event(), []

    def note(status):
        statuses.append((status, threading.current_thread() is threading.main_thread()))
        called.set()

    if rank.rank != 2:
        assert memory.register_exit(note) == 0
        with pytest.raises(memfabric.Error, match="registered already"):
            memory.register_exit(note)
    with pytest.raises(TypeError, match="callable"):
        memory.register_exit(5)
    memory.barrier()
    if rank.rank == 1:
        memory.global_exit(5)
    if rank.rank == 2:
        memory.register_exit(note)
    assert called.wait(30)
    memory.barrier()
    memory.destroy()
    shm.uninitialize()
    return statuses


def test_exit_functions():
    assert run_ranks(3, exits) == [[(5, False)]] * 3


EXITING = """
import sys, threading
from memfabric import shm
shm.initialize(sys.argv[1], 1, 0)
memory = shm.create(0, 1, 0, 2 << 20)
def leave(status):
    print("leaving with", status)
    {end}
memory.register_exit(leave)
memory.global_exit(23)
threading.Event().wait()
"""


@pytest.mark.parametrize("end", ["sys.exit(status)", "raise SystemExit(status)", "import os; sys.stdout.flush(); os._exit(status)"])
def test_exit_function_may_end_the_process(end):
    result = subprocess.run([sys.executable, "-c", EXITING.replace("{end}", end), free_url()], capture_output=True, text=True,
                            timeout=60)
    assert (result.returncode, result.stdout) == (23, "leaving with 23\n"), result.stderr


def test_exit_function_that_ends_the_process_leaves_counters_and_no_sockets(tmp_path):
    sockets, dump = tmp_path / "sockets", tmp_path / "dump"
    sockets.mkdir(mode=0o700)
    environment = {**os.environ, "MF_RUNTIME_DIR": str(sockets), "MF_COUNTERS_DUMP": str(dump)}
    result = subprocess.run([sys.executable, "-c", EXITING.replace("{end}", "sys.exit(status)"), free_url()], env=environment,
                            capture_output=True, text=True, timeout=60)
    assert result.returncode == 23, result.stderr
    assert json.loads(dump.read_text())["counters"]
    left = [path for path in sockets.rglob("*") if not path.is_dir()]
    assert not left, left


def test_exit_function_that_raises_is_reported():
    program = EXITING.replace("{end}", "threading.Timer(0.2, lambda: __import__('os')._exit(0)).start(); raise ValueError('odd')")
    result = subprocess.run([sys.executable, "-c", program, free_url()], capture_output=True, text=True, timeout=60)
    assert result.returncode == 0 and "ValueError: odd" in result.stderr


def test_arguments_are_checked():
    for arguments, error in (((free_url(), -1, 0), ValueError), ((free_url(), "2", 0), TypeError), ((5, 2, 0), TypeError)):
        with pytest.raises(error):
            shm.initialize(*arguments)
    assert shm.initialize("nonsense", 2, 0) == ErrorCode.INVALID_PARAM
    assert "nonsense" in memfabric.get_last_err_msg()
    with pytest.raises(memfabric.Error, match="shm.initialize") as error:
        shm.create(0, 1, 0, SIZE)
    assert error.value.code == ErrorCode.NOT_INITIALIZED
