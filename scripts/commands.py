# SPDX-License-Identifier: Apache-2.0
"""Runs commands so that nothing of them outlives this process."""
import contextlib
import os
import signal
import subprocess
import tempfile
import threading

from sources import ROOT


class Sessions:
    """The commands under way; those of all threads end together where this script is told to end."""

    def __init__(self):
        self.lock_ = threading.Lock()
        self.running_ = set()
        self.ended_ = False

    def start(self, *arguments, **options):
        with self.lock_:
            if self.ended_:
                raise RuntimeError("the tests were told to end")
            process = subprocess.Popen(*arguments, start_new_session=True, **options)
            self.running_.add(process)
            return process

    def end(self, process):
        """Nothing of a command outlives it, however this script ends."""
        with self.lock_:
            self.running_.discard(process)
        kill_session(process)
        process.wait()

    def end_all(self):
        with self.lock_:
            self.ended_ = True
            for process in self.running_:
                kill_session(process)


SESSIONS = Sessions()


def kill_session(process):
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


def run(command, limit, environment=None, quiet=True, cwd=ROOT):
    """Runs a command in a session of its own and ends all of it by the limit (seconds). Returns whether it
    succeeded; the output is shown where it did not, or where `quiet` is off."""
    with tempfile.TemporaryFile() as log:
        sink = log if quiet else None
        process = SESSIONS.start(
            [str(word) for word in command],
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=subprocess.STDOUT if quiet else None,
            env={**os.environ, **(environment or {})},
        )
        timed_out = False
        try:
            process.wait(timeout=limit)
        except subprocess.TimeoutExpired:
            timed_out = True
        finally:
            SESSIONS.end(process)
        succeeded = not timed_out and process.returncode == 0
        if quiet and not succeeded:
            log.seek(0)
            text = log.read().decode(errors="replace").splitlines()
            print("\n".join(text[-400:]))
        if timed_out:
            print(f"ended after {limit} s: {' '.join(map(str, command))}")
        return succeeded
