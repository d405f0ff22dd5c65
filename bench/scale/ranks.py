# SPDX-License-Identifier: Apache-2.0
"""Many ranks on this machine: processes that call the library as they are told, all at once, over pipes."""
import contextlib
import os
import resource
import selectors
import signal
import subprocess
import time

LIMIT = 240  # seconds for one call of all ranks
DEFAULT_FILES = 1024  # descriptors that a process may have unless somebody raised it: ranks get along with that


class Refused(Exception):
    """A call failed that should not have."""


class Ranks:
    """`count` processes of `program`, the actor of the tests."""

    def __init__(self, program, count, environment):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        needed = 2 * count + 64
        if needed > hard:
            raise OSError(f"{count} ranks need {needed} descriptors here, {hard} is the limit: ulimit -n {needed}")
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        self._files = (min(DEFAULT_FILES, soft), hard)
        self.processes, self._pending = {}, {}
        try:
            for rank in range(count):
                self.processes[rank] = self._start(program, environment)
                self._pending[rank] = b""
            self._answers(self.processes)  # "checkpoint started"
        except BaseException:
            self.close()
            raise

    def _start(self, program, environment):
        process = subprocess.Popen([program], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        resource.prlimit(process.pid, resource.RLIMIT_NOFILE, self._files)
        return process

    def call(self, *words, ranks=None, codes=(0,)):
        """All ranks (or those of `ranks`) do the same; a word may be a function of the rank. Returns the answers
        by rank; each of them has one of those codes."""
        ranks = list(self.processes if ranks is None else ranks)
        for rank in ranks:
            line = " ".join(str(word(rank) if callable(word) else word) for word in words)
            self.processes[rank].stdin.write(line.encode() + b"\n")
            self.processes[rank].stdin.flush()
        answers = self._answers(ranks)
        for rank, answer in answers.items():
            if (0 if answer.startswith("ok") else int(answer.split()[1])) not in codes:
                raise Refused(f"rank {rank}: {' '.join(map(str, words))[:80]}: {answer}")
        return answers

    def values(self, *words):
        """The first number of each answer, as a function of the rank."""
        found = {rank: answer.split()[1] for rank, answer in self.call(*words).items()}
        return lambda rank: found[rank]

    def _answers(self, ranks):
        """One line of each."""
        lines = {}
        deadline = time.monotonic() + LIMIT
        with selectors.DefaultSelector() as selector:
            for rank in ranks:
                selector.register(self.processes[rank].stdout, selectors.EVENT_READ, rank)
            while selector.get_map():
                for key, _ in selector.select(max(0, deadline - time.monotonic())):
                    line = self._read(key.data)
                    if line is not None:
                        lines[key.data] = line
                        selector.unregister(key.fileobj)
                if time.monotonic() > deadline:
                    missing = sorted(set(ranks) - lines.keys())
                    raise Refused(f"{len(missing)} ranks did not answer within {LIMIT} s, rank {missing[0]} among them")
        return lines

    def _read(self, rank):
        data = os.read(self.processes[rank].stdout.fileno(), 1 << 16)
        if not data:
            raise Refused(f"rank {rank} ended with {self.processes[rank].wait()}")
        line, end, self._pending[rank] = (self._pending[rank] + data).partition(b"\n")
        if not end:
            self._pending[rank] = line
            return None
        return line.decode(errors="replace")

    def kill(self, ranks):
        for rank in ranks:
            self.processes[rank].kill()
        for rank in ranks:
            self._close(self.processes.pop(rank))

    def end(self):
        """All of them return from main."""
        for process in self.processes.values():
            process.stdin.close()
        for rank, process in self.processes.items():
            if process.wait(LIMIT) != 0:
                raise Refused(f"rank {rank} ended with {process.returncode}")

    def cpu_seconds(self):
        """What all of them have used so far, threads included."""
        return sum(cpu_seconds(process.pid) for process in self.processes.values())

    def memory(self):
        """Bytes of private and shared memory, of which each shared page counts for its part."""
        return sum(memory(process.pid) for process in self.processes.values())

    def close(self):
        for process in self.processes.values():
            process.send_signal(signal.SIGKILL)
        for process in self.processes.values():
            self._close(process)
        self.processes.clear()

    @staticmethod
    def _close(process):
        process.wait()
        process.stdout.close()
        with contextlib.suppress(BrokenPipeError):
            process.stdin.close()


def cpu_seconds(pid):
    """By the clock of the process, which counts nanoseconds; /proc/PID/stat counts hundredths of a second."""
    clock = (~pid << 3) | 2  # clock_getcpuclockid(3)
    return time.clock_gettime(clock)


def memory(pid):
    with open(f"/proc/{pid}/smaps_rollup", encoding="utf-8") as file:
        for line in file:
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    return 0


def most_of(pids, folder):
    """The largest number of entries of /proc/PID/FOLDER."""
    return max(len(os.listdir(f"/proc/{pid}/{folder}")) for pid in pids)


def most_maps(pids):
    def maps(pid):
        with open(f"/proc/{pid}/maps", "rb") as file:
            return sum(1 for _ in file)

    return max(maps(pid) for pid in pids)
