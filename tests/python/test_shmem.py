# SPDX-License-Identifier: Apache-2.0
"""The Python package shmem in real processes."""
import contextlib
import inspect
import os
import subprocess
import sys

import numpy as np
import pytest
from ranks import free_url, run_ranks, run_threads

shmem = pytest.importorskip("shmem")

HEAP = 16 << 20


def attributes_of(rank, heap=HEAP):
    attributes = shmem.InitAttr()
    assert shmem.shmem_set_attributes(rank.rank, rank.count, heap, rank.url, attributes) == 0
    assert shmem.shmem_set_timeout(attributes, 30) == 0
    return attributes


@contextlib.contextmanager
def started(rank, heap=HEAP):
    assert shmem.shmem_init_status() is shmem.InitStatus.NOT_INITIALIZED
    assert shmem.shmem_init(attributes_of(rank, heap)) == 0, shmem.get_last_err_msg()
    assert shmem.shmem_init_status() is shmem.InitStatus.INITIALIZED
    yield (rank.rank + 1) % rank.count, (rank.rank - 1) % rank.count
    shmem.shmem_finialize()
    assert shmem.shmem_init_status() is shmem.InitStatus.NOT_INITIALIZED


def who_is_who(rank):
    with started(rank):
        assert shmem.shmem_init(attributes_of(rank)) == 0
        assert (shmem.my_pe(), shmem.pe_count()) == (rank.rank, rank.count)
        assert (shmem.team_my_pe(0), shmem.team_n_pes(0)) == (rank.rank, rank.count)
        assert shmem.shmem_info_get_version() == (1, 5) and shmem.shmem_info_get_name()
        assert (shmem.my_pe(99), shmem.pe_count(99), shmem.team_my_pe(-1), shmem.team_n_pes(-1)) == (-1, -1, -1, -1)
    shmem.shmem_finalize()
    return shmem.my_pe()


@pytest.mark.parametrize("count", [1, 2, 4])
def test_who_is_who(count):
    assert run_ranks(count, who_is_who) == [-1] * count


def start_by_environment(rank, form):
    host, port = rank.url.removeprefix("tcp://").split(":")
    if form == "shmem":
        os.environ.update(SHMEM_MASTER_ADDR=host, SHMEM_MASTER_PORT=port)
    elif form == "torch":
        os.environ.update(MASTER_ADDR=host, MASTER_PORT=str(int(port) - 11))
    else:
        os.environ["MF_STORE_URL"] = rank.url
    assert shmem.shmem_init(mype=rank.rank, npes=rank.count, mem_size=HEAP) == 0, shmem.get_last_err_msg()
    total = shmem.array(1, "int64")
    shmem.atomic_add(total, rank.rank + 1, 0)
    shmem.barrier_all()
    assert shmem.atomic_fetch(total, 0) == 3
    shmem.shmem_finalize()


@pytest.mark.parametrize("form", ["shmem", "torch", "mf run"])
def test_start_by_environment(form):
    run_ranks(2, start_by_environment, form)


def start_by_unique_id(rank):
    path = os.path.join(rank.folder, "id")
    if rank.rank == 0:
        uid = shmem.shmem_get_unique_id()
        assert len(uid) == 128
        with open(path, "wb") as file:
            file.write(uid)
    rank.meet()
    with open(path, "rb") as file:
        uid = file.read()
    assert shmem.shmem_init_using_unique_id(rank.rank, rank.count, HEAP, uid[:100]) == shmem.ErrorCode.INVALID_PARAM
    assert shmem.shmem_init_using_unique_id(rank.rank, rank.count, HEAP, uid) == 0, shmem.get_last_err_msg()
    shmem.barrier()
    shmem.shmem_finalize()


def test_start_by_unique_id():
    run_ranks(2, start_by_unique_id)


def heap(rank):
    with started(rank) as (right, _):
        first, second = shmem.shmem_malloc(100), shmem.shmem_calloc(10, 8)
        aligned = shmem.shmem_align(4096, 64)
        assert first and second and aligned % 4096 == 0
        assert shmem.shmem_ptr(first, rank.rank) == first
        there = shmem.shmem_ptr(first, right)
        assert there and (there == first) == (rank.count == 1)
        assert [shmem.shmem_ptr(first, pe) for pe in (-1, rank.count)] == [0, 0]
        assert shmem.shmem_ptr(id(rank), right) == 0
        assert shmem.shmem_malloc(0) == 0 and shmem.shmem_malloc(HEAP * 4) == 0
        shmem.shmem_free(aligned)
        shmem.shmem_free(second)
        shmem.shmem_free(first)
        with pytest.raises(MemoryError, match="shmem_init"):
            shmem.array(HEAP, "float64")


@pytest.mark.parametrize("count", [1, 2, 4])
def test_heap(count):
    run_ranks(count, heap)


def ring(rank):
    with started(rank) as (right, left):
        place = shmem.shmem_calloc(4, 8)
        word = shmem.shmem_calloc(1, 4)
        # Blocks, from every kind of local memory.
        for source in (np.arange(4) + rank.rank, bytes(np.arange(4) + rank.rank), bytearray(np.arange(4) + rank.rank)):
            shmem.shmem_putmem(place, source, 32, right)
            shmem.barrier_all()
            back = np.zeros(4, np.int64)
            shmem.shmem_getmem(back, place, 32, rank.rank)
            assert back.tolist() == [left, left + 1, left + 2, left + 3]
            shmem.barrier_all()
        shmem.shmem_putmem_nbi(dst=place, src=np.full(4, rank.rank), elem_size=32, pe=right)
        shmem.quiet()
        shmem.barrier_all()
        shmem.shmem_getmem_nbi(back, place, 32, right)
        shmem.quiet()
        assert back.tolist() == [rank.rank] * 4
        shmem.barrier_all()
        # Signals: set, then add.
        for operation, expected in ((shmem.SIGNAL_SET, 5), (shmem.SIGNAL_ADD, 10), (shmem.SIGNAL_ADD, 15)):
            shmem.shmem_putmem_signal(place, np.full(4, expected + rank.rank), 32, word, 5, operation, right)
            assert shmem.signal_wait_until(word, shmem.CMP_EQ, expected) == expected
            assert shmem.shmem_int64_g(place, rank.rank) == expected + left
            shmem.barrier_all()
        shmem.shmem_putmem_signal_nbi(place, b"12345678", 8, word, 0xFFFFFFFF, shmem.SIGNAL_SET, right)
        assert shmem.signal_wait_until(word, shmem.CMP_EQ, 0xFFFFFFFF) == 0xFFFFFFFF
        shmem.fence()
        shmem.sync()


@pytest.mark.parametrize("count", [1, 2, 4])
def test_ring_of_puts_gets_and_signals(count):
    run_ranks(count, ring)


LIMITS = {"int8": (-128, 127), "int16": (-(1 << 15), (1 << 15) - 1), "int32": (-(1 << 31), (1 << 31) - 1),
          "int64": (-(1 << 63), (1 << 63) - 1), "uint8": (0, 255), "uint16": (0, 65535), "uint32": (0, (1 << 32) - 1),
          "uint64": (0, (1 << 64) - 1)}


def single_values(rank):
    with started(rank) as (right, left):
        place = shmem.shmem_calloc(1, 8)
        for name, values in [*LIMITS.items(), ("float", (1.5, -2.0)), ("double", (1e300, -0.1)), ("char", (1, 100))]:
            put, get = getattr(shmem, f"shmem_{name}_p"), getattr(shmem, f"shmem_{name}_g")
            for value in values:
                put(place, value, right)
                shmem.barrier_all()
                assert get(place, rank.rank) == value == get(src=place, pe=right)
                shmem.barrier_all()
            if name in LIMITS:
                for value in (values[0] - 1, values[1] + 1):
                    with pytest.raises(OverflowError):
                        put(place, value, right)
        shmem.shmem_int64_p(dst=place, pe=right, value=7)
        assert shmem.shmem_int64_g(place, right) == 7


@pytest.mark.parametrize("count", [2, 4])
def test_single_values_of_every_type(count):
    run_ranks(count, single_values)


def atomics(rank):
    with started(rank):
        counters = shmem.array(4, "int64")
        for _ in range(1000):
            shmem.atomic_add(counters, 2, 0)
            shmem.atomic_inc(counters[1:], 0)
        tickets = [shmem.atomic_fetch_inc(counters[2:], 0) for _ in range(100)]
        shmem.barrier_all()
        assert counters.get(0)[:3].tolist() == [2000 * rank.count, 1000 * rank.count, 100 * rank.count]
        # Who swaps 0 for its own number first, wins; all see the same winner.
        before = shmem.atomic_compare_swap(counters[3:], 0, rank.rank + 1, 0)
        shmem.barrier_all()
        winner = shmem.atomic_fetch(counters[3:], 0)
        assert (before == 0) == (winner == rank.rank + 1)
        shmem.barrier_all()
        bits = shmem.array(1, "uint32")
        shmem.atomic_or(bits, 1 << rank.rank, 0)
        shmem.barrier_all()
        assert shmem.atomic_fetch_xor(bits, 0, 0) == (1 << rank.count) - 1
        shmem.barrier_all()
        if rank.rank == 0:
            assert shmem.atomic_fetch_and(bits, 1, 0) == (1 << rank.count) - 1
            assert shmem.atomic_swap(bits, 9, 0) == 1
            shmem.atomic_set(bits, 4, 0)
            shmem.atomic_xor(bits, 6, 0)
            shmem.atomic_and(bits, 3, 0)
            assert shmem.atomic_fetch_or(bits, 8, 0) == 2 and shmem.atomic_fetch_add(bits, 1, 0) == 10
            assert bits[0] == 11
        number = shmem.array(1, "float64")
        shmem.atomic_set(number, 2.5, rank.rank)
        assert shmem.atomic_swap(number, 3.5, rank.rank) == 2.5 and shmem.atomic_fetch(number, rank.rank) == 3.5
        with pytest.raises(TypeError, match="no atomic add"):
            shmem.atomic_add(number, 1, 0)
        return tickets


@pytest.mark.parametrize("count", [2, 4])
def test_atomics_of_many_pes(count):
    tickets = run_ranks(count, atomics)
    assert sorted(sum(tickets, [])) == list(range(100 * count))


def collectives(rank):
    count = rank.count
    with started(rank):
        source, one = shmem.array(3, "int32", fill=rank.rank + 1), shmem.array(3, "int32")
        every = shmem.array(3 * count, "int32")
        for root in range(count):
            shmem.broadcast(one, source, root)
            assert one.tolist() == [root + 1] * 3
        shmem.fcollect(every, source)
        assert every.tolist() == [pe + 1 for pe in range(count) for _ in range(3)]
        parts, turned = shmem.array(2 * count, "int16"), shmem.array(2 * count, "int16")
        parts[:] = [100 * rank.rank + i // 2 for i in range(2 * count)]
        shmem.alltoall(turned, parts)
        assert turned.tolist() == [100 * pe + rank.rank for pe in range(count) for _ in range(2)]
        # PE r gives r + 1 elements.
        uneven, joined = shmem.array(count, "int64", fill=rank.rank), shmem.array(count * (count + 1) // 2, "int64")
        shmem.collect(joined, uneven, nbytes=8 * (rank.rank + 1))
        assert joined.tolist() == [pe for pe in range(count) for _ in range(pe + 1)]
        values = np.arange(1, count + 1)
        for dtype in ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float32", "float64"):
            mine, result = shmem.array(5, dtype, fill=rank.rank + 1), shmem.array(5, dtype)
            expected = {"sum": values.sum(), "prod": values.prod(), "min": 1, "max": count}
            if dtype[0] != "f":
                expected |= {"and": np.bitwise_and.reduce(values), "or": np.bitwise_or.reduce(values),
                             "xor": np.bitwise_xor.reduce(values)}
            for operation, value in expected.items():
                shmem.reduce(result, mine, operation)
                assert result.tolist() == [value] * 5, (dtype, operation)
        with pytest.raises(ValueError, match="no reduction 'and'"):
            shmem.reduce(result, mine, "and")
        complex_numbers, sums = shmem.array(2, "complex128", fill=rank.rank + 1j), shmem.array(2, "complex128")
        shmem.reduce(sums, complex_numbers)
        assert sums.tolist() == [sum(range(count)) + count * 1j] * 2
        with pytest.raises(ValueError, match="root"):
            shmem.broadcast(one, source, count)


@pytest.mark.parametrize("count", [1, 2, 4])
def test_collectives(count):
    run_ranks(count, collectives)


def teams(rank):
    with started(rank):
        even = shmem.team_split_strided(shmem.TEAM_WORLD, 0, 2, 2)
        assert (even > 0) == (rank.rank % 2 == 0)
        if even > 0:
            assert (shmem.my_pe(even), shmem.pe_count(even)) == (rank.rank // 2, 2)
            assert [shmem.team_translate_pe(even, pe, 0) for pe in range(3)] == [0, 2, -1]
            assert shmem.shmem_team_get_config(even) == shmem.TeamConfig(0)
            shmem.sync(even)
            shmem.barrier(even)
        row, column = shmem.team_split_2d(0, 2)
        assert (shmem.my_pe(row), shmem.my_pe(column)) == (rank.rank % 2, rank.rank // 2)
        source, total = shmem.array(1, "int64", fill=rank.rank), shmem.array(1, "int64")
        shmem.reduce(total, source, team=row)
        assert total[0] == (1 if rank.rank < 2 else 5)
        shmem.barrier_all()
        shmem.reduce(total, source, team=column)
        assert total[0] == 2 + 2 * (rank.rank % 2)
        shmem.barrier_all()
        assert shmem.team_destroy(row) == 0 and shmem.team_destroy(row) == -1 and shmem.team_destroy(0) == -1
        with pytest.raises(ValueError, match=f"team {row}"):
            shmem.sync(row)
        assert shmem.team_split_strided(0, 0, 1, 99) == -1 and shmem.team_split_strided(77, 0, 1, 1) == -1
        assert shmem.team_split_2d(77, 1) == (-1, -1) and shmem.team_translate_pe(0, 0, 77) == -1
        return row, column


def test_teams():
    assert len(run_ranks(4, teams)) == 4


def arrays(rank):
    with started(rank) as (right, left):
        grid = shmem.array((4, 8), "float32", fill=rank.rank)
        assert isinstance(grid, shmem.SymmetricArray) and grid.shape == (4, 8) and (grid == rank.rank).all()
        shmem.barrier_all()
        assert (grid.on(right) == right).all() and (grid.get(left) == left).all()
        shmem.barrier_all()
        grid[3].put(right, 7)
        grid[0, 2:4].put(right, [rank.rank + 0.5, 1])
        shmem.barrier_all()
        assert (grid[3] == 7).all() and grid[0, 2:4].tolist() == [left + 0.5, 1]
        grid.on(right)[1, 1] = 50 + rank.rank
        shmem.barrier_all()
        assert grid[1, 1] == 50 + left
        with pytest.raises(ValueError, match="contiguous"):
            grid[:, 1].put(right, 0)
        with pytest.raises(ValueError, match=f"PE {rank.count}"):
            grid.on(rank.count)
        with pytest.raises(ValueError, match="not symmetric"):
            (grid + 1).put(right, 0)
        for shape, dtype, error in (((0,), "int8", ValueError), ((2,), object, TypeError)):
            with pytest.raises(error):
                shmem.array(shape, dtype)
        shmem.barrier_all()
        grid.free()


@pytest.mark.parametrize("count", [2, 4])
def test_arrays_know_their_peers(count):
    run_ranks(count, arrays)


def refused(rank):
    place = 0x1000
    for call in (lambda: shmem.shmem_malloc(8), lambda: shmem.shmem_int64_p(place, 1, 0), lambda: shmem.barrier_all(),
                 lambda: shmem.shmem_putmem(place, b"12345678", 8, 0), lambda: shmem.atomic_inc(place, 0), lambda: shmem.quiet(),
                 lambda: shmem.wait_until(place, 0, 1), lambda: shmem.sync(), lambda: shmem.reduce(place, place, count=1, dtype="int32")):
        with pytest.raises(RuntimeError, match="not initialized"):
            call()
    with started(rank) as (right, _):
        place = shmem.shmem_malloc(64)
        here = np.zeros(8, np.int64)
        for pe in (-1, rank.count, 1 << 20):
            with pytest.raises(ValueError, match=f"PE {pe} is outside 0 to {rank.count - 1}"):
                shmem.shmem_int64_p(place, 1, pe)
            with pytest.raises(ValueError, match=f"PE {pe}"):
                shmem.shmem_getmem(here, place, 8, pe)
        for bad in (0, 8, here, here.ctypes.data, place + HEAP * 2):
            with pytest.raises(ValueError, match="not symmetric"):
                shmem.shmem_int64_p(bad, 1, right)
            with pytest.raises(ValueError, match="not symmetric"):
                shmem.shmem_putmem(bad, b"12345678", 8, right)
            with pytest.raises(ValueError, match="not symmetric"):
                shmem.atomic_inc(bad, right)
        with pytest.raises(ValueError, match="not symmetric"):
            shmem.shmem_getmem(bytearray(HEAP * 2), place, HEAP * 2, right)
        with pytest.raises(ValueError, match="sig_op"):
            shmem.shmem_putmem_signal(place, b"12345678", 8, place, 1, 2, right)
        with pytest.raises(ValueError, match="32 bits"):
            shmem.shmem_putmem_signal(place, b"12345678", 8, place, 1 << 32, 0, right)
        with pytest.raises(ValueError, match="cmp"):
            shmem.wait_until(place, 6, 0)
        with pytest.raises(TypeError, match="float64|f8"):
            shmem.wait_until(place, 0, 0, "float64")
        for arguments, keywords in (((place, 1), {}), ((place, 1, 0, 0), {}), ((place, 1, 0), {"pe": 0}), ((place, 1), {"rank": 0})):
            with pytest.raises(TypeError):
                shmem.shmem_int64_p(*arguments, **keywords)
        with pytest.raises(TypeError):
            shmem.shmem_int64_p(place, "1", right)
        shmem.barrier_all()


def test_what_is_refused():
    run_ranks(2, refused)


def test_start_refuses(monkeypatch):
    for name in ("SHMEM_MASTER_ADDR", "MASTER_ADDR", "MF_STORE_URL"):
        monkeypatch.delenv(name, raising=False)
    assert shmem.shmem_init(0, 1, HEAP) == -1
    for arguments in ((), (1, 2), (1, 2, 3, 4)):
        with pytest.raises(TypeError):
            shmem.shmem_init(*arguments)
    attributes = shmem.InitAttr()
    assert shmem.shmem_init(attributes) == -1
    for values in ((2, 2, HEAP, "tcp://a:1"), (0, 0, HEAP, "tcp://a:1"), (0, 1, 0, "tcp://a:1"), (0, 1, HEAP, ""),
                   (0, 1, HEAP, "tcp://" + "a" * 60)):
        with pytest.raises(RuntimeError, match="shmem_set_attributes"):
            shmem.shmem_set_attributes(*values, attributes)
    assert attributes == shmem.InitAttr()
    assert shmem.shmem_set_timeout(attributes, 0) == shmem.ErrorCode.INVALID_VALUE
    assert shmem.shmem_set_timeout(attributes, value=5) == 0 == shmem.shmem_set_timeout(attributes, vaue=5)
    assert attributes.option_attr.shm_init_timeout == attributes.option_attr.control_operation_timeout == 5
    assert shmem.shmem_set_data_op_engine_type(attributes, vaue=shmem.OpEngineType.SDMA) == 0
    assert attributes.option_attr.data_op_engine_type is shmem.OpEngineType.SDMA
    for bad in (3, 8):
        with pytest.raises(ValueError):
            shmem.shmem_set_data_op_engine_type(attributes, bad)


def test_knobs_and_names():
    assert shmem.mte_set_ub_params(1, 2, 3) == 0 and shmem.get_ub_params() == (1, 2, 3) and shmem.get_ffts_config() == 0
    assert shmem.OpEngineType.ROCE == 4 and shmem.InitStatus.INVALID == 0x7FFFFFFF
    assert (shmem.TEAM_INVALID, shmem.TEAM_WORLD, shmem.SIGNAL_SET, shmem.SIGNAL_ADD) == (-1, 0, 0, 1)
    assert shmem.TeamConfig(3).num_contexts == 3 and repr(shmem.TeamConfig(3)) == "TeamConfig(num_contexts=3)"
    for name in shmem.__all__:
        thing = getattr(shmem, name)
        assert not callable(thing) or inspect.getdoc(thing), name
    assert list(inspect.signature(shmem.shmem_putmem_signal).parameters) == ["dst", "src", "elem_size", "sig", "signal", "sig_op", "pe"]
    assert list(inspect.signature(shmem.shmem_int64_p).parameters) == ["dst", "value", "pe"]


def threads(rank):
    with started(rank):
        counters = shmem.array(4, "int64")

        def add(index):
            for _ in range(500):
                shmem.atomic_add(counters[index:], 1, 0)

        run_threads(4, add)
        shmem.barrier_all()
        assert counters.get(0).tolist() == [500 * rank.count] * 4
        shmem.barrier_all()


def test_threads():
    run_ranks(2, threads)


LEAVING = """
import sys
import shmem
attributes = shmem.InitAttr()
shmem.shmem_set_attributes(int(sys.argv[2]), 2, 4 << 20, sys.argv[1], attributes)
assert shmem.shmem_init(attributes) == 0
if sys.argv[2] == sys.argv[3]:
    shmem.shmem_global_exit(9)
shmem.wait_until(shmem.array(1, "int64"), shmem.CMP_NE, 0)
"""


@pytest.mark.parametrize("caller", [0, 1])
def test_global_exit_ends_all(caller):
    url = free_url()
    processes = [subprocess.Popen([sys.executable, "-c", LEAVING, url, str(pe), str(caller)]) for pe in range(2)]
    try:
        assert [process.wait(timeout=60) for process in processes] == [9, 9]
    finally:
        for process in processes:
            process.kill()
            process.wait()
