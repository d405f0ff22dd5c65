# SPDX-License-Identifier: Apache-2.0
import pathlib
import signal
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from actors import slowness  # noqa: E402
from harness import Harness  # noqa: E402
from pool import H2G, MIB, start_pool  # noqa: E402

TIME_LIMIT = 120  # seconds a test, its set-up and its end included


class TimedOut(Exception):
    """Raised inside a test by the alarm."""


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_protocol(item):
    marker = item.get_closest_marker("time_limit")
    limit = (marker.args[0] if marker else TIME_LIMIT) * slowness()

    def ring(*_):
        raise TimedOut(f"{item.nodeid} took more than {limit} s")

    previous = signal.signal(signal.SIGALRM, ring)
    signal.alarm(limit)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, previous)


def pytest_configure(config):
    config.addinivalue_line("markers", "time_limit(seconds): instead of the default limit")


@pytest.fixture
def harness(tmp_path):
    everything = Harness(tmp_path)
    try:
        yield everything
    finally:
        problems = everything.finish()
        print(everything.said())  # shown where the test failed
    assert not problems, "\n".join(problems)


@pytest.fixture
def pool(harness):
    """Two ranks with a joined object, for calls that are refused."""
    made = start_pool(harness, 2, dram=2 * MIB, hbm=2 * MIB)
    made.actor = made.actors[0]
    made.own = made.handle(made.actor)
    made.buffer = made.actor.value("alloc", MIB)
    made.actor.call("set", made.buffer, MIB, 0xEE)
    yield made
    # Whatever was refused has changed nothing, and the pool still works.
    made.actor.call("all", made.base, 2 * made.stride, 0)
    made.actor.call("all", made.buffer, MIB, 0xEE)
    made.actor.call("copy", made.own, H2G, 0, made.region(1), made.buffer, 4096)
    made.actors[1].call("all", made.region(1), 4096, 0xEE)
