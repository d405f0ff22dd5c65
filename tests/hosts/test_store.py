# SPDX-License-Identifier: Apache-2.0
"""One config store for several hosts: who gets in, and what a cut link does."""
import pytest

from actors import together, wait_for
from certificates import Authority
from launcher import Launcher
from pool import G2H, H2G, KIB, PEER_LOST, create, make_pool
from sessions import start_store
from suites import moved
from test_shmem_conformance import PROGRAMS, build

EVICTED = -2013


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    made = Authority(tmp_path_factory.mktemp("tls") / "own", [f"10.77.0.{host + 1}" for host in range(4)])
    return made.issue("rank")


def check_pool(cluster, ranks):
    """Every rank reads and writes every other one, wherever that lives."""
    pool, size = make_pool(ranks), 64 * KIB
    for rank, actor in enumerate(ranks):
        actor.call("fill", pool.region(rank), size, rank)
    for actor in ranks:
        buffer = actor.value("alloc", size)
        for rank, owner in enumerate(ranks):
            actor.call("copy", pool.handle(actor), G2H, 0, buffer, pool.region(rank), size)
            actor.call("check", buffer, size, rank)
            place = pool.region(rank) + (1 + actor.rank) * size
            actor.call("copy", pool.handle(actor), H2G, 0, place, buffer, size)
            owner.call("check", place, size, rank)
    elsewhere = sum(cluster.host_of(one) is not cluster.host_of(other) for one in ranks for other in ranks)
    assert moved(ranks) == {"put": elsewhere * size, "get": elsewhere * size}
    return pool


@pytest.mark.parametrize("hosts,ranks", [(2, 2), (2, 4), (3, 6), (4, 8)])
def test_ranks_of_several_hosts_join_one_object(make_cluster, hosts, ranks):
    cluster = make_cluster(hosts)
    check_pool(cluster, cluster.ranks(ranks))


@pytest.mark.parametrize("hosts", [2, 4])
def test_ranks_of_several_hosts_join_one_object_over_tls(make_cluster, authority, hosts):
    tls = {"SMEM_CONF_STORE_TLS_INFO": authority.info("rank")}
    cluster = make_cluster(hosts, defaults=tls)
    check_pool(cluster, cluster.ranks(2 * hosts))


def test_ranks_assigned_by_the_store_lie_together_by_host(make_cluster):
    cluster = make_cluster(3)
    actors = [cluster.actor() for _ in range(6)]  # host 0, 1, 2, 0, 1, 2
    for actor in actors:
        cluster.init(actor, 0, 6, wait=False, autoRanking=True)
    for actor in actors:
        actor.expect_ok(60)
    hosts = {actor.value("rank"): cluster.host_of(actor).number for actor in actors}
    assert sorted(hosts) == list(range(6))
    assert [hosts[rank] for rank in range(0, 6, 2)] == [hosts[rank] for rank in range(1, 6, 2)]


def test_plaintext_between_hosts_is_refused_unless_asked_for(make_cluster):
    cluster = make_cluster(2, defaults={})
    server = cluster.hosts[0].actor()
    text = server.ask("create_store", cluster.url)
    assert not text.ok and "MF_ALLOW_PLAINTEXT" in text.text and cluster.url.rpartition(":")[2] in text.text


def test_a_host_that_does_not_reach_the_store_says_so_by_its_deadline(make_cluster):
    cluster = make_cluster(2)
    cluster.hosts[0].actor().call("create_store", cluster.url)
    cluster.network.cut(1)
    lonely = cluster.hosts[1].actor()
    lonely.call("config_init")
    lonely.call("config", "rankId", 1, "startConfigStore", 0, "initTimeout", 2)
    answer = lonely.ask("bm_init", cluster.url, 2, 0)
    assert not answer.ok and cluster.network.address(0) in answer.text
    cluster.network.mend(1)
    cluster.init(lonely, 1, 2, startConfigStore=False)


@pytest.mark.parametrize("way", ["down", "cut"])
def test_a_link_that_comes_back_within_seconds_loses_nobody(make_cluster, way):
    cluster = make_cluster(2)
    ranks = cluster.ranks(4)
    check_pool(cluster, ranks)
    network = cluster.network
    (network.take_down if way == "down" else network.cut)(1)
    ranks[2].send("create", 1, 4, 1, 2 << 20, 0, 0)
    with pytest.raises(AssertionError):
        ranks[2].answer(timeout=1)
    (network.bring_up if way == "down" else network.mend)(1)
    ranks[2].handles[1] = ranks[2].expect_ok(60).value
    for actor in (ranks[0], ranks[1], ranks[3]):
        create(actor, 1, 4)
    together(ranks, "join", lambda actor: actor.handles[1], 0)


def test_a_killed_rank_is_missed_by_the_other_host_too(make_cluster):
    cluster = make_cluster(2)
    ranks = cluster.ranks(4)
    pool = check_pool(cluster, ranks)
    ranks[1].kill()
    buffer = ranks[0].value("alloc", KIB)
    for reader in (ranks[0], ranks[3]):
        words = ("copy", pool.handle(reader), G2H, 0, reader.value("alloc", KIB), pool.region(1), KIB)
        wait_for(lambda: not reader.ask(*words).ok, "the loss to be known")
        reader.fails(PEER_LOST, *words, naming="rank 1")
    ranks[0].call("copy", pool.handle(ranks[0]), G2H, 0, buffer, pool.region(0), KIB)


def start_apart(cluster, count):
    """`count` ranks, and a store that is no rank."""
    store = start_store(cluster.hosts[0])
    ranks = cluster.actors(count)
    for rank, actor in enumerate(ranks):
        cluster.init(actor, rank, count, wait=False, startConfigStore=False)
    for actor in ranks:
        actor.expect_ok(60)
    return store, ranks


def copies(pool, actor, seed):
    """To the next rank's region and back; the last rank of a host has it on another host."""
    place = pool.region((actor.rank + 1) % len(pool.actors))
    ours = actor.value("alloc", KIB)
    actor.call("fill", ours, KIB, seed)
    actor.call("copy", pool.handle(actor), H2G, 0, place, ours, KIB)
    actor.call("set", ours, KIB, 0)
    actor.call("copy", pool.handle(actor), G2H, 0, ours, place, KIB)
    actor.call("check", ours, KIB, seed)


def test_the_next_store_serves_the_ranks_of_all_hosts(make_cluster):
    cluster = make_cluster(2)
    store, ranks = start_apart(cluster, 4)
    pool = check_pool(cluster, ranks)
    for round_ in range(2):
        store.kill()
        for actor in ranks:
            copies(pool, actor, 10 + round_)
        store = start_store(cluster.hosts[0])
        together(ranks, "leave", pool.handle, 0)
        together(ranks, "join", pool.handle, 0)
        for actor in ranks:
            copies(pool, actor, 20 + round_)
    again = make_pool(ranks, number=1)
    for actor in ranks:
        copies(again, actor, 30)


def test_who_is_stopped_while_the_store_is_away_is_vouched_for_by_its_host(make_cluster):
    cluster = make_cluster(2)
    store, ranks = start_apart(cluster, 4)
    pool = check_pool(cluster, ranks)
    store.kill()
    ranks[3].stop()
    start_store(cluster.hosts[0])
    stranger = cluster.hosts[0].actor()
    cluster.init(stranger, 0, 4, wait=False, startConfigStore=False, initTimeout=4)
    answer = stranger.answer()
    assert not answer.ok and f"pid {ranks[3].pid} on host host1" in answer.text and "is stopped" in answer.text, answer
    ranks[3].resume()
    together(ranks, "leave", pool.handle, 0)
    together(ranks, "join", pool.handle, 0)
    for actor in ranks:
        copies(pool, actor, 5)


def test_who_is_stopped_and_alone_on_its_host_is_given_up_by_the_next_store(make_cluster):
    cluster = make_cluster(2)
    store, ranks = start_apart(cluster, 2)
    pool = check_pool(cluster, ranks)
    store.kill()
    ranks[1].stop()
    start_store(cluster.hosts[0])
    words = ("copy", pool.handle(ranks[0]), G2H, 0, ranks[0].value("alloc", KIB), pool.region(1), KIB)
    wait_for(lambda: ranks[0].ask(*words).code == PEER_LOST, "the loss to be known")
    ranks[1].resume()
    own = ranks[1].value("alloc", KIB)
    words = ("copy", pool.handle(ranks[1]), G2H, 0, own, pool.region(0), KIB)
    wait_for(lambda: ranks[1].ask(*words).code == EVICTED, "the eviction to be known")
    ranks[1].fails(EVICTED, "leave", pool.handle(ranks[1]), 0, naming="join anew")


def test_a_shmem_job_on_two_hosts_works_without_a_store_and_ends_with_the_next_one(make_cluster, tmp_path):
    program, end = tmp_path / "storeless", tmp_path / "end"
    build(PROGRAMS / "storeless.c", program, "c")
    cluster = make_cluster(2)
    store = start_store(cluster.hosts[0])
    launcher = Launcher(cluster, tmp_path)
    words = ("--hosts", launcher.hosts(2), "--no-prefix", "--store", cluster.url, "--", program, end)
    job = cluster.hosts[0].start(launcher.command(*words))
    assert "working" in job.read_line(60)
    store.kill()
    end.touch()
    assert "ok" in job.read_line(60)
    start_store(cluster.hosts[0])
    assert job.wait(60) == 0, job.stderr()
