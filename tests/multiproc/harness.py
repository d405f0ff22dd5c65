# SPDX-License-Identifier: Apache-2.0
"""Starts real processes for tests, and leaves nothing of them behind.

`Harness` owns everything of one test: the processes, a folder for their sockets and output, their ports.
`Process` is any program; it names the points it has reached by printing lines "checkpoint NAME". `Actor`
is the process that calls the C interface line by line."""
import contextlib
import itertools
import os
import pathlib
import random
import shutil
import socket
import tempfile

from actors import REPORTS, Actor, Failed, Process, sanitizer_environment


def _sessions():
    """Process id -> session id of every process that runs."""
    found = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                with open(f"/proc/{entry}/stat", encoding="utf-8") as file:
                    fields = file.read().rpartition(")")[2].split()
                if fields[0] != "Z":
                    found[int(entry)] = int(fields[3])
    return found


def _shared_memory_files():
    """Files of ours there would be a bug: segments have no names. Other programs of the machine may have
    theirs."""
    return {
        name
        for name in os.listdir("/dev/shm")
        if "memfabric" in name or "smem" in name or name.startswith("mf")
    }


_ports = itertools.count(random.randrange(20000, 32000))


def free_port():
    """A port that nobody listens on, below those that the kernel hands out by itself."""
    while True:
        port = 20000 + next(_ports) % 12000
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with contextlib.suppress(OSError):
                probe.bind(("127.0.0.1", port))
                return port


# What whoever runs the tests may choose for all processes: addresses that a sanitizer leaves, a fabric.
GIVEN = ("MF_GVA_BASE", "MF_ARENA_SIZE", "MF_FABRIC_PROVIDER", "MF_FABRIC_ADDRESS")


class Harness:
    """Everything of one test."""

    prefix = ()  # words before every command; they must end in an exec, so that the process is the program

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        # A unix socket's path has at most 107 characters, and a test's folder may be deep.
        self.runtime_folder = pathlib.Path(tempfile.mkdtemp(prefix="mf-"))
        self.processes = []
        self.url = f"tcp://127.0.0.1:{free_port()}"
        self.keeps_notes = True  # whether a killed store's note may be left: none took its place
        self._shm_before = _shared_memory_files()
        self._names = itertools.count()

    def environment(self, extra=None):
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("MF_", "SMEM_", "SHMEM_", "SLURM_", "OMPI_", "PMI_", "PMIX_"))
            and name not in ("RANK", "WORLD_SIZE", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT")
        }
        passed = {
            name: value for name, value in os.environ.items() if name in GIVEN
        }
        return {
            **kept,
            **passed,
            **sanitizer_environment(),
            "MF_RUNTIME_DIR": str(self.runtime_folder),
            **(extra or {}),
        }

    def start(self, command, name=None, environment=None):
        """Starts any program."""
        process = Process(self, name or f"process{next(self._names)}", command, self.environment(environment))
        self.processes.append(process)
        return process

    def actor(self, name=None, environment=None):
        process = Actor(self, name or f"actor{next(self._names)}", self.environment(environment))
        self.processes.append(process)
        process.wait_for("started", 60)
        return process

    def actors(self, count, environment=None):
        """Starts `count` actors at once."""
        started = []
        for _ in range(count):
            process = Actor(self, f"actor{next(self._names)}", self.environment(environment))
            self.processes.append(process)
            started.append(process)
        for process in started:
            process.wait_for("started", 60)
        return started

    def ranks(self, count, world=None, environment=None, url=None, timeout=60, **config):
        """`count` actors that have initialised BM as ranks 0, 1, ..., the first one serving the store."""
        actors = self.actors(count, environment)
        for rank, actor in enumerate(actors):
            self.init(actor, rank, world or count, url=url, wait=False, **config)
        for actor in actors:
            actor.expect_ok(timeout)
        return actors

    def init(self, actor, rank, world, url=None, wait=True, timeout=60, device=0, **config):
        """smem_bm_init with the default configuration but for `config` and the rank."""
        actor.call("config_init")
        fields = {"rankId": rank, **config}
        actor.call("config", *(word for name, value in fields.items() for word in (name, int(value))))
        actor.rank = rank
        actor.send("bm_init", url or self.url, world, device)
        return actor.expect_ok(timeout) if wait else None

    def said(self):
        """By the processes that said something."""
        texts = [(process.name, process.stderr()) for process in self.processes]
        return "\n".join(f"{name} said:\n{text}" for name, text in texts if text)

    def finish(self):
        """Ends everything. Returns what a test must not leave: sentences, none where all is clean."""
        problems = []
        try:
            for process in self.processes:
                if process.is_running() and isinstance(process, Actor):
                    self._ask_to_quit(process)
            for process in self.processes:
                problems += self._check_end(process)
            problems += self._leftovers()
        finally:
            for process in self.processes:
                process.close()
            shutil.rmtree(self.runtime_folder, ignore_errors=True)
        return problems

    @staticmethod
    def _ask_to_quit(process):
        if process._stopped:
            process.resume()
        with contextlib.suppress(BrokenPipeError):
            process.write_line("quit")

    @staticmethod
    def _check_end(process):
        problems = []
        if not isinstance(process, Actor) and process.is_running():
            process.popen.terminate()
        try:
            code = process.wait(20)
            if code != 0 and not process.killed and isinstance(process, Actor):
                problems.append(f"{process.name} ended with {code}\n{process.stderr()}")
        except Failed as failure:
            problems.append(str(failure))
        reports = [
            line for line in process.stderr().splitlines() if any(report in line for report in REPORTS)
        ]
        if reports:
            problems.append(f"{process.name}: the sanitizer reports\n{process.stderr()}")
        return problems

    def _is_of_the_killed(self, name):
        """A socket whose name has the process id, or a store's note, by which the next one is known again."""
        killed = {str(process.pid) for process in self.processes if process.killed}
        return name.partition("-")[0] in killed or (bool(killed) and self.keeps_notes and ".store" in name)

    def _leftovers(self):
        ours = {process.pid for process in self.processes}
        left = [pid for pid, session in _sessions().items() if session in ours]
        problems = [f"process {pid} outlives the test" for pid in left if pid not in ours]
        problems += [
            f"{path} is left behind"
            for path in sorted(self.runtime_folder.rglob("*"))
            if not path.is_dir() and not self._is_of_the_killed(path.name)
        ]
        problems += [
            f"/dev/shm/{name} is left behind" for name in sorted(_shared_memory_files() - self._shm_before)
        ]
        return problems
