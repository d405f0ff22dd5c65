# SPDX-License-Identifier: Apache-2.0
"""The tests of tests/multiproc on several hosts: a module here adopts them, and their fixture `harness` is
then a Cluster. After a test its processes are asked whether bytes went over the fabric."""
import importlib
import json
import os
import time

from actors import wait_for

LONG = os.environ.get("MEMFABRIC_LONG_TESTS") == "1"
MOST_RANKS = 4  # of tests with a parameter `count` where LONG is off
HOSTS = "HOSTS_OF_TESTS"  # in an adopting module: test -> numbers of hosts
TRAFFIC = "TESTS_WITH_TRAFFIC"


def short(*values):
    """Of a parameter's values: all in the long run, else the first."""
    return values if LONG else values[:1]


def adopt(into, name, only=None, leave_out=(), short=None, four=(), traffic=None):
    """Puts the tests and fixtures of a module of tests/multiproc into the namespace `into`: all of them, or
    `only` some, without those of `leave_out`, each over 2 hosts. `short`: those that are run each time, the
    others where MEMFABRIC_LONG_TESTS=1 alone; None: all. `four`: those over 4 hosts as well then, which is
    something else from three ranks on. `traffic`: those in which bytes go over the fabric, and whose
    processes live at the end; None: all."""
    module = importlib.import_module(name)
    tests = {key: value for key, value in vars(module).items() if key.startswith("test_")}
    adopted = {key for key in only or tests if key not in leave_out}
    unknown = {*(only or ()), *leave_out, *(short or ()), *four, *(traffic or ())} - set(tests)
    if unknown or adopted & set(into):
        raise LookupError(f"not in {name}: {unknown}; from elsewhere already: {adopted & set(into)}")
    if short is not None and not LONG:
        adopted &= set(short)
    into.update({key: tests[key] for key in tests if key in adopted})
    into.update({key: value for key, value in vars(module).items() if _is_fixture(value)})
    hosts = into.setdefault(HOSTS, {})
    hosts.update({key: (2, 4) if key in four and LONG else (2,) for key in adopted})
    into.setdefault(TRAFFIC, set()).update(adopted if traffic is None else traffic)


def _is_fixture(value):
    return hasattr(value, "_pytestfixturefunction")


def host_counts(metafunc):
    return getattr(metafunc.module, HOSTS)[metafunc.function.__name__]


def is_too_large(item):
    """An adopted test with more ranks than a short run has time for."""
    parameters = item.callspec.params if hasattr(item, "callspec") else {}
    return not LONG and "host_count" in parameters and parameters.get("count", 0) > MOST_RANKS


def check_traffic(request, cluster):
    """At the end of an adopted test."""
    if request.function.__name__ in getattr(request.module, TRAFFIC):
        assert sum(moved(cluster.processes).values()) > 0, "nothing went over the fabric"


def moved(actors):
    """Bytes that those of the processes that can answer have put to, and got from, other hosts."""
    counters = [
        json.loads(actor.call("fabric_counters").text)
        for actor in actors
        if actor.is_running() and not actor.is_stopped
    ]
    return {way: sum(counter[way]["bytes"] for counter in counters) for way in ("put", "get")}


def settle(value):
    """What `value` gives once it has been the same for half a second."""
    seen = [(value(), time.monotonic())]

    def look():
        now = value()
        if now != seen[-1][0]:
            seen.append((now, time.monotonic()))
        return time.monotonic() - seen[-1][1] > 0.5

    wait_for(look, "an end of the changes", 30)
    return seen[-1][0]


def stays_for(seconds, value):
    """What `value` gives stays the same for so long."""
    first, until = value(), time.monotonic() + seconds
    wait_for(lambda: value() != first or time.monotonic() > until, "the time to pass", seconds + 5)
    assert value() == first


def sweep_after_a_kill(host):
    """Removes what a killed process leaves on a host: sockets, and the note by which a store that is started
    again knows its clients."""
    for path in host.runtime_folder.rglob("*"):
        if path.is_socket() or path.suffix == ".store":
            path.unlink()
