# SPDX-License-Identifier: Apache-2.0
"""The hosts themselves: they reach each other, their links can be cut, and nothing of them is left."""
import pathlib
import subprocess
import sys

import pytest

import network
from actors import wait_for
from network import Network

FOLDER = pathlib.Path(__file__).parent
CONNECT = """
import socket, sys
with socket.create_connection((sys.argv[1], 7), timeout=float(sys.argv[2])) as peer:
    print(peer.recv(100).decode())
"""
SERVE = """
import socket, sys
family = socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET
with socket.create_server((sys.argv[1], 7), family=family) as s:
    print("listening", flush=True)
    while True:
        peer = s.accept()[0]
        peer.sendall(("hello from " + sys.argv[1]).encode())
        peer.close()
"""


class Server:
    """A process on a host that greets whoever connects to the address."""

    def __init__(self, hosts, host, address):
        command = [*hosts.command(host), sys.executable, "-c", SERVE, address]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout.readline() == "listening\n"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._process.kill()
        self._process.wait()
        self._process.stdout.close()


def connect(hosts, host, address, timeout=5):
    return hosts.run(host, sys.executable, "-c", CONNECT, address, timeout).stdout.strip()


@pytest.mark.parametrize("count,cable", [(2, True), (2, False), (4, False)])
def test_every_host_reaches_every_other(count, cable):
    with Network(count, cable) as hosts:
        for target in range(count):
            with Server(hosts, target, hosts.address(target)):
                for origin in range(count):
                    assert (
                        connect(hosts, origin, hosts.address(target)) == f"hello from {hosts.address(target)}"
                    )


def test_hosts_reach_each_other_by_ipv6():
    with Network(2) as hosts:
        with Server(hosts, 0, hosts.address6(0)):
            assert connect(hosts, 1, hosts.address6(0)) == f"hello from {hosts.address6(0)}"


def test_loopback_of_a_host_is_its_own():
    with Network(2) as hosts:
        with Server(hosts, 0, "127.0.0.1"):
            assert connect(hosts, 0, "127.0.0.1") == "hello from 127.0.0.1"
            assert connect(hosts, 1, "127.0.0.1") == ""


@pytest.mark.parametrize(
    "apart,together",
    [(Network.take_down, Network.bring_up), (Network.cut, Network.mend)],
    ids=["down", "cut"],
)
def test_a_link_goes_and_comes_back(apart, together):
    with Network(3) as hosts, Server(hosts, 0, hosts.address(0)):
        apart(hosts, 1)
        assert connect(hosts, 1, hosts.address(0), 0.5) == ""
        assert connect(hosts, 2, hosts.address(0)) != ""  # the others are unharmed
        together(hosts, 1)
        assert connect(hosts, 1, hosts.address(0)) != ""


def test_a_host_ends_with_the_processes_inside():
    hosts = Network(2)
    process = subprocess.Popen([*hosts.command(0), "sleep", "600"])
    wait_for(lambda: str(process.pid) in hosts.run(0, "ip", "netns", "pids", hosts.names[0]).stdout, "sleep")
    hosts.close()
    assert process.wait(10) == -9
    assert not set(hosts.names) & set(network.namespaces())


def test_what_a_killed_run_leaves_is_removed():
    made = "import network, sys; n = network.Network(2); print(*n.names, flush=True); sys.stdin.read()"
    run = subprocess.Popen(
        [sys.executable, "-c", made], cwd=FOLDER, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    names = set(run.stdout.readline().split())
    network.sweep()
    assert len(names) == 2 and names <= set(network.namespaces())  # it lives: nothing of it is touched
    run.kill()
    run.communicate()
    assert names <= set(network.namespaces())
    network.sweep()
    assert not names & set(network.namespaces())


def test_a_failure_says_what_was_tried():
    with Network(2) as hosts:
        with pytest.raises(OSError, match="ip .*nowhere"):
            hosts.names.append("nowhere")
            hosts.take_down(2)
