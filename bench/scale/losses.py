# SPDX-License-Identifier: Apache-2.0
"""From a process's or a host's end to the error of whoever needs it, and to the first byte in its successor."""
import time

import pool
import scene
import shared

LIMIT = 3  # seconds of silence after which a host is given up
ANSWER_LIMIT = 60
LONG = 1 << 40  # calls: they end by the loss
SETTLED = 0.3  # seconds until all wait or copy
KEPT_WAITING = "waits in a barrier"
COPIES = "copies to it"


class Ranks:
    """SHM ranks with roles: the one that will be gone, and those that need it."""

    def __init__(self, cluster, places):
        """`places`: a host for each rank; the last one is the victim."""
        self.actors = [cluster.hosts[host].actor() for host in places]
        for rank, actor in enumerate(self.actors):
            actor.call("shm_config_init")
            actor.call("shm_start_store", 0)
            actor.rank = rank
            actor.send("shm_init", cluster.url, len(self.actors), rank, 0)
        for actor in self.actors:
            actor.expect_ok(ANSWER_LIMIT)
        self.object = shared.make_shared(self.actors)
        self.victim = self.actors[-1]

    def start_copying(self, actor):
        buffer = actor.value("alloc", pool.KIB)
        words = ("shm_put", self.object(actor), self.object.region(self.victim.rank), buffer, pool.KIB)
        actor.call(*words)
        actor.call("background", LONG, *words)
        actor.send("background_result")

    def start_waiting(self, actor):
        actor.send("shm_barrier", self.object(actor))

    @staticmethod
    def seconds_to_loss(actor, begun):
        answer = actor.answer(ANSWER_LIMIT)
        took = time.monotonic() - begun
        if str(pool.PEER_LOST) not in (str(answer.code), *answer.text.split()):
            raise OSError(f"{actor.name}: {answer}")
        return took


def until_all_know(ranks, roles, vanish):
    """Seconds by role name; `roles`: (name, actor, whether it copies)."""
    for _, actor, copies in roles:
        (ranks.start_copying if copies else ranks.start_waiting)(actor)
    time.sleep(SETTLED)
    begun = time.monotonic()
    vanish()
    taken = scene.all_at_once([lambda a=actor: ranks.seconds_to_loss(a, begun) for _, actor, _ in roles])
    return dict(zip((name for name, _, _ in roles), taken))


def detect_kill():
    with scene.hosts(2) as cluster:
        scene.start_store(cluster.hosts[0])
        ranks = Ranks(cluster, [0, 0, 1, 1, 1])
        names = [f"{where} host, {what}" for where in ("other", "same") for what in (KEPT_WAITING, COPIES)]
        roles = [(name, ranks.actors[rank], rank % 2 == 1) for rank, name in enumerate(names)]
        return until_all_know(ranks, roles, ranks.victim.kill)


def detect_silent():
    with scene.hosts(2, MF_EVICT_AFTER=f"{LIMIT}s") as cluster:
        scene.start_store(cluster.hosts[0])
        ranks = Ranks(cluster, [0, 0, 1])
        roles = [(KEPT_WAITING, ranks.actors[0], False), (COPIES, ranks.actors[1], True)]
        return until_all_know(ranks, roles, lambda: cluster.network.cut(1))


class Pool:
    """BM ranks, one at each place, that own a region each."""

    def __init__(self, cluster, places):
        self.cluster, self.world = cluster, len(places)
        self.actors = [cluster.hosts[host].actor() for host in places]
        for rank, actor in enumerate(self.actors):
            self.cluster.init(actor, rank, self.world, wait=False, startConfigStore=False)
        for actor in self.actors:
            actor.expect_ok(ANSWER_LIMIT)
        self.object = pool.make_pool(self.actors)
        self.buffers = {}

    def write(self, actor, rank):
        if actor not in self.buffers:
            self.buffers[actor] = actor.value("alloc", pool.KIB)
        return actor.ask("copy", self.object.handle(actor), pool.H2G, 0, self.object.region(rank),
                         self.buffers[actor], pool.KIB)

    def start_again(self, host, rank):
        actor = self.cluster.hosts[host].actor()
        self.cluster.init(actor, rank, self.world, startConfigStore=False)
        pool.create(actor, members=self.world)
        actor.call("join", self.object.handle(actor), 0)
        return actor


def restart_peer():
    """From the start of the successor's process until it has written to both others, and they to it."""
    with scene.hosts(2) as cluster:
        scene.start_store(cluster.hosts[0])
        ranks = Pool(cluster, [0, 1, 1])
        *survivors, victim = ranks.actors
        for actor in survivors:
            assert ranks.write(actor, victim.rank).ok
        victim.kill()
        for actor in survivors:
            scene.seconds_since(0, lambda a=actor: ranks.write(a, victim.rank).code == pool.PEER_LOST)
        begun = time.monotonic()

        def successor():
            actor = ranks.start_again(1, victim.rank)
            scene.seconds_since(begun, lambda: all(ranks.write(actor, other.rank).ok for other in survivors))
            return time.monotonic() - begun

        def survivor(actor):
            return scene.seconds_since(begun, lambda: ranks.write(actor, victim.rank).ok)

        taken = scene.all_at_once([successor, *(lambda a=actor: survivor(a) for actor in survivors)])
        return dict(zip(("the successor", "other host", "same host"), taken))


def rows(report, arguments):
    few = min(arguments.rounds, 3)
    seconds = scene.median_of("scale_detect_kill", arguments.rounds, detect_kill)
    report.line("scale_detect_kill", seconds, "s", 1)
    report.line("scale_detect_silent", scene.median_of("scale_detect_silent", few, detect_silent), "s", LIMIT + 1)
    report.line("scale_restart_peer", scene.median_of("scale_restart_peer", arguments.rounds, restart_peer), "s", 1)
