# SPDX-License-Identifier: Apache-2.0
"""What the tests of the examples share: where the programs are, and running one with nothing left behind."""

import contextlib
import os
import random
import signal
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("MEMFABRIC_BUILD_DIR", ROOT / "build" / "release"))
LIMIT = 120  # seconds


@pytest.fixture(scope="session")
def programs():
    folder = BUILD / "bin"
    if not folder.is_dir():
        pytest.fail(f"{folder} is not there; build first: scripts/build.sh")
    return folder


def start(command, **more):
    """In a session of its own, so that all of it can be ended."""
    return subprocess.Popen([str(word) for word in command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, text=True, start_new_session=True, **more)


def finish(process):
    try:
        out, err = process.communicate(timeout=LIMIT)
    finally:
        end(process)
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def end(process):
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def run(command, **more):
    return finish(start(command, **more))


def some_url():
    """A port that is most likely free; below the range that the kernel gives out."""
    return f"tcp://127.0.0.1:{random.randint(20000, 29999)}"
