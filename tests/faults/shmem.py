# SPDX-License-Identifier: Apache-2.0
"""Rounds of OpenSHMEM: a job under the launcher, whose PEs say at which point they are. A PE that is lost ends
the job with a word; whatever passes leaves it to its end."""
import contextlib
import functools
import os
import re
import select
import signal
import subprocess
import tempfile
import threading
import time

from actors import BUILD
from cluster import Cluster
from conductor import PATIENCE
from harness import Harness
from launcher import MF, Launcher
from world import STORE_STARTS, ranks_in

POINTS = ("init", "allocate", "put", "atomic", "barrier", "signal", "wait", "reduce", "broadcast", "free", "finalize")
NOT_HERE = {"disk"}  # the store of a job keeps nothing on one
ENDS_JOB = {"kill", "memory", "descriptors"}  # where it has struck, a job may end with a word
ROUNDS = 6
LIMIT = 30  # seconds for a job in which nothing happens
LOST_WITHIN = 15  # seconds from the loss of a PE to the end of the job
POINT = re.compile(rb"point (-?\d+) (\d+) (\w+)\n")
PE = re.compile(r"\bPE (\d+)")
CRASH = re.compile(r"killed by signal (4|6|7|8|11)\b")
SOURCE = os.path.join(os.path.dirname(__file__), "shmem_work.c")


_compiling = threading.Lock()


def program():
    with _compiling:
        return _compile()[0]


@functools.cache
def _compile():
    """Once a campaign; goes with the process."""
    folder = tempfile.TemporaryDirectory(prefix="mf-faults-")
    output = os.path.join(folder.name, "shmem_work")
    subprocess.run([BUILD / "bin/oshcc", "-O1", SOURCE, "-o", output], check=True)
    return output, folder


class Pe:
    """A process of the job, as faults want one. Those that are not known yet have no process id."""

    def __init__(self):
        self.pid = 0

    def is_running(self):
        return bool(self.pid) and os.path.exists(f"/proc/{self.pid}")

    def _send(self, number):
        if self.pid:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def kill(self):
        self._send(signal.SIGKILL)

    def stop(self):
        self._send(signal.SIGSTOP)

    def resume(self):
        self._send(signal.SIGCONT)


class Job:
    """Has the face of World for faults, and plays the round itself."""

    def __init__(self, folder, plan):
        self.plan = plan
        self.ranks = plan.ranks
        self.actors = [Pe() for _ in range(plan.ranks)]
        self.conductor = self
        self.problems = []
        self.trace = []
        self.struck = None
        self.refusals = 0
        self._timers = []
        self._lasting = None
        self._output = b""
        self._points = {}  # PE -> the last point that it has reached
        self._ranks = {}  # process -> PE
        self._struck_pid = 0
        self._unnamed = []  # processes that have not said yet which PE they are
        self.network = None
        self._stores = 0
        if plan.hosts == 1:
            self._harness = self._store_host = Harness(folder)
            command = [BUILD / "bin/oshrun", "-np", str(plan.ranks)]
            if plan.fault.name == "store":
                command = [MF, "run", "-n", str(plan.ranks), "--no-prefix", *self._store_apart(), "--"]
            environment = self._harness.environment()
        else:
            self._harness = Cluster(folder, plan.hosts)
            self.network = self._harness.network
            self._store_host = self._harness.hosts[0]
            first, second = (plan.ranks + 1) // 2, plan.ranks // 2
            hosts = ",".join(f"{host.address}:{pes}" for host, pes in zip(self._harness.hosts, (first, second)))
            launcher = Launcher(self._harness, folder)
            apart = self._store_apart() if plan.fault.name == "store" else []
            command = [*self._store_host.prefix, *launcher.command("--hosts", hosts, *apart, "--")]
            environment = self._store_host.environment()
        self._store_host.keeps_notes = False  # the last store ends in good order
        words = [program(), str(ROUNDS), str(plan.random.randrange(1 << 30))]
        self.errors = open(folder / "stderr", "w+b")
        self.job = subprocess.Popen(
            [str(word) for word in (*command, *words)],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=self.errors,
            start_new_session=True,
        )

    def _store_apart(self):
        """Options of the launcher, which otherwise has a store of its own."""
        self.restart_store()
        return ["--store", self._harness.url]

    def restart_store(self):
        self._stores += 1
        self.store = self._store_host.start([MF, "store", self._harness.url], f"store{self._stores}")
        self.store.read_line(STORE_STARTS)

    def host_of(self, rank):
        return 0 if rank < (self.ranks + 1) // 2 else 1

    def lose(self, rank):
        pass  # the job ends; who plays it sees that

    def note(self, text):
        self.trace.append(f"{time.monotonic():.3f} {text}")

    def after(self, seconds, action):
        self._timers.append((time.monotonic() + seconds, action))

    def strike(self):
        plan = self.plan
        if not self.actors[plan.victim].is_running():
            return
        self.note(f"fault {plan.fault.name} strikes PE {plan.victim}")
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it has just ended
            self._struck_pid = self.actors[plan.victim].pid
            plan.fault.strike(self, plan.victim)
            self.struck = self._lasting = time.monotonic()
            self.after(plan.lasts, self.lift)

    def lift(self):
        if self._lasting:
            self._lasting = None
            self.note("it is lifted")
            self.plan.fault.lift(self, self.plan.victim)

    def play(self):
        began = time.monotonic()
        while self._take_output():
            for timer in [timer for timer in self._timers if timer[0] <= time.monotonic()]:
                self._timers.remove(timer)
                timer[1]()
            if self._is_late(began):
                self.problems.append(f"the job hangs: {time.monotonic() - began:.0f} s")
                os.killpg(self.job.pid, signal.SIGKILL)
                break
        self.lift()
        self._judge(self.job.wait())

    def _is_late(self, began):
        limit = began + LIMIT + self.plan.lasts + PATIENCE
        if self.struck and self.plan.fault.name == "kill":
            limit = self.struck + LOST_WITHIN
        return time.monotonic() > limit

    def _take_output(self):
        """False once the job's output has ended."""
        stream = self.job.stdout.fileno()
        if not select.select([stream], [], [], 0.01)[0]:
            return True
        data = os.read(stream, 1 << 16)
        self._output += data
        *lines, self._output = self._output.split(b"\n")
        for line in lines:
            found = POINT.search(line + b"\n")
            if found:
                self._reached(int(found[1]), int(found[2]), found[3].decode())
        return bool(data)

    def _reached(self, pe, pid, point):
        self.note(f"PE {pe} ({pid}): {point}")
        if pe < 0:  # before shmem_init nobody knows; any of them will do
            self._unnamed.append(pid)
            pe = len(self._unnamed) - 1
        else:
            self._ranks[pid] = pe
        self.actors[pe].pid = pid
        self._points[pe] = point
        if pe == self.plan.victim and point == self.plan.point and not self.struck and not self._timers:
            self.after(self.plan.delay, self.strike)

    def _judge(self, code):
        self.errors.seek(0)
        text = self.errors.read().decode(errors="replace")
        fault = self.plan.fault.name if self.struck else ""
        if "WRONG" in text or CRASH.search(text) or (code != 0 and fault not in ENDS_JOB):
            self.problems.append(f"the job ended with {code}\n{text[-3000:]}")
        elif code != 0:
            self.refusals += 1
            self.problems += [f"the job ended with {code}: {gap}\n{text[-3000:]}" for gap in self._gaps(fault, text)]
        elif fault == "kill" and self._points[self.plan.victim] != "finalize":  # it may have died behind it
            self.problems.append("a PE was killed, and the job says that all is well")

    def _gaps(self, fault, text):
        """What should be said of the end: which PE is lost or short of something, and by a PE where one can."""
        named = ranks_in(text) | set(map(int, PE.findall(text)))
        lost = self._ranks.get(self._struck_pid)  # None: before shmem_init nobody knew
        if not named or (lost is not None and lost not in named):
            yield f"nobody names PE {'N' if lost is None else lost}"
        if fault != "kill" and "SHMEM PE" not in text:
            yield "no PE says why"

    def finish(self):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.job.pid, signal.SIGKILL)
        self.job.wait()
        self.job.stdout.close()
        self.errors.close()
        left = [pe.pid for pe in self.actors if pe.is_running()]
        problems = [f"process {pid} outlives its job" for pid in left]
        for pid in left:
            os.kill(pid, signal.SIGKILL)
        return problems + self._harness.finish()
