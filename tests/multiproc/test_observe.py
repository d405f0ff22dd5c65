# SPDX-License-Identifier: Apache-2.0
"""What processes count, and who sees it: `mf top`, the dump at exit, Prometheus, the log of slow operations."""
import contextlib
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request

import pytest

from actors import slowness, wait_for
from harness import free_port
from pool import G2H, H2G, INVALID_PARAM, KIB, MIB, PEER_LOST, make_pool, start_pool
from sessions import PATHS, PATIENCE, flat, forced, open_session, scattered, start_store
from shared import start_shared
from test_bm_hosts import pool_of_hosts
from test_shm_hosts import shared_of_hosts
from test_shmem_conformance import PROGRAMS, build, run

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("MEMFABRIC_BUILD_DIR", ROOT / "build" / "release"))
NOBODY = 65534


def mf(harness, *words, prefix=(), check=True):
    run = subprocess.run([*prefix, BUILD / "bin" / "mf", *map(str, words)], env=harness.environment(), capture_output=True,
                         text=True, timeout=60, check=False)
    assert not check or run.returncode == 0, run.stderr
    return run.stdout


def look(harness, *actors, prefix=()):
    """What `mf top` says of the actors, in their order; None for those that it does not see."""
    seen = {process["pid"]: process for process in json.loads(mf(harness, "top", "--json", prefix=prefix))["processes"]}
    return [seen.get(actor.pid) for actor in actors]


def counted(process, operation, path=None):
    """Operations and bytes by peer."""
    return {
        count["peer"]: (count["operations"], count["bytes"])
        for count in process["counters"]
        if count["operation"] == operation and path in (None, count["path"])
    }


def measured(process, operation, path):
    times = [time for time in process["latencies"] if time["operation"] == operation and time["path"] == path]
    return times[0]["measured"] if times else 0


def copies(actor, pool, rank, sizes, type=H2G):
    buffer = actor.value("alloc", max(sizes))
    for size in sizes:
        ends = (pool.region(rank), buffer) if type == H2G else (buffer, pool.region(rank))
        actor.call("copy", pool.handle(actor), type, 0, *ends, size)


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


def page_of(address, path="/metrics"):
    with urllib.request.urlopen(f"http://{address}{path}", timeout=30) as answer:
        assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
        return answer.read().decode()


def test_prometheus_asks_a_rank(harness):
    actors = harness.ranks(2, environment={"MF_METRICS": "127.0.0.1:0"})
    addresses = [process["metrics"] for process in look(harness, *actors)]
    assert len(set(addresses)) == 2
    page = page_of(addresses[0])
    samples = dict(line.rsplit(" ", 1) for line in page.splitlines() if not line.startswith("#"))
    store = harness.url.replace("tcp://", "store ")
    assert int(samples[f'memfabric_operations_total{{operation="store.request",path="store",peer="{store}"}}']) > 0
    assert any(name.startswith("memfabric_process{") and f'pid="{actors[0].pid}"' in name for name in samples)
    with pytest.raises(urllib.error.HTTPError, match="404"):
        page_of(addresses[0], "/")
    # Whoever says nothing holds nobody up.
    host, _, port = addresses[0].rpartition(":")
    with socket.create_connection((host, int(port))):
        assert "memfabric_process" in page_of(addresses[0])


def store_samples(address):
    """What a page says of stores: each sample without the label of the store."""
    samples = dict(line.rsplit(" ", 1) for line in page_of(address).splitlines() if line.startswith("memfabric_store_"))
    return {re.sub(r'store="[^"]*",?', "", name).removesuffix("{}"): int(value) for name, value in samples.items()}


def test_prometheus_asks_the_rank_that_serves_the_store(harness):
    limits = {"MF_METRICS": "127.0.0.1:0", "MF_SUSPECT_AFTER": "300ms", "MF_LOST_AFTER": "50ms"}
    shared = start_shared(harness, 4, environment=limits)
    first, second, third, last = shared.actors
    pages = [process["metrics"] for process in look(harness, *shared.actors)]
    now = store_samples(pages[0])
    assert store_samples(pages[1]) == {}
    assert now['memfabric_store_sessions{state="connected"}'] == now["memfabric_store_connections"] == 4
    assert now['memfabric_store_requests_total{operation="assign_rank"}'] == 4
    assert now["memfabric_store_messages_total"] > 12
    shared.all("shm_barrier")
    barriers = 'memfabric_store_requests_total{operation="barrier"}'
    assert store_samples(pages[0])[barriers] == now[barriers] + 4
    # One that is waited for and stopped.
    last.stop()
    for actor in (first, second, third):
        actor.send("shm_barrier", shared(actor))
    wait_for(lambda: store_samples(pages[0])['memfabric_store_sessions{state="suspect"}'] == 1, "the suspect")
    now = store_samples(pages[0])
    assert now['memfabric_store_sessions{state="connected"}'] == 3
    assert now['memfabric_store_open_rounds{kind="barrier"}'] == 1 and now["memfabric_store_waiting_requests"] == 3
    assert now["memfabric_store_lost_total"] == 0
    # And killed.
    last.kill()
    for actor in (first, second, third):
        assert actor.answer().code == PEER_LOST
    now = store_samples(pages[0])
    assert now["memfabric_store_lost_total"] == 1 and now['memfabric_store_sessions{state="connected"}'] == 3
    assert now[f'memfabric_store_failures_total{{code="{PEER_LOST}"}}'] == 3
    assert now['memfabric_store_open_rounds{kind="barrier"}'] == 0 and now["memfabric_store_waiting_requests"] == 0


def test_a_page_of_two_stores_has_each_family_once(harness):
    keeper = harness.actor(environment={"MF_METRICS": "127.0.0.1:0"})
    urls = [harness.url, f"tcp://127.0.0.1:{free_port()}"]
    for url in urls:
        keeper.call("create_store", url)
    harness.init(keeper, 0, 1, startConfigStore=False)
    page = page_of(look(harness, keeper)[0]["metrics"])
    heads = [line for line in page.splitlines() if line.startswith("#")]
    assert len(heads) == len(set(heads))
    lines = page.splitlines()
    first = next(i for i, line in enumerate(lines) if line.startswith("memfabric_store_messages_total{"))
    for url, line in zip(urls, lines[first:]):  # what belongs together stands together
        assert line.startswith(f'memfabric_store_messages_total{{store="{url.removeprefix("tcp://")}"}} ')


def test_silent_connections_to_metrics_are_cut(harness):
    """16 at a time are served, for 5 seconds each: who comes behind them waits for no more than that."""
    (actor,) = harness.ranks(1, environment={"MF_METRICS": "127.0.0.1:0"})
    address = look(harness, actor)[0]["metrics"]
    host, _, port = address.rpartition(":")
    with contextlib.ExitStack() as stack:
        begun = time.monotonic()
        connections = [stack.enter_context(socket.create_connection((host, int(port)), timeout=30)) for _ in range(16)]
        connections[0].sendall(b"GET /metrics HTTP/1.1\r\n")  # half a request is none
        assert "memfabric_process" in page_of(address)
        waited = time.monotonic() - begun
        assert 4.9 < waited < 5 + 5 * slowness()
        assert [connection.recv(1) for connection in connections] == [b""] * 16
    # As many as there is room for hold nobody up.
    with contextlib.ExitStack() as stack:
        for _ in range(15):
            stack.enter_context(socket.create_connection((host, int(port)), timeout=30))
        begun = time.monotonic()
        assert "memfabric_process" in page_of(address)
        assert time.monotonic() - begun < 4


def test_a_taken_port_stops_no_program(harness):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        (actor,) = harness.ranks(1, environment={"MF_METRICS": f"127.0.0.1:{port}"})
    assert "Address already in use" in actor.stderr() and "MF_METRICS" in actor.stderr()


def test_beyond_loopback_metrics_need_permission(harness):
    (actor,) = harness.ranks(1, environment={"MF_METRICS": "0.0.0.0:0"})
    assert "MF_ALLOW_PLAINTEXT" in actor.stderr()
    assert look(harness, actor)[0]["metrics"] == ""


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


@pytest.mark.skipif(not (BUILD / "bin/oshrun").exists(), reason="this build has no OpenSHMEM")
def test_a_slow_operation_of_shmem_that_is_looked_at_is_told(harness, tmp_path):
    program = tmp_path / "program"
    build(PROGRAMS / "slow.c", program, "c")
    code, _, errors = run(harness, 2, program, variables=SLOW)
    assert code == 0, errors
    assert told_slow_in(errors, "shmem.put", "mapped") == ["PE 1: 100 bytes"]
