# SPDX-License-Identifier: Apache-2.0
"""A build of an OpenSHMEM library whose wrapper and launcher are run in turns with another one's."""
import os
import signal
import subprocess
import sys

RUN_LIMIT = 120  # seconds


class Side:
    """One of the two libraries."""

    def __init__(self, name, compiler, launcher, arguments):
        self.name, self.compiler, self.launcher, self.arguments = name, compiler, launcher, arguments

    def compile(self, sources, output):
        command = [self.compiler, "-O2", *map(str, sources), "-o", str(output)]
        if subprocess.run(command, check=False, stdout=sys.stderr).returncode != 0:
            sys.exit(f"{self.name}: {' '.join(map(str, command))} failed")

    def run(self, pes, program, arguments=(), limit=RUN_LIMIT, heap="512M"):
        """What the program prints, or None where it has not ended in `limit` seconds."""
        environment = {**os.environ, "SHMEM_SYMMETRIC_SIZE": heap}
        command = [self.launcher, *self.arguments, "-np", str(pes), str(program), *arguments]
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
                                   env=environment, start_new_session=True)
        try:
            text, _ = process.communicate(timeout=limit)
        except subprocess.TimeoutExpired:
            return None
        finally:
            _end_session(process)
        if process.returncode != 0:
            print(f"{self.name}: exit code {process.returncode} of {' '.join(map(str, command))}", file=sys.stderr)
            return None
        return text


def _end_session(process):
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait()


def metrics_of(text):
    """Of a program that prints "NAME VALUE" a line."""
    found = {}
    for line in (text or "").splitlines():
        name, _, value = line.partition(" ")
        found[name] = float(value)
    return found
