# SPDX-License-Identifier: Apache-2.0
"""A config store that is killed and started again under many members."""
import time

import pool
import scene
import shared
from actors import together

MEMBERS = 64
LIMIT = 3  # seconds
ANSWER_LIMIT = 60


def members(harness):
    actors = harness.actors(MEMBERS)
    for rank, actor in enumerate(actors):
        harness.init(actor, rank, MEMBERS, wait=False, startConfigStore=False)
    for actor in actors:
        actor.expect_ok(ANSWER_LIMIT)
    together(actors, "shm_config_init")
    together(actors, "shm_start_store", 0)
    together(actors, "shm_init", harness.url, MEMBERS, lambda actor: actor.rank, 0)
    return actors


def restart():
    """From a store that listens until every member has had an answer to what needs it, and to what needs all of them."""
    with scene.machine() as harness:
        store = scene.start_store(harness)
        actors = members(harness)
        object_ = pool.make_pool(actors, members=MEMBERS)
        all_ = shared.make_shared(actors)
        store.kill()
        scene.start_store(harness)
        begun = time.monotonic()
        together(actors, "leave", object_.handle, 0, timeout=ANSWER_LIMIT)
        alone = time.monotonic() - begun
        all_.all("shm_barrier", timeout=ANSWER_LIMIT)
        return {"a request of each": alone, "and a barrier": time.monotonic() - begun}


def rows(report, arguments):
    seconds = scene.median_of("scale_store_restart", min(arguments.rounds, 3), restart)
    report.line("scale_store_restart", seconds, "s", LIMIT)
