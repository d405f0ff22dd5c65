# SPDX-License-Identifier: Apache-2.0
"""numpy arrays on the pool."""
import gc
import threading

import memfabric
import numpy as np
import pytest
from memfabric import bm
from ranks import MIB, REGION, SPAWN, Rank, free_url, run_ranks, wait_until


def write_and_read(rank):
    with rank.pool(dram=REGION, hbm=2 * MIB) as pool:
        own = pool.view(dtype=np.uint64, shape=(64, 32))
        own[:] = rank.rank * 10000 + np.arange(2048).reshape(64, 32)
        rank.meet()
        peer = 1 - rank.rank
        other = pool.view(rank=peer, dtype="u8", shape=2048)
        assert (other == peer * 10000 + np.arange(2048)).all()
        assert other.ctypes.data == pool.peer_rank_ptr(peer)
        dram = pool.view(peer, offset=4096, size=16, dtype=np.float32, mem_type=bm.BmMemType.HOST)
        assert dram.shape == (4,) and dram.ctypes.data == pool.peer_rank_ptr(peer) + 2 * MIB + 4096
        dram[rank.rank] = 1.5
        rank.meet()
        mine = pool.view(mem_type=bm.BmMemType.LOCAL_HOST, offset=4096, dtype=np.float32)
        assert mine[peer] == 1.5 and mine[2] == 0
        assert mine.nbytes == REGION - 4096
        with pytest.raises(memfabric.Error):
            pool.view(2)
    return int(other.size)


def test_views_are_the_memory_of_both_ranks():
    assert run_ranks(2, write_and_read) == [2048, 2048]


def outlive(rank):
    rank.initialize()
    pool = bm.create(0, REGION)
    pool.join()
    pool.view()[:] = rank.rank + 1
    rank.meet()
    views = [pool.view(0), pool.view(1)]
    parts = [view[1000:2000:7] for view in views]
    pools_own = pool.buffer(size=100)
    assert [int(view.sum()) for view in views] == [REGION, 2 * REGION]
    rank.meet()
    pool.destroy()
    rank.meet()
    bm.uninitialize()
    rank.meet()
    # All have left: the memory is given back, the addresses are not.
    sums = [int(view.sum()) for view in views] + [int(part.sum()) for part in parts] + [sum(pools_own)]
    del views
    gc.collect()
    return sums + [int(part.sum()) for part in parts]


def test_views_outlive_handle_and_world():
    assert run_ranks(2, outlive) == [[0] * 7, [0] * 7]


@pytest.fixture(scope="module")
def pool():
    config = bm.BmConfig()
    config.rank_id = 0
    assert bm.initialize(free_url(), 1, 0, config) == 0, memfabric.get_last_err_msg()
    with bm.create(0, REGION) as made:
        made.join()
        yield made
    bm.uninitialize()


def test_view_and_buffer_are_writable_and_the_same_memory(pool):
    view = pool.view(offset=100, size=50)
    assert view.flags.writeable and view.flags.c_contiguous and view.dtype == np.uint8
    view[:] = range(50)
    assert bytes(pool.buffer(offset=100, size=50)) == bytes(range(50))
    pool.buffer(0, 100, 1)[0] = 77
    assert view[0] == 77


def test_view_takes_shapes_and_types(pool):
    assert pool.view(dtype=np.dtype("<i4"), shape=(2, 3, 4)).shape == (2, 3, 4)
    assert pool.view(shape=10).shape == (10,)
    assert pool.view(dtype=[("a", "u1"), ("b", "f8")], size=90).shape == (10,)
    assert pool.view(offset=3, dtype=np.uint64).size == (REGION - 3) // 8
    assert pool.view().size == REGION


@pytest.mark.parametrize("arguments, error, text", [
    ({"offset": REGION + 1}, ValueError, "past the end"), ({"offset": REGION}, ValueError, "view of 0 bytes"),
    ({"offset": 1, "size": REGION}, ValueError, "has 4194303 there"), ({"size": 0}, ValueError, "0 bytes"),
    ({"size": 7, "dtype": np.uint64}, ValueError, "no multiple"), ({"size": 8, "shape": (3,)}, ValueError, "shape has 3"),
    ({"shape": (1 << 40, 1 << 40)}, ValueError, "64 bits"), ({"shape": (-1,)}, ValueError, "shape must be 0 to"),
    ({"dtype": object}, TypeError, "Python objects"), ({"dtype": "nonsense"}, TypeError, "nonsense"),
    ({"offset": -1}, ValueError, "offset"), ({"rank": 1}, memfabric.Error, ""),
    ({"mem_type": bm.BmMemType.DEVICE}, memfabric.Error, ""),
])
def test_view_refuses(pool, arguments, error, text):
    with pytest.raises(error, match=text):
        pool.view(**arguments)


def create_again(rank):
    """A view holds the addresses of an object that was destroyed."""
    rank.initialize()
    pool = bm.create(0, REGION)
    pool.join()
    view = pool.view()
    view[:] = 7
    pool.destroy()
    with pytest.raises(memfabric.Error, match="view") as refused:
        bm.create(0, 2 * REGION)
    with bm.create(0, REGION) as again:
        again.join()
        assert view.max() == 0, "joined memory is zeroed"
        again.view()[:] = 5
        assert view.min() == 5, "the same addresses, so the same memory"
    del view
    gc.collect()
    with bm.create(0, 2 * REGION) as other:
        other.join()
        assert other.view().nbytes == 2 * REGION
    bm.uninitialize()
    return int(refused.value.code)


def test_an_object_can_be_created_again_while_a_view_lives():
    assert run_ranks(1, create_again) == [-2009]


def initialize_again(rank):
    """The rank serves the store, which ends with it; a view keeps the rest of the runtime."""
    for round_number in range(5):
        rank.initialize()
        with bm.create(0, REGION) as pool:
            pool.join()
            view = pool.view()
            view[:] = round_number + 1
            kept = view[:10]
        bm.uninitialize()
        assert not kept.any()
    return round_number


def test_bm_can_begin_again_while_a_view_lives():
    assert run_ranks(1, initialize_again) == [4]


def be_killed(rank, ready):
    rank.initialize(start_store=False)
    pool = bm.create(0, REGION)
    pool.join()
    pool.view()[:] = 7
    ready.set()
    threading.Event().wait()


def read_and_write_views_of_the_killed(rank, peers, busy, killed, results):
    """One thread reads a view of each peer and one writes it, all the time; none faults, and in the end the
    memory of the dead reads zeros and can still be written."""
    rank.initialize(start_store=False)
    pool = bm.create(0, REGION)
    pool.join()
    views = [pool.view(peer) for peer in peers]
    turns, stop = [0] * (2 * len(views)), threading.Event()

    def read(view, number):
        while not stop.is_set():
            assert view.max() <= 9
            turns[number] += 1

    def write(view, number):
        while not stop.is_set():
            view[: MIB] = 9
            turns[number] += 1

    threads = [threading.Thread(target=body, args=(view, 2 * i + j), daemon=True)
               for i, view in enumerate(views) for j, body in enumerate((read, write))]
    for thread in threads:
        thread.start()
    assert wait_until(lambda: min(turns) >= 2)
    busy.set()
    killed.wait()
    target = np.empty(4096, np.uint8)

    def is_lost(peer):
        try:
            pool.copy_data(pool.peer_rank_ptr(peer), target.ctypes.data, 4096, bm.BmCopyType.G2H)
        except memfabric.Error as error:
            return error.code == memfabric.ErrorCode.PEER_LOST
        return False

    lost = wait_until(lambda: all(is_lost(peer) for peer in peers))
    before = list(turns)
    alive = wait_until(lambda: all(now >= then + 2 for now, then in zip(turns, before)))
    stop.set()
    for thread in threads:
        thread.join(30)
    zeros = wait_until(lambda: not any(view[2 * MIB:].any() for view in views))
    results.put((lost, alive, zeros))
    pool.destroy()
    bm.uninitialize()


def test_threads_read_and_write_views_of_peers_while_these_are_killed(tmp_path):
    url, peers = free_url(), [1, 2]
    assert memfabric.create_config_store(url) == 0
    ready = {peer: SPAWN.Event() for peer in peers}
    busy, killed, results = SPAWN.Event(), SPAWN.Event(), SPAWN.Queue()
    victims = [SPAWN.Process(target=be_killed, args=(Rank(peer, 3, url, None, str(tmp_path)), ready[peer]))
               for peer in peers]
    survivor = SPAWN.Process(target=read_and_write_views_of_the_killed,
                             args=(Rank(0, 3, url, None, str(tmp_path)), peers, busy, killed, results))
    processes = [*victims, survivor]
    try:
        for process in victims:
            process.start()
        assert all(event.wait(60) for event in ready.values())
        survivor.start()
        assert busy.wait(60)
        for process in victims:
            process.kill()
            process.join()
        killed.set()
        lost, alive, zeros = results.get(timeout=60)
        survivor.join(30)
    finally:
        for process in processes:
            process.kill()
            process.join()
    assert lost, "the survivor was told"
    assert alive, "its threads went on"
    assert zeros, "the memory of the dead reads zeros"
    assert survivor.exitcode == 0, "no fault"
