# SPDX-License-Identifier: Apache-2.0
"""What takes long is told: operations when they are done, waits while they last."""
import re
import time

import pytest

from actors import wait_for
from observing import BUILD, copies
from pool import MIB, make_pool
from sessions import PATHS, PATIENCE, forced, open_session, start_store
from shared import start_shared
from test_bm_hosts import pool_of_hosts
from test_shm_hosts import shared_of_hosts
from test_shmem_conformance import PROGRAMS, build, run

SLOW = {"MF_SLOW_OPERATION": "1ms"}
LONG = 64 * MIB  # takes longer than that on any path


def told_slow_in(log, operation, path):
    """What the log says that slow operations of that kind were about."""
    form = re.compile(rf"slow: {re.escape(operation)} by {path} took (\d+\.\d{{3}}) ms: (.*)")
    found = [match.groups() for line in log.splitlines() if (match := form.search(line))]
    assert all(float(milliseconds) >= 1 for milliseconds, _ in found)
    return [about for _, about in found]


def told_slow(actor, operation, path):
    return told_slow_in(actor.stderr(), operation, path)


def test_slow_operations_are_told(harness):
    actors = harness.ranks(2, environment=SLOW)
    pool = make_pool(actors, dram=LONG)
    copies(actors[0], pool, 1, [LONG])
    (about,) = told_slow(actors[0], "bm.put", "mapped")
    assert about.startswith(f"BM 0: {LONG} bytes from 0x") and about.endswith(f" to {pool.region(1):#x}")
    copies(actors[0], pool, 1, [64])
    assert len(told_slow(actors[0], "bm.put", "mapped")) == 1


def test_slow_operations_between_hosts_are_told(harness):
    pool = pool_of_hosts(harness, 2, LONG, **SLOW)
    left = pool.actors[0]
    copies(left, pool, 1, [LONG])
    (about,) = told_slow(left, "bm.put", "fabric")
    assert about.startswith(f"BM 0: {LONG} bytes from 0x") and about.endswith(f" to {pool.region(1):#x}")
    (below,) = told_slow(left, "fabric.put", "fabric")
    assert "1 piece, rank 1 of bm/0" in below


@pytest.mark.parametrize("path", ["mapped", "fabric"])
def test_slow_copies_of_shm_objects_are_told(harness, path):
    shared = (start_shared(harness, 2, LONG, environment=SLOW) if path == "mapped"
              else shared_of_hosts(harness, 2, LONG, **SLOW))
    actor = shared.actors[0]
    buffer = actor.value("alloc", LONG)
    actor.call("shm_put", shared(actor), shared.region(1), buffer, LONG)
    actor.call("shm_get", shared(actor), buffer, shared.region(1), LONG)
    for operation in ("shm.put", "shm.get"):
        (about,) = told_slow(actor, operation, path)
        assert f"SHM 0: {LONG} bytes at {shared.region(1):#x}" in about


@pytest.mark.parametrize("path", [*PATHS, "fabric"])
def test_slow_transfers_are_told(harness, path):
    start_store(harness)
    hosts = [{"MF_HOST_ID": "left"}, {"MF_HOST_ID": "right"}] if path == "fabric" else [forced(path), {}]
    initiator, target = (open_session(harness, harness.actor(environment={**PATIENCE, **SLOW, **host})) for host in hosts)
    theirs = target.memory(LONG, pool=path == "mapped")
    ours = initiator.memory(LONG, registered=False, seed=1)
    initiator.call("write", target.name, ours, theirs, LONG)
    initiator.call("read", target.name, ours, theirs, LONG)
    for operation in ("trans.write", "trans.read"):
        assert told_slow(initiator.actor, operation, path) == [f"session {target.name}: 1 piece"]
    assert "slow: trans." not in target.actor.stderr()


def test_slow_requests_to_the_store_are_told(harness):
    shared = start_shared(harness, 2, environment=SLOW)
    early, late = shared.actors
    before = len(told_slow(early, "store.wait", "store"))
    early.send("shm_barrier", shared(early))
    time.sleep(0.05)
    late.call("shm_barrier", shared(late))
    early.expect_ok()
    told = told_slow(early, "store.wait", "store")[before:]
    assert len(told) == 1 and told[0].startswith("barrier of group 'shm/")


@pytest.mark.skipif(not (BUILD / "bin/oshrun").exists(), reason="this build has no OpenSHMEM")
def test_a_slow_operation_of_shmem_that_is_looked_at_is_told(harness, tmp_path):
    program = tmp_path / "program"
    build(PROGRAMS / "slow.c", program, "c")
    code, _, errors = run(harness, 2, program, variables=SLOW)
    assert code == 0, errors
    assert told_slow_in(errors, "shmem.put", "mapped") == ["PE 1: 100 bytes"]


def test_long_waits_say_whom_they_wait_for(harness):
    start_store(harness)
    initiator = open_session(harness, harness.actor("initiator", {"MF_TRANS_TIMEOUT": "20s", "MF_WAIT_NOTICE": "200ms"}))
    target = open_session(harness, harness.actor("target"))
    ours = initiator.memory(4096, registered=False)
    theirs = target.memory(4096, registered=False)
    initiator.actor.send("write", initiator.handle, target.name, ours, theirs, 4096)
    said = f"a transfer with session {target.name}: it has not registered {theirs:#x} + 4096 bytes"
    wait_for(lambda: said in initiator.actor.stderr(), "word of the wait", 15)
    target.call("reg", theirs, 4096)
    initiator.actor.expect_ok()
    initiator.actor.send("write", initiator.handle, "127.0.0.1:1", ours, theirs, 4096)
    said = "a transfer with session 127.0.0.1:1, which no process has opened at the config store"
    wait_for(lambda: said in initiator.actor.stderr(), "word of the wait", 15)
    initiator.actor.kill()
