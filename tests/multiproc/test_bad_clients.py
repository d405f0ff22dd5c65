# SPDX-License-Identifier: Apache-2.0
"""Clients that misbehave at a store: it goes on serving the others."""
import contextlib
import random
import re
import socket
import struct

import pytest

from actors import slowness
from pool import INVALID_PARAM, make_pool
from sessions import start_store
from store_protocol import Member, Refused


class Store:
    """A store with two ranks that must not notice anything."""

    def __init__(self, harness):
        self.harness = harness
        self.server = harness.actor()
        self.server.call("create_store", harness.url)
        self.ranks = harness.actors(2)
        for rank, actor in enumerate(self.ranks):
            harness.init(actor, rank, 2, startConfigStore=False)
        self.pool = make_pool(self.ranks)
        self.descriptors = len(self.server.descriptors())

    def connect(self):
        host, _, port = self.harness.url.removeprefix("tcp://").rpartition(":")
        return socket.create_connection((host, int(port)), timeout=5)

    def still_serves(self):
        """New objects need the store; and it holds no connection of the attackers any more."""
        pool = make_pool(self.ranks, 9)
        self.ranks[0].call("fill", pool.region(1), 4096, 9)
        self.ranks[1].call("check", pool.region(1), 4096, 9)


def ended_by_peer(connection):
    """Whether the other side closes the connection, sooner or later."""
    connection.settimeout(10 * slowness())
    try:
        while connection.recv(65536):
            pass
    except (ConnectionResetError, BrokenPipeError):
        pass
    except TimeoutError:
        return False
    return True


@pytest.mark.parametrize("seed", range(10))
def test_random_bytes_at_the_stores_port(harness, seed):
    store = Store(harness)
    generator = random.Random(seed)
    for length in (1, 3, 8, 64, 1000, 100000):
        with store.connect() as connection, contextlib.suppress(ConnectionError):
            connection.sendall(generator.randbytes(length))
            connection.shutdown(socket.SHUT_WR)
            assert ended_by_peer(connection)
    store.still_serves()


@pytest.mark.parametrize(
    "header",
    [
        b"\xff\xff\xff\xff",
        b"\x00\x00\x00\x00",
        b"\xff\xff\xff\x7f",
        struct.pack("<Q", 1 << 62),
        struct.pack(">Q", 1 << 62),
        b"GET / HTTP/1.1\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01",
    ],
)
def test_lengths_that_lie_at_the_stores_port(harness, header):
    store = Store(harness)
    for _ in range(20):
        with store.connect() as connection, contextlib.suppress(ConnectionError):
            connection.sendall(header * 16)
    with open(f"/proc/{store.server.pid}/status", encoding="utf-8") as file:
        peak = int(next(line for line in file if line.startswith("VmHWM:")).split()[1])
    assert peak < 500 * 1024 * slowness(), "no memory is taken for a length that nobody has sent the bytes of"
    store.still_serves()


def recorded_conversation(harness):
    """What a real client sends when it connects, for replay in parts."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(1)
        actor = harness.actor()
        actor.call("config_init")
        actor.call("config", "rankId", 0, "startConfigStore", 0, "initTimeout", 1)
        actor.send("bm_init", f"tcp://127.0.0.1:{listening.getsockname()[1]}", 1, 0)
        connection, _ = listening.accept()
        with connection:
            connection.settimeout(5)
            data = connection.recv(65536)
    assert not actor.answer().ok
    return data


def test_client_that_stops_mid_message(harness):
    """However much of a real first message has arrived, the others are served, and the connection goes with
    its client."""
    said = recorded_conversation(harness)
    assert len(said) > 4
    store = Store(harness)
    for length in range(1, len(said), max(1, len(said) // 12)):
        with store.connect() as halfway:
            halfway.sendall(said[:length])
            harness_url_works(store)
    store.still_serves()


def harness_url_works(store):
    handle = store.ranks[0].value("create", 33, 2, 1, 2 << 20, 0, 0)
    store.ranks[0].call("join", handle, 0)
    store.ranks[0].call("destroy", handle)


def test_client_that_sends_byte_by_byte(harness):
    said = recorded_conversation(harness)
    store = Store(harness)
    with store.connect() as slow:
        slow.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in said:
            slow.sendall(bytes([byte]))
        slow.settimeout(5 * slowness())
        assert slow.recv(1), "the store answers a slow client too"
    store.still_serves()


def test_client_that_changes_bits_of_a_real_message(harness):
    said = recorded_conversation(harness)
    store = Store(harness)
    generator = random.Random(5)
    for _ in range(200):
        changed = bytearray(said)
        for _ in range(generator.randrange(1, 4)):
            changed[generator.randrange(len(changed))] ^= 1 << generator.randrange(8)
        with store.connect() as connection, contextlib.suppress(ConnectionError):
            connection.sendall(changed)
            connection.shutdown(socket.SHUT_WR)
            assert ended_by_peer(connection)
    store.still_serves()


def test_many_connections_that_say_nothing(harness):
    store = Store(harness)
    with contextlib.ExitStack() as stack:
        for _ in range(200):
            stack.enter_context(store.connect())
        store.still_serves()


def test_client_that_reads_nothing(harness):
    """A client with a full receive window must not hold up the server's one thread."""
    said = recorded_conversation(harness)
    store = Store(harness)
    with store.connect() as deaf, contextlib.suppress(ConnectionError, TimeoutError):
        deaf.settimeout(0.2)
        for _ in range(2000):
            deaf.sendall(said)
    store.still_serves()


@pytest.mark.parametrize("host", ["\x1b[2J\x1b]0;owned\x07evil", "a\x7fb", "a\u009b2J", "a\nb"])
def test_a_host_whose_name_would_move_the_cursor_is_refused(harness, host):
    store = start_store(harness, {"MF_LOG_LEVEL": "debug"})
    with pytest.raises(Refused, match="MF_HOST_ID.*control characters"):
        Member(harness.url, host=host)
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f]", store.stderr())
    actor = harness.actor(environment={"MF_HOST_ID": host})
    actor.call("config_init")
    actor.call("config", "rankId", 0, "startConfigStore", 0)
    actor.fails(INVALID_PARAM, "bm_init", harness.url, 2, 0, naming=["MF_HOST_ID"])
