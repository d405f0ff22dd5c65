# SPDX-License-Identifier: Apache-2.0
"""Two and four real processes."""
import importlib

import memfabric
import numpy as np
import pytest
from memfabric import ErrorCode, bm
from ranks import MIB, REGION, run_ranks

KIND = bm.BmCopyType


def pattern(rank, size=REGION):
    return (np.arange(size, dtype=np.uint32) * 2654435761 + rank).astype(np.uint8)


def ring(rank):
    with rank.pool() as pool:
        right = (rank.rank + 1) % rank.count
        left = (rank.rank - 1) % rank.count
        assert pool.copy_data(pattern(rank.rank), pool.peer_rank_ptr(right), REGION, KIND.H2G, 0) == 0
        rank.meet()
        back = np.zeros(REGION, np.uint8)
        assert pool.copy_data(pool.peer_rank_ptr(rank.rank), back, type=KIND.G2H) == 0
        assert (back == pattern(left)).all()
        return bm.bm_rank_id(), pool.peer_rank_ptr(0)


@pytest.mark.parametrize("count", [2, 4])
def test_every_rank_writes_to_its_neighbour(count):
    results = run_ranks(count, ring)
    assert [rank for rank, _ in results] == list(range(count))
    assert len({base for _, base in results}) == 1


def every_direction(rank):
    with rank.pool(dram=REGION, hbm=2 * MIB) as pool:
        if rank.rank == 0:
            data = pattern(7, MIB)
            other = pool.peer_rank_ptr(1, bm.BmMemType.DEVICE)
            dram = pool.peer_rank_ptr(1, bm.BmMemType.HOST)
            for put, get, place in ((KIND.L2G, KIND.G2L, other), (KIND.H2G, KIND.G2H, other), (KIND.L2GH, KIND.GH2L, dram),
                                    (KIND.H2GH, KIND.GH2H, dram), (KIND.AUTO, KIND.AUTO, dram)):
                data += 1
                back = np.zeros_like(data)
                pool.copy_data(data, place, MIB, put)
                pool.copy_data(place, back, MIB, get)
                assert (back == data).all(), put
            pool.copy_data(dram, pool.peer_rank_ptr(0), MIB, KIND.G2G)
            assert (pool.view(size=MIB) == data).all()
            pool.copy_data(pool.peer_rank_ptr(0), dram + MIB, MIB, KIND.G2G)
        rank.meet()
        return int(pool.view(1, MIB, MIB, mem_type=bm.BmMemType.HOST).sum())


def test_every_direction():
    sums = run_ranks(2, every_direction)
    assert sums[0] == sums[1] == int((pattern(7, MIB) + np.uint8(5)).sum())


def straddle(rank):
    with rank.pool() as pool:
        border = pool.peer_rank_ptr(1)
        if rank.rank == 0:
            pool.copy_data(b"x" * 64, border - 32)
        rank.meet()
        return bytes(pool.buffer(0, REGION - 32)) + bytes(pool.buffer(1, 0, 32))


def test_copy_may_straddle_two_ranks():
    assert run_ranks(2, straddle) == [b"x" * 64] * 2


def forms(rank, form):
    config = rank.config(rank_id=-1 if form < 5 else 65535)
    calls = [
        lambda: bm.initialize(rank.url, rank.count, rank.rank, 0, config),
        lambda: bm.initialize(rank.url, rank.count, rank.rank, device_id=0, config=config),
        lambda: bm.initialize(rank.url, rank.count, rank_id=rank.rank, device_id=0, config=config),
        lambda: bm.initialize(store_url=rank.url, world_size=rank.count, rank_id=rank.rank, device_id=0, config=config),
        lambda: bm.initialize(rank.url, rank.count, rank.rank, 0, config=config),
        lambda: bm.initialize(rank.url, rank.count, 0, rank.config()),
        lambda: bm.initialize(rank.url, rank.count, 0, config=rank.config()),
        lambda: bm.initialize(rank.url, rank.count, device_id=0, config=rank.config()),
        lambda: bm.initialize(rank.url, rank.count, config=rank.config()),
        lambda: bm.initialize(store_url=rank.url, world_size=rank.count, device_id=0, config=rank.config()),
        lambda: bm.initialize(rank.url, rank.count, -1, 0, rank.config()),
    ]
    assert calls[form]() == 0, memfabric.get_last_err_msg()
    assert calls[form]() == 0  # again: nothing happens
    rank.meet()
    own = bm.bm_rank_id()
    rank.meet()
    assert bm.uninitialize(flags=0) is None
    assert bm.bm_rank_id() == 2**32 - 1
    return own


@pytest.mark.parametrize("form", range(11))
def test_every_form_of_initialize(form):
    assert run_ranks(2, forms, form) == [0, 1]


@pytest.mark.parametrize("arguments, keywords", [
    ((), {}), (("tcp://127.0.0.1:9",), {}), (("tcp://127.0.0.1:9", 1, 0, 0, None, 0), {}),
    (("tcp://127.0.0.1:9", 1), {"device": 0}), (("tcp://127.0.0.1:9", 1, 0), {"world_size": 1}), ((3, 1, 0, None), {}),
    (("tcp://127.0.0.1:9", 1, 0, "config"), {}), (("tcp://127.0.0.1:9", "1", 0, 0), {}),
])
def test_initialize_checks_its_arguments(arguments, keywords):
    with pytest.raises(TypeError):
        bm.initialize(*arguments, **keywords)


@pytest.mark.parametrize("url, world, rank", [
    ("127.0.0.1:80", 1, 0), ("", 1, 0), ("tcp://127.0.0.1:1", 0, 0), ("tcp://127.0.0.1:1", 1025, 0), ("tcp://127.0.0.1:1", 2, 2),
    ("tcp://127.0.0.1:1", 2, 65535),
])
def test_initialize_returns_codes(url, world, rank):
    assert bm.initialize(url, world, rank, 0, bm.BmConfig()) == ErrorCode.INVALID_PARAM
    assert memfabric.get_last_err_msg() != ""
    assert bm.bm_rank_id() == 2**32 - 1


def test_create_before_initialize():
    with pytest.raises(memfabric.Error) as caught:
        bm.create(0, REGION)
    assert caught.value.code is ErrorCode.NOT_INITIALIZED and "nitiali" in str(caught.value)


def auto_rank(rank):
    rank.initialize(auto_ranking=True, rank_id=-1)
    own = bm.bm_rank_id()
    with bm.create(0, REGION) as pool:
        pool.join()
        pool.view()[0] = own + 1
        rank.meet()
        seen = [int(pool.view(i)[0]) for i in range(rank.count)]
        rank.meet()
    bm.uninitialize()
    return own, seen


def test_auto_ranking_gives_each_its_own_rank():
    results = run_ranks(4, auto_rank)
    assert sorted(own for own, _ in results) == [0, 1, 2, 3]
    assert all(seen == [1, 2, 3, 4] for _, seen in results)


def come_and_go(rank):
    with rank.pool() as pool:
        peer = 1 - rank.rank
        address = pool.peer_rank_ptr(peer)
        pool.copy_data(b"here", address)
        rank.meet()
        if rank.rank == 1:
            pool.leave()
        rank.meet()
        codes = []
        if rank.rank == 0:
            with pytest.raises(memfabric.Error) as caught:
                pool.copy_data(b"gone", address)
            codes.append(int(caught.value.code))
            codes.append(bytes(pool.buffer(1, size=4)))
        rank.meet()
        if rank.rank == 1:
            pool.join()
        rank.meet()
        if rank.rank == 0:
            pool.copy_data(b"back", address)
        rank.meet()
        return codes, bytes(pool.buffer(1, size=4))


def test_leave_and_join_again():
    first, second = run_ranks(2, come_and_go)
    assert first == ([int(ErrorCode.PEER_LOST), b"\0\0\0\0"], b"back")
    assert second == ([], b"back")


def dynamic(rank):
    config = rank.config(dynamic_world_size=True, auto_ranking=True, rank_id=-1)
    assert bm.initialize(rank.url, 1, 0, config) == 0, memfabric.get_last_err_msg()
    with bm.create(0, 2 * MIB) as pool:
        pool.join()
        rank.meet()
        pool.copy_data(bytes([bm.bm_rank_id() + 1]), pool.peer_rank_ptr(0) + bm.bm_rank_id())
        rank.meet()
        result = sorted(pool.buffer(0, size=rank.count))
        rank.meet()
    bm.uninitialize()
    return result


def test_dynamic_world_outgrows_its_size():
    assert run_ranks(4, dynamic) == [[1, 2, 3, 4]] * 4


def under_another_name(rank, package):
    module = importlib.import_module(package)
    other = importlib.import_module(f"{package}.bm")
    assert module.initialize() == 0
    config = other.BmConfig()
    config.rank_id = rank.rank
    assert other.initialize(rank.url, rank.count, 0, config) == 0
    pool = other.create(0, REGION, 0, other.BmDataOpType.SDMA, 0)
    pool.join()
    rank.meet()
    pool.copy_data(bytes([65 + rank.rank]), pool.peer_rank_ptr(1 - rank.rank), 1, other.BmCopyType.H2G, 0)
    rank.meet()
    letter = bytes(pool.buffer(size=1))
    pool.destroy()
    rank.meet()
    other.uninitialize()
    module.uninitialize()
    return letter


@pytest.mark.parametrize("package", ["mf_smem", "mf_adapter", "memfabric_hybrid"])
def test_program_that_imports_another_name(package):
    assert run_ranks(2, under_another_name, package) == [b"B", b"A"]


def disagree(rank):
    rank.initialize()
    failures = 0
    try:
        with bm.create(0, REGION * (1 + rank.rank)) as pool:
            pool.join()
            rank.meet()
    except memfabric.Error as error:
        failures = 1
        assert str(REGION) in str(error) and str(2 * REGION) in str(error)
        rank.meet()
    bm.uninitialize()
    return failures


def test_ranks_that_disagree_about_sizes():
    assert sum(run_ranks(2, disagree)) == 1


def only_one_may_join(rank):
    rank.initialize()
    with bm.create(0, REGION, member_size=1) as pool:
        code = 0
        try:
            pool.join()
        except memfabric.Error as error:
            code = int(error.code)
        rank.meet()
    bm.uninitialize()
    return code


def test_no_more_than_member_size_ranks_join():
    assert sorted(run_ranks(2, only_one_may_join)) == [int(ErrorCode.REFUSED), 0]
