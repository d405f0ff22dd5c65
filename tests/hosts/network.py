# SPDX-License-Identifier: Apache-2.0
"""Hosts for tests: real network namespaces, each with one interface `eth0`, joined by a switch (a bridge in a
namespace of its own) or, two of them, by one cable (a veth pair). Nothing lies in the machine's own
namespace. The names carry the process that made them, so that what a killed run has left is found and
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
    """`count` hosts, each reaching each. `cable` joins two directly. A context manager, or close()."""

    def __init__(self, count, cable=False):
        if cable and count != 2:
            raise ValueError("a cable has two ends")
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
            self._join_by_switch()
        else:
            first, second = self.names
            _ip(
                "link", "add", "eth0", "netns", first, "type", "veth", "peer", "name", "eth0", "netns", second
            )
        for number, name in enumerate(self.names):
            _ip("-n", name, "address", "add", f"{self.address(number)}/24", "dev", "eth0")
            with contextlib.suppress(OSError):  # a kernel without IPv6
                _ip("-n", name, "address", "add", f"{self.address6(number)}/64", "dev", "eth0", "nodad")
            _ip("-n", name, "link", "set", "eth0", "up")

    def _join_by_switch(self):
        _ip("-n", self._switch, "link", "add", "bridge", "type", "bridge")
        _ip("-n", self._switch, "link", "set", "bridge", "up")
        for number, name in enumerate(self.names):
            port = f"port{number}"
            peer = ("peer", "name", port, "netns", self._switch)
            _ip("link", "add", "eth0", "netns", name, "type", "veth", *peer)
            _ip("-n", self._switch, "link", "set", port, "master", "bridge")
            _ip("-n", self._switch, "link", "set", port, "up")

    @staticmethod
    def address(host):
        return f"10.77.0.{host + 1}"

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

    def take_down(self, host):
        """The host's own interface: its kernel knows."""
        _ip("-n", self.names[host], "link", "set", "eth0", "down")

    def bring_up(self, host):
        _ip("-n", self.names[host], "link", "set", "eth0", "up")

    def cut(self, host):
        """Between host and switch, without a word to either end: frames vanish."""
        _ip("-n", self._switch, "link", "set", f"port{host}", "nomaster")

    def mend(self, host):
        _ip("-n", self._switch, "link", "set", f"port{host}", "master", "bridge")

    def close(self):
        for name in [*self.names, *([self._switch] if self._switch else [])]:
            _remove(name)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
