# SPDX-License-Identifier: Apache-2.0
"""Wrong URLs, stores that are not there or are something else, and clients that misbehave at a store."""
import contextlib
import random
import socket
import struct
import threading
import time

import pytest

from actors import slowness
from harness import free_port
from pool import (
    INVALID_PARAM,
    RESOURCE_IN_USE,
    STORE_INVALID_MESSAGE,
    STORE_SOCKET,
    make_pool,
)

BAD_URLS = [
    "tcp://",
    "tcp:://",
    "127.0.0.1:8570",
    "http://127.0.0.1:8570",
    "udp://127.0.0.1:8570",
    "tcp:/127.0.0.1:8570",
    "tcp//127.0.0.1:8570",
    "TCP://127.0.0.1:8570",
    "tcp://127.0.0.1",
    "tcp://127.0.0.1:",
    "tcp://:8570",
    "tcp://127.0.0.1:0",
    "tcp://127.0.0.1:65536",
    "tcp://127.0.0.1:-1",
    "tcp://127.0.0.1:port",
    "tcp://127.0.0.1:8570/",
    "tcp://127.0.0.1:8570x",
    "tcp://256.1.1.1:8570",
    "tcp://1.2.3:8570",
    "tcp://1.2.3.4.5:8570",
    "tcp://::1:8570",
    "tcp://[::1]",
    "tcp://[::1:8570",
    "tcp://[]:8570",
    "tcp://[127.0.0.1]:8570",
    "tcp://[:::]:8570",
    "tcp://-host:8570",
    "tcp://ho_st-:8570",
    "tcp://a..b:8570",
    "tcp://user@host:8570",
    "tcp://" + "a" * 254 + ":8570",
    "tcp://\x01:8570",
    "tcp://%00:8570",
    "tcp://127.0.0.1:99999999999999999999",
]


def ask_init(actor, url, world=1, **config):
    fields = {"rankId": 0, "startConfigStore": 0, "initTimeout": 1, **config}
    actor.call("config_init")
    actor.call("config", *(word for name, value in fields.items() for word in (name, int(value))))
    return actor.ask("bm_init", url, world, 0)


@pytest.fixture
def listener():
    """A socket on loopback that listens, and its URL."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(16)
        yield listening, f"tcp://127.0.0.1:{listening.getsockname()[1]}"


@contextlib.contextmanager
def answering(listening, reply):
    """Accepts connections and treats each with `reply` until the block ends."""
    stopping = threading.Event()

    def serve():
        listening.settimeout(0.05)
        while not stopping.is_set():
            with contextlib.suppress(OSError):
                connection, _ = listening.accept()
                connection.settimeout(1)
                with connection, contextlib.suppress(OSError):
                    reply(connection)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield
    finally:
        stopping.set()
        thread.join()


# ---- wrong URLs of every kind ----


@pytest.mark.parametrize("url", BAD_URLS)
def test_wrong_urls(harness, url):
    actor = harness.actor()
    actor.fails(INVALID_PARAM, "create_store", url, naming=url)
    answer = ask_init(actor, url)
    assert answer.code == INVALID_PARAM and url in answer.text, answer
    answer = ask_init(actor, url, startConfigStore=1)
    assert answer.code == INVALID_PARAM and url in answer.text, answer


def test_host_name_that_does_not_exist(harness):
    actor = harness.actor()
    answer = ask_init(actor, "tcp://no-such-host.invalid:8570")
    assert not answer.ok and "no-such-host.invalid" in answer.text, answer
    answer = actor.ask("create_store", "tcp://no-such-host.invalid:8570")
    assert not answer.ok and "no-such-host.invalid" in answer.text, answer


def test_address_that_is_not_ours_cannot_be_listened_on(harness):
    actor = harness.actor()
    actor.call("tls", 0, 0)
    answer = actor.ask("create_store", "tcp://192.0.2.1:8570")  # a documentation address, RFC 5737
    assert not answer.ok and "192.0.2.1" in answer.text, answer


def test_beyond_loopback_needs_tls_and_says_how(harness):
    actor = harness.actor()
    answer = actor.ask("create_store", f"tcp://0.0.0.0:{free_port()}")
    assert not answer.ok
    for part in ("SMEM_CONF_STORE_TLS_INFO", "MF_ALLOW_PLAINTEXT", "smem_set_conf_store_tls"):
        assert part in answer.text, answer


@pytest.mark.parametrize("how", ["option", "call"])
def test_beyond_loopback_in_plaintext_where_asked_for(harness, how):
    actor = harness.actor(environment={"MF_ALLOW_PLAINTEXT": "1"} if how == "option" else None)
    if how == "call":
        actor.call("tls", 0, 0)
    port = free_port()
    actor.call("create_store", f"tcp://0.0.0.0:{port}")
    other = harness.actor(environment={"MF_ALLOW_PLAINTEXT": "1"})
    assert ask_init(other, f"tcp://127.0.0.1:{port}", initTimeout=10).ok


# ---- a store that is not there ----


def test_store_that_is_not_there(harness):
    actor = harness.actor()
    started = time.monotonic()
    answer = ask_init(actor, harness.url)
    assert answer.code == STORE_SOCKET, answer
    assert harness.url.removeprefix("tcp://") in answer.text and "refused" in answer.text.lower(), answer
    assert 0.9 < time.monotonic() - started < 3 * slowness()


def test_store_that_comes_late_is_found(harness):
    actor, store = harness.actors(2)
    actor.call("config_init")
    actor.call("config", "rankId", 0, "startConfigStore", 0, "initTimeout", 30)
    actor.send("bm_init", harness.url, 1, 0)
    store.call("create_store", harness.url)
    actor.expect_ok()


def test_init_can_be_tried_again(harness):
    actor, store = harness.actors(2)
    assert not ask_init(actor, harness.url).ok
    store.call("create_store", harness.url)
    assert ask_init(actor, harness.url, initTimeout=10).ok


def test_init_that_failed_leaves_nothing(harness):
    actor = harness.actor()
    assert not ask_init(actor, harness.url).ok
    descriptors, threads = len(actor.descriptors()), actor.threads()
    assert not ask_init(actor, harness.url).ok
    assert len(actor.descriptors()) == descriptors
    assert actor.threads() == threads


# ---- a port that is taken ----


def test_port_that_is_taken(harness, listener):
    _, url = listener
    text = harness.actor().fails(RESOURCE_IN_USE, "create_store", url, naming=url.rpartition(":")[2])
    assert "in use" in text.lower()


def test_port_that_is_taken_at_init(harness, listener):
    listening, url = listener
    actor = harness.actor()
    with answering(listening, lambda connection: connection.recv(1)):
        answer = ask_init(actor, url, startConfigStore=1)
    assert not answer.ok and url.rpartition(":")[2] in answer.text, answer


# ---- a store that speaks something else ----


def http(connection):
    connection.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
    while connection.recv(4096):
        pass


def ssh(connection):
    connection.sendall(b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n")
    while connection.recv(4096):
        pass


def noise(connection):
    connection.recv(4096)
    connection.sendall(random.Random(1).randbytes(100000))
    while connection.recv(4096):
        pass


def zeros(connection):
    connection.recv(4096)
    connection.sendall(bytes(4096))
    while connection.recv(4096):
        pass


def huge_length(connection):
    connection.recv(4096)
    connection.sendall(b"\xff" * 64)
    while connection.recv(4096):
        pass


def echo(connection):
    while data := connection.recv(4096):
        connection.sendall(data)


@pytest.mark.parametrize("server", [http, ssh, noise, zeros, huge_length, echo])
def test_store_that_speaks_something_else(harness, listener, server):
    listening, url = listener
    actor = harness.actor()
    started = time.monotonic()
    with answering(listening, server):
        answer = ask_init(actor, url, initTimeout=20)
    assert answer.code in (STORE_INVALID_MESSAGE, STORE_SOCKET), answer
    assert url.removeprefix("tcp://") in answer.text, answer
    assert time.monotonic() - started < 5 * slowness(), "it is a failure at once"


def silent(connection):
    while connection.recv(4096):
        pass


def closing(connection):
    connection.recv(1)


@pytest.mark.parametrize("server", [silent, closing])
def test_store_that_says_nothing(harness, listener, server):
    listening, url = listener
    actor = harness.actor()
    started = time.monotonic()
    with answering(listening, server):
        answer = ask_init(actor, url)
    assert not answer.ok and url.removeprefix("tcp://") in answer.text, answer
    assert time.monotonic() - started < 5 * slowness()


# ---- clients that misbehave ----


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
