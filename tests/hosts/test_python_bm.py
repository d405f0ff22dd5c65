# SPDX-License-Identifier: Apache-2.0
"""Python's big memory between hosts: copies of every kind, and views, which are refused."""
import pathlib

import pytest

from actors import Failed
from pool import MIB, NOT_SUPPORTED, PEER_LOST

ACTOR = pathlib.Path(__file__).with_name("python_actor.py")
SIZE = 4 * MIB


class Rank:
    """One Python process on a host."""

    def __init__(self, cluster, packages, number, rank, count):
        environment = {"PYTHONPATH": str(packages), "PYTHONDONTWRITEBYTECODE": "1"}
        self.process = cluster.hosts[number].start(["/usr/bin/python3", "-u", ACTOR], f"rank{rank}", environment)
        self.process.wait_for("started", 60)
        self.rank = rank
        self.send(f"config = bm.BmConfig(); config.rank_id = {rank}; bm.initialize({cluster.url!r}, {count}, 0, config)")

    def send(self, text):
        self.process.write_line(text)

    def answer(self):
        verdict, _, rest = self.process.read_line(60).partition(" ")
        if verdict != "ok":
            raise Failed(rest)
        return rest

    def run(self, text):
        self.send(text)
        return self.answer()

    def fails(self, code, text, *naming):
        self.send(text)
        answer = self.process.read_line(60)
        assert answer.startswith(f"err {code} Error: "), answer
        for word in naming:
            assert word in answer, answer


@pytest.fixture
def ranks(make_cluster, python_packages):
    """Four, two on a host, with a pool that all have joined but rank 3."""
    cluster = make_cluster(2)
    made = [Rank(cluster, python_packages, number, rank, 4) for rank, number in enumerate((0, 0, 1, 1))]
    for rank in made:
        assert rank.answer() == "0"
    for rank in made:
        rank.send(f"pool = bm.create(0, {SIZE}); size = {SIZE}")
    for rank in made:
        rank.answer()
    for rank in made[:3]:
        rank.run("base = pool.join()")
    yield made
    for rank in made:
        rank.run("pool.destroy(); bm.uninitialize()")


def test_copies_of_every_kind(ranks):
    near, _, far, _ = ranks
    near.run("there = pool.peer_rank_ptr(2); data = np.random.default_rng(1).integers(0, 256, size, np.uint8)")
    near.run("pool.copy_data(data, there, size, bm.BmCopyType.H2G)")
    assert far.run("bool((pool.view() == np.random.default_rng(1).integers(0, 256, size, np.uint8)).all())") == "True"
    near.run("back = bytearray(size); pool.copy_data(there, back, size, bm.BmCopyType.G2H)")
    assert near.run("back == data.tobytes()") == "True"
    near.run("pool.copy_data(b'news', there, 4, bm.BmCopyType.H2G)")
    assert far.run("bytes(pool.buffer(size=4))") == "b'news'"
    near.run("table = np.arange(6400, dtype=np.uint8).reshape(100, 64)")
    near.run("pool.copy_data_2d(bm.CopyData2DParams(src=table, spitch=64, dest=there, dpitch=8, width=8, height=100), bm.BmCopyType.H2G)")
    assert far.run("(pool.view(size=800).reshape(100, 8) == np.arange(6400, dtype=np.uint8).reshape(100, 64)[:, :8]).all().item()") == "True"
    near.run("pool.copy_data_batch([b'one', b'three'], [there + 9000, there + 5], type=bm.BmCopyType.H2G)")
    assert far.run("bytes(pool.buffer(offset=9000, size=3) ), bytes(pool.buffer(offset=5, size=5))") == "(b'one', b'three')"
    near.run("pool.copy_data(data, there, size, bm.BmCopyType.H2G, bm.ASYNC_COPY_FLAG); pool.wait()")
    assert far.run("int(pool.view().sum()) == int(np.random.default_rng(1).integers(0, 256, size, np.uint8).sum())") == "True"
    near.run("pool.copy_data(there, pool.peer_rank_ptr(1), size, bm.BmCopyType.G2G)")
    assert ranks[1].run("bool((pool.view() == np.random.default_rng(1).integers(0, 256, size, np.uint8)).all())") == "True"


@pytest.mark.parametrize("how", ["view(rank=2)", "buffer(2)", "view(2, offset=4096, size=8, dtype=np.float64)"])
def test_views_of_other_hosts_are_refused_with_what_to_do(ranks, how):
    near = ranks[0]
    near.fails(NOT_SUPPORTED, f"pool.{how}", "rank 2", "another host", "host0", "copy")
    near.run("pool.view(); pool.view(rank=1)[:4] = 7")  # on the same host
    assert ranks[1].run("pool.view()[:5].tolist()") == "[7, 7, 7, 7, 0]"


def test_views_of_ranks_that_may_come_from_another_host_are_refused(ranks):
    near, late = ranks[0], ranks[3]
    near.fails(PEER_LOST, "pool.view(rank=3)", "rank 3", "has not joined", "copy")
    late.run("pool.join()")
    near.fails(NOT_SUPPORTED, "pool.view(rank=3)", "rank 3", "another host", "copy")
    ranks[2].run("pool.view(rank=3)[0] = 9")
    assert late.run("pool.view()[0].item()") == "9"


def test_plain_addresses_reach_nobody(ranks):
    near, far = ranks[0], ranks[2]
    far.run("pool.view()[:] = 5")
    near.run("import ctypes; words = (ctypes.c_uint8 * 64).from_address(pool.peer_rank_ptr(2))")
    assert near.run("bytes(words) == bytes(64)") == "True"
    near.run("ctypes.memset(words, 1, 64)")
    assert far.run("pool.view()[:64].tolist() == [5] * 64") == "True"
