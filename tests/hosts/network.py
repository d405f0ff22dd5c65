# SPDX-License-Identifier: Apache-2.0
"""Hosts for tests: real network namespaces, each with one interface `eth0`, joined by a switch (a bridge in a
namespace of its own) or, two of them, by one cable (a veth pair). Further networks (`eth1`, ...) have a switch
each. Nothing lies in the machine's own namespace. The names carry the process that made them, so that what a killed run has left is found and
removed."""
import contextlib
import functools
import itertools
import os
import signal
import subprocess

PREFIX = "mf-test"
_numbers = itertools.count()


def _ip(*words):
    """Runs the command ip; what it says on failure is in the error."""
    done = subprocess.run(["ip", *map(str, words)], capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if done.returncode != 0:
        raise OSError(f"ip {' '.join(map(str, words))}: {done.stderr.strip()}")
    return done.stdout


def _start_time(pid):
    """In clock ticks since boot; None where no such process runs. With it a process id means one process."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
            return file.read().rpartition(")")[2].split()[19]
    return None


def namespaces():
    """The names of all that tests have made."""
    with contextlib.suppress(FileNotFoundError):
        return sorted(name for name in os.listdir("/run/netns") if name.startswith(PREFIX + "-"))
    return []


def _is_left_over(name):
    words = name.removeprefix(PREFIX + "-").split("-")
    return len(words) >= 3 and _start_time(words[0]) != words[1]


def _remove(name):
    """With the processes that are still inside."""
    with contextlib.suppress(OSError):
        for pid in _ip("netns", "pids", name).split():
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)
    with contextlib.suppress(OSError):
        _ip("netns", "del", name)


def sweep():
    """Removes the namespaces of test runs that are dead."""
    for name in filter(_is_left_over, namespaces()):
        _remove(name)


@functools.cache
def refusal():
    """Why this machine gives us no namespaces; empty where it does. It is tried, not guessed."""
    try:
        with Network(2):
            return ""
    except OSError as error:
        return f"network namespaces are not allowed here: {error}"


class Network:
    """`count` hosts, each reaching each. `cable` joins two directly. `networks` is how many interfaces each has.
    A context manager, or close()."""

    def __init__(self, count, cable=False, networks=1):
        if cable and (count != 2 or networks != 1):
            raise ValueError("a cable has two ends, and is one")
        self.networks = networks
        sweep()
        run = f"{PREFIX}-{os.getpid()}-{_start_time(os.getpid())}-{next(_numbers)}"
        self.names = [f"{run}-h{number}" for number in range(count)]
        self._switch = None if cable else f"{run}-switch"
        try:
            self._make()
        except BaseException:
            self.close()
            raise

    def _make(self):
        for name in [*self.names, *([self._switch] if self._switch else [])]:
            _ip("netns", "add", name)
            _ip("-n", name, "link", "set", "lo", "up")
        if self._switch:
            for network in range(self.networks):
                self._join_by_switch(network)
        else:
            first, second = self.names
            _ip(
                "link", "add", "eth0", "netns", first, "type", "veth", "peer", "name", "eth0", "netns", second
            )
        for number, name in enumerate(self.names):
            for network in range(self.networks):
                device = f"eth{network}"
                _ip("-n", name, "address", "add", f"{self.address(number, network)}/24", "dev", device)
                _ip("-n", name, "link", "set", device, "up")
            with contextlib.suppress(OSError):  # a kernel without IPv6
                _ip("-n", name, "address", "add", f"{self.address6(number)}/64", "dev", "eth0", "nodad")

    def _join_by_switch(self, network):
        bridge = f"bridge{network}"
        _ip("-n", self._switch, "link", "add", bridge, "type", "bridge")
        _ip("-n", self._switch, "link", "set", bridge, "up")
        for number, name in enumerate(self.names):
            port = self._port(number, network)
            peer = ("peer", "name", port, "netns", self._switch)
            _ip("link", "add", f"eth{network}", "netns", name, "type", "veth", *peer)
            _ip("-n", self._switch, "link", "set", port, "master", bridge)
            _ip("-n", self._switch, "link", "set", port, "up")

    @staticmethod
    def _port(host, network):
        return f"port{network}-{host}"

    @staticmethod
    def address(host, network=0):
        return f"10.{77 + network}.0.{host + 1}"

    @staticmethod
    def address6(host):
        return f"fd77::{host + 1}"

    def command(self, host):
        """What stands before a command so that it runs on this host. It ends in an exec."""
        return ("ip", "netns", "exec", self.names[host])

    def run(self, host, *command, timeout=30):
        return subprocess.run(
            [*self.command(host), *map(str, command)],
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=timeout,
        )

    def take_down(self, host, network=0):
        """The host's own interface: its kernel knows."""
        _ip("-n", self.names[host], "link", "set", f"eth{network}", "down")

    def bring_up(self, host, network=0):
        _ip("-n", self.names[host], "link", "set", f"eth{network}", "up")

    def cut(self, host, network=0):
        """Between host and switch, without a word to either end: frames vanish."""
        _ip("-n", self._switch, "link", "set", self._port(host, network), "nomaster")

    def mend(self, host, network=0):
        _ip("-n", self._switch, "link", "set", self._port(host, network), "master", f"bridge{network}")

    def sent(self, host, network=0):
        """The bytes that the host has sent over that interface."""
        counter = f"/sys/class/net/eth{network}/statistics/tx_bytes"
        return int(self.run(host, "cat", counter).stdout)

    def unacknowledged(self, host, network=0):
        """The bytes that the host's TCP connections over that interface have not got across."""
        listed = self.run(host, "ss", "-Htn", "src", self.address(host, network))
        assert listed.returncode == 0, listed.stderr
        return sum(int(line.split()[2]) for line in listed.stdout.splitlines())

    def close(self):
        for name in [*self.names, *([self._switch] if self._switch else [])]:
            _remove(name)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
