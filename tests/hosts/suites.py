# SPDX-License-Identifier: Apache-2.0
"""The tests of tests/multiproc, run on several hosts: a module here adopts one of there, and its fixture
`harness` is then a Cluster. After each test the processes are asked whether bytes went over the fabric."""
import importlib
import json


def _is_fixture(value):
    return hasattr(value, "_pytestfixturefunction") or hasattr(value, "_fixture_function_marker")


def adopt(into, name, leave_out=(), four=(), no_traffic=()):
    """Puts the tests and fixtures of a module of tests/multiproc into the namespace `into`, for 2 hosts.
    `four`: those that are run on 4 hosts as well, which needs more than two ranks to be something else.
    `no_traffic`: those in which nothing has to go over the fabric, or by processes alone that have ended when
    they would be asked. `leave_out`: those that are not run on several hosts; say why where they are named."""
    module = importlib.import_module(name)
    tests = {key: value for key, value in vars(module).items() if key.startswith("test_")}
    unknown = (set(leave_out) | set(four) | set(no_traffic)) - set(tests)
    if unknown:
        raise LookupError(f"{name} has no {', '.join(sorted(unknown))}")
    adopted = {key: value for key, value in tests.items() if key not in leave_out}
    taken = set(adopted) & set(into)
    if taken:
        raise LookupError(f"{', '.join(sorted(taken))} is there already")
    into.update(adopted)
    into.update({key: value for key, value in vars(module).items() if _is_fixture(value)})
    hosts = into.setdefault("HOSTS", {})
    hosts.update({key: (2, 4) if key in four else (2,) for key in adopted})
    into.setdefault("NO_TRAFFIC", set()).update(no_traffic)


def moved(actors):
    """Bytes that these processes have put to, and got from, other hosts. Those that cannot answer any more
    count as 0."""
    counters = [
        json.loads(actor.call("fabric_counters").text)
        for actor in actors
        if actor.is_running() and not actor.is_stopped and not actor.killed
    ]
    return {way: sum(counter[way]["bytes"] for counter in counters) for way in ("put", "get")}
