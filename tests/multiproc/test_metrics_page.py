# SPDX-License-Identifier: Apache-2.0
"""The page for Prometheus, of a rank and of the one that serves the store."""
import contextlib
import re
import socket
import time
import urllib.error
import urllib.request

import pytest

from actors import slowness, wait_for
from harness import free_port
from observing import look
from pool import PEER_LOST
from shared import start_shared


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
