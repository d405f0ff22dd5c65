# SPDX-License-Identifier: Apache-2.0
"""What processes count, and who sees it: `mf top` and the dump at exit."""
import json
import os
import pathlib
import signal

import pytest

from actors import wait_for
from observing import BUILD, copies, counted, look, measured, mf
from pool import G2H, H2G, INVALID_PARAM, KIB, MIB, PEER_LOST, start_pool
from sessions import PATHS, flat, forced, open_session, scattered, start_store
from test_bm_hosts import pool_of_hosts
from test_shmem_conformance import PROGRAMS, build, run

NOBODY = 65534


def test_top_counts_copies_by_rank_and_errors_by_code(harness):
    pool = start_pool(harness, 3)
    actor, silent, _ = pool.actors
    before = look(harness, actor)[0]
    copies(actor, pool, 1, [8, 8, 4096, MIB])
    copies(actor, pool, 2, [100])
    copies(actor, pool, 2, [200, 300], G2H)
    copies(actor, pool, 0, [64])
    buffer = actor.value("alloc", 64)
    actor.fails(INVALID_PARAM, "copy", pool.handle(actor), H2G, 0, pool.end, buffer, 8)
    actor.fails(INVALID_PARAM, "copy", pool.handle(actor), H2G, 0, pool.end, buffer, 8)
    now, other = look(harness, actor, silent)
    assert counted(now, "bm.put", "mapped") == {"BM 0 rank 1": (4, MIB + 4112), "BM 0 rank 2": (1, 100)}
    assert counted(now, "bm.get", "mapped") == {"BM 0 rank 2": (2, 500)}
    assert counted(now, "bm.local") == {"BM 0": (1, 64)}
    assert now["errors"] == [{"where": "smem_bm_copy", "code": INVALID_PARAM, "count": 2}]
    assert counted(now, "store.request")[harness.url.replace("tcp://", "store ")][0] > 0
    assert measured(now, "store.request", "store") == sum(n for n, _ in counted(now, "store.request").values())
    assert before["pid"] == actor.pid and before["program"] == "memfabric_actor" and not counted(before, "bm.put")
    assert not counted(other, "bm.put") and not other["errors"]


def test_every_thousandth_mapped_copy_is_measured(harness):
    pool = start_pool(harness, 2)
    actor = pool.actors[0]
    buffer = actor.value("alloc", 64 * 256)
    pieces = [word for i in range(256) for word in (pool.region(1) + 64 * i, buffer + 64 * i, 64)]
    for _ in range(16):
        actor.call("batch", pool.handle(actor), H2G, 0, 256, *pieces)
    now = look(harness, actor)[0]
    assert counted(now, "bm.put") == {"BM 0 rank 1": (4096, 4096 * 64)}
    assert measured(now, "bm.put", "mapped") == 4


def test_a_killed_process_leaves_nothing(harness):
    pool = start_pool(harness, 2)
    actor, peer = pool.actors
    assert all(look(harness, actor, peer))
    files = set(harness.runtime_folder.iterdir())
    peer.kill()
    assert look(harness, actor, peer)[1] is None
    assert set(harness.runtime_folder.iterdir()) <= files
    buffer = actor.value("alloc", MIB)
    wait_for(lambda: not actor.ask("copy", pool.handle(actor), H2G, 0, pool.region(1), buffer, MIB).ok, "the loss")
    errors = look(harness, actor)[0]["errors"]
    assert {"where": "smem_bm_copy", "code": PEER_LOST} in [{"where": e["where"], "code": e["code"]} for e in errors]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")
def test_other_users_see_nothing(harness):
    pool = start_pool(harness, 1)
    actor = pool.actors[0]
    assert look(harness, actor)[0]
    somebody = ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups")
    assert json.loads(mf(harness, "top", "--json", prefix=somebody)) == {"processes": []}
    for entry in pathlib.Path(f"/proc/{actor.pid}/fd").iterdir():
        if "memfabric-counters" in os.readlink(entry):
            assert entry.stat().st_mode & 0o777 == 0o600
            break
    else:
        pytest.fail("the actor has no counters")


def test_a_forked_child_is_not_seen_and_counts_nothing(harness):
    pool = start_pool(harness, 2)
    actor = pool.actors[0]
    copies(actor, pool, 1, [8])
    buffer = actor.value("alloc", 64)
    copy = f"copy {pool.handle(actor)} {H2G} 0 {pool.region(1)} {buffer} 8"
    answers = actor.call("fork", "_exit", f"{copy};{copy}", timeout=60).text.split("\x1f")
    assert len(answers) == 3  # and how it ended
    now = look(harness, actor)[0]
    assert counted(now, "bm.put") == {"BM 0 rank 1": (1, 8)}
    assert now["errors"] == []


@pytest.mark.parametrize("path", PATHS)
def test_transfers_are_counted_by_session_and_path(harness, path):
    start_store(harness)
    initiator = open_session(harness, harness.actor("initiator", forced(path)))
    target = open_session(harness, harness.actor("target"))
    theirs = target.memory(4 * MIB, pool=path == "mapped")
    ours = initiator.memory(4 * MIB, registered=False)
    for _ in range(3):
        initiator.call("write", target.name, ours, theirs, 5000)
    initiator.call("read", target.name, ours, theirs, 100)
    pieces = scattered(ours, theirs, 10, seed=1)
    initiator.call("batch_write", target.name, 0, *flat(pieces))
    now, peer = look(harness, initiator.actor, target.actor)
    assert counted(now, "trans.write") == {target.name: (4, 15000 + sum(size for _, _, size in pieces))}
    assert counted(now, "trans.read") == {target.name: (1, 100)}
    assert counted(now, "trans.write", path) == counted(now, "trans.write")
    assert measured(now, "trans.write", path) == (0 if path == "mapped" else 4)
    assert not counted(peer, "trans.write")


def test_between_hosts_each_operation_is_measured(harness):
    pool = pool_of_hosts(harness, 2)
    left, right = pool.actors
    copies(left, pool, 1, [8, 8, 64 * KIB])
    copies(left, pool, 1, [4096], G2H)
    now, peer = look(harness, left, right)
    assert (now["host_id"], peer["host_id"]) == ("left", "right")
    assert counted(now, "bm.put", "fabric") == {"BM 0 rank 1": (3, 64 * KIB + 16)}
    assert counted(now, "bm.get", "fabric") == {"BM 0 rank 1": (1, 4096)}
    assert measured(now, "bm.put", "fabric") == 3 and measured(now, "bm.get", "fabric") == 1
    assert [reading for name, reading in counted(now, "fabric.put").items() if "rank 1" in name] == [(3, 64 * KIB + 16)]
    assert measured(now, "fabric.put", "fabric") == 3 and measured(now, "fabric.get", "fabric") == 1


def test_the_table_and_its_rates(harness):
    pool = start_pool(harness, 2)
    actor = pool.actors[0]
    copies(actor, pool, 1, [4096, 4096])
    table = mf(harness, "top", "--once", "--pid", actor.pid).splitlines()
    row = next(line.split() for line in table if "bm.put" in line)
    assert row[:4] == [str(actor.pid), "memfabric_actor", "bm.put", "mapped"] and row[4] == "2"
    assert row[-4:] == ["BM", "0", "rank", "1"]
    quiet = mf(harness, "top", "--count", 2, "--interval", 0.1, "--pid", actor.pid)
    assert quiet.count("per second") == 2 and "bm.put" not in quiet
    assert "0 processes" in mf(harness, "top", "--once", "--pid", os.getpid())


def test_top_ends_by_a_signal(harness):
    running = harness.start([BUILD / "bin" / "mf", "top", "--interval", "0.1"])
    running.read_line()
    running.popen.send_signal(signal.SIGINT)
    assert running.wait() == 0


def test_the_dump_at_exit(harness, tmp_path):
    actors = harness.ranks(2, environment={"MF_COUNTERS_DUMP": str(tmp_path / "counters-%p.json")})
    pids = [actor.pid for actor in actors]
    actors[1].kill()
    actors[0].quit()
    (dump,) = tmp_path.glob("counters-*")
    assert dump.name == f"counters-{pids[0]}.json"  # and none of the other, and nothing half written
    assert dump.stat().st_mode & 0o777 == 0o600
    now = json.loads(dump.read_text(encoding="utf-8"))
    assert now["pid"] == pids[0] and counted(now, "store.request")


def test_a_dump_that_cannot_be_written_is_told(harness, tmp_path):
    (actor,) = harness.ranks(1, environment={"MF_COUNTERS_DUMP": str(tmp_path / "missing" / "file")})
    actor.quit()
    assert "MF_COUNTERS_DUMP" in actor.stderr() and "No such file" in actor.stderr()


@pytest.mark.skipif(not (BUILD / "bin/oshrun").exists(), reason="this build has no OpenSHMEM")
@pytest.mark.parametrize("checks", ["0", "1"])
def test_shmem_counts_by_pe(harness, tmp_path, checks):
    program = tmp_path / "program"
    build(PROGRAMS / "counted.c", program, "c")
    dumps = tmp_path / "dumps"
    dumps.mkdir()
    code, _, errors = run(harness, 2, program, variables={"MF_SHMEM_CHECK": checks, "MF_COUNTERS_DUMP": f"{dumps}/%p"})
    assert code == 0, errors
    readings = [json.loads(dump.read_text(encoding="utf-8")) for dump in dumps.iterdir()]
    (now,) = [reading for reading in readings if counted(reading, "shmem.get")]
    assert counted(now, "shmem.put")["PE 1"] == (5000, 40000)
    assert counted(now, "shmem.put")["PE 0"] == (1, 100)
    assert counted(now, "shmem.get") == {"PE 1": (3, 300)}
    assert counted(now, "shmem.atomic") == {"PE 1": (7, 56)}
    assert measured(now, "shmem.put", "mapped") == 4
