# SPDX-License-Identifier: Apache-2.0
import pathlib
import signal
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from actors import slowness  # noqa: E402
from harness import Harness  # noqa: E402

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
    assert not problems, "\n".join(problems)
