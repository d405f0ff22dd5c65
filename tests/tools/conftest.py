# SPDX-License-Identifier: Apache-2.0
"""Runs the command `mf` of the build folder that MEMFABRIC_BUILD_DIR names."""
import os
import pathlib
import subprocess
import sys
import uuid

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("MEMFABRIC_BUILD_DIR", ROOT / "build" / "release"))
LIMIT = 60  # seconds; only what hangs needs them
MARK = "MEMFABRIC_TEST_MARK"


def clean_environment():
    """What the tests are started with must not look like options or a launcher to `mf`."""
    prefixes = ("MF_", "SMEM_", "SLURM_", "OMPI_", "PMI")
    names = {"RANK", "WORLD_SIZE", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT"}
    return {name: value for name, value in os.environ.items() if not name.startswith(prefixes) and name not in names}


class Mf:
    """Starts `mf` with a mark in its environment, by which everything that it leaves behind is found."""

    def __init__(self):
        self.mark = uuid.uuid4().hex
        self.started = []

    def environment(self, extra=None):
        return {**clean_environment(), MARK: self.mark, **(extra or {})}

    def __call__(self, *arguments, env=None, stdin=subprocess.DEVNULL, **options):
        return subprocess.run([BUILD / "bin" / "mf", *map(str, arguments)], env=self.environment(env), capture_output=True,
                              text=True, timeout=LIMIT, check=False,
                              **({"input": options.pop("input")} if "input" in options else {"stdin": stdin}), **options)

    def start(self, *arguments, env=None):
        process = subprocess.Popen([BUILD / "bin" / "mf", *map(str, arguments)], env=self.environment(env),
                                   stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.started.append(process)
        return process

    def left_behind(self):
        """Command lines of processes that carry the mark."""
        found = []
        for folder in pathlib.Path("/proc").glob("[0-9]*"):
            try:
                if f"{MARK}={self.mark}".encode() in (folder / "environ").read_bytes():
                    found.append((folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace"))
            except OSError:
                continue  # gone meanwhile, or a zombie
        return found

    def end(self):
        for process in self.started:
            if process.poll() is None:
                process.kill()
            process.communicate()


@pytest.fixture
def mf():
    runner = Mf()
    yield runner
    runner.end()
    assert runner.left_behind() == []


@pytest.fixture
def python():
    return sys.executable
