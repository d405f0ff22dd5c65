# SPDX-License-Identifier: Apache-2.0
"""Wrong URLs, and stores that are not there or are something else."""
import contextlib
import random
import socket
import threading
import time

import pytest

from actors import slowness
from harness import free_port
from pool import INVALID_PARAM, RESOURCE_IN_USE, STORE_INVALID_MESSAGE, STORE_SOCKET

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
