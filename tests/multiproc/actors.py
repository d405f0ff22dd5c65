# SPDX-License-Identifier: Apache-2.0
"""A started program, and the one that calls the C interface as a test tells it (actor.c)."""
import contextlib
import dataclasses
import functools
import os
import pathlib
import select
import signal
import subprocess
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("MEMFABRIC_BUILD_DIR", ROOT / "build" / "release"))
REPORTS = ("ERROR: AddressSanitizer", "ERROR: LeakSanitizer", "WARNING: ThreadSanitizer", "runtime error:")


@functools.cache
def _setting_of_build(name):
    with contextlib.suppress(OSError):
        for line in (BUILD / "CMakeCache.txt").read_text(encoding="utf-8").splitlines():
            if line.startswith(f"{name}:"):
                return line.partition("=")[2].strip()
    return ""


def sanitizer():
    """The sanitizer of the build under test: "", "address", "undefined" or "thread"."""
    return _setting_of_build("MEMFABRIC_SANITIZER")


def sanitizes_undefined():
    """Whether that, or one beside it by the compiler's flags, is UndefinedBehaviorSanitizer."""
    return sanitizer() == "undefined" or "-fsanitize=undefined" in _setting_of_build("CMAKE_CXX_FLAGS")


def slowness():
    """Time limits are multiplied by it."""
    return {"": 1, "undefined": 2, "address": 4, "thread": 8}[sanitizer()]


def sanitizer_environment():
    """What a process of this build needs in its environment, unless the caller has set it."""
    reports = {
        "ASAN_OPTIONS": "exitcode=99:fast_unwind_on_malloc=0",
        "LSAN_OPTIONS": f"suppressions={ROOT}/tests/leak_sanitizer.supp:print_suppressions=0",
        "UBSAN_OPTIONS": "print_stacktrace=1:exitcode=99",
        # Leaving takes a second a process by default.
        "TSAN_OPTIONS": f"exitcode=99:atexit_sleep_ms=100:suppressions={ROOT}/tests/thread_sanitizer.supp",
    }
    if sanitizer() == "thread":
        # ThreadSanitizer leaves the program these addresses only.
        bases = ",".join(hex(0x7E8000000000 + step * 0x1000000000) for step in range(8))
        reports |= {"MF_GVA_BASE": bases, "MF_ARENA_SIZE": "64G"}
    return {name: value for name, value in reports.items() if name not in os.environ}


class Failed(AssertionError):
    """A process did not do what the test told it to."""


@dataclasses.dataclass
class Answer:
    """What an actor said: code 0 and values, or a code and the library's last-error text."""

    ok: bool
    code: int
    text: str

    @property
    def value(self):
        return int(self.text.split()[0])

    @property
    def values(self):
        return [int(word) for word in self.text.split()]


class Process:
    """One started program: its lines, its checkpoints, its end. Standard error goes to a file."""

    def __init__(self, harness, name, command, environment):
        self.name = name
        self.harness = harness
        self.checkpoints = set()
        self.killed = False
        self._stopped = False
        self._lines = []
        self._partial = b""
        self._output_closed = False
        self._released = False
        self._stderr_path = harness.folder / f"{name}.stderr"
        with open(self._stderr_path, "wb") as stderr:
            self.popen = subprocess.Popen(
                [str(word) for word in (*harness.prefix, *command)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stderr,
                env=environment,
                start_new_session=True,
            )
        self._end = os.pidfd_open(self.popen.pid)

    @property
    def pid(self):
        return self.popen.pid

    def stderr(self):
        return self._stderr_path.read_text(encoding="utf-8", errors="replace")

    @property
    def is_stopped(self):
        return self._stopped

    def is_running(self):
        return self.popen.poll() is None

    def _pump(self, timeout):
        """Takes in what the process has printed. False where it has ended and all is taken in."""
        if self._released:
            return False
        output = self.popen.stdout.fileno()
        watched = [self._end] if self._output_closed else [output, self._end]
        ready = select.select(watched, [], [], max(0, timeout))[0]
        if output in ready:
            self._take(os.read(output, 1 << 20))
            return True
        return self._end not in ready

    def _take(self, data):
        self._output_closed = not data
        self._partial += data
        *complete, self._partial = self._partial.split(b"\n")
        for line in complete:
            text = line.decode(errors="replace")
            if text.startswith("checkpoint "):
                self.checkpoints.add(text[len("checkpoint ") :])
            else:
                self._lines.append(text)

    def _wait_until(self, condition, what, timeout):
        deadline = time.monotonic() + timeout * slowness()
        while not condition():
            left = deadline - time.monotonic()
            if left <= 0:
                raise Failed(
                    f"{self.name}: {what}: nothing within {timeout * slowness():.0f} s\n{self.stderr()}"
                )
            if not self._pump(left) and not condition():
                code = self.popen.wait()
                raise Failed(f"{self.name}: {what}: it ended with {code}\n{self.stderr()}")

    def wait_for(self, checkpoint, timeout=30):
        """Returns once the process has printed "checkpoint NAME"."""
        self._wait_until(lambda: checkpoint in self.checkpoints, f"checkpoint {checkpoint}", timeout)

    def read_line(self, timeout=30):
        self._wait_until(lambda: self._lines, "a line", timeout)
        return self._lines.pop(0)

    @property
    def output_is_over(self):
        return self._output_closed

    def write_line(self, line):
        if self._released:
            raise BrokenPipeError(f"{self.name} was killed")
        self.popen.stdin.write(line.encode() + b"\n")
        self.popen.stdin.flush()

    def kill(self):
        """As a crash would: SIGKILL, and gone when this returns."""
        self.killed = True
        self.popen.kill()
        self.popen.wait()

    def release(self):
        """Of one that has ended: takes in the rest and gives the descriptors back. For a test that ends more
        processes than it may have descriptors."""
        while self._pump(1):
            pass
        if not self._released:
            self._released = True
            self.popen.stdout.close()
            with contextlib.suppress(BrokenPipeError):
                self.popen.stdin.close()
            os.close(self._end)

    def stop(self):
        """Suspends the process; it does not run again before resume()."""
        self.popen.send_signal(signal.SIGSTOP)
        self._stopped = True
        wait_for(lambda: _state(self.pid) == "T", f"{self.name} to stop")

    def resume(self):
        self.popen.send_signal(signal.SIGCONT)
        self._stopped = False

    def wait(self, timeout=30):
        """The exit code, once the process has ended."""
        deadline = time.monotonic() + timeout * slowness()
        while self._pump(deadline - time.monotonic()):
            if time.monotonic() > deadline:
                raise Failed(f"{self.name}: did not end within {timeout * slowness():.0f} s\n{self.stderr()}")
        return self.popen.wait()

    def descriptors(self):
        """What the process has open: number -> target."""
        folder = f"/proc/{self.pid}/fd"
        found = {}
        for number in os.listdir(folder):
            with contextlib.suppress(FileNotFoundError):
                found[int(number)] = os.readlink(f"{folder}/{number}")
        return found

    def threads(self):
        return len(os.listdir(f"/proc/{self.pid}/task"))

    def close(self):
        """Ends it however it stands; for the harness."""
        if self._stopped:
            self.resume()
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
        self.popen.wait()
        self.release()


class Actor(Process):
    """A process that calls the C interface as it is told. `actor.call("join", handle, 0)` waits for the
    answer and fails the test unless it is ok; `fails(code, ...)` wants that code and returns the text;
    `send` and `answer` take it apart."""

    def __init__(self, harness, name, environment):
        super().__init__(harness, name, [BUILD / "bin" / "memfabric_actor"], environment)
        self.rank = None
        self._sent = []

    def send(self, *words):
        line = " ".join(
            "NULL" if word is None else str(int(word)) if isinstance(word, bool) else str(word)
            for word in words
        )
        self._sent.append(line)
        self.write_line(line)

    def answer_if_any(self):
        """Does not wait; None where there is none yet."""
        self._pump(0)
        return self.answer() if self._lines else None

    def answer(self, timeout=30):
        text = self.read_line(timeout)
        self._sent.pop(0)
        verdict, _, rest = text.partition(" ")
        if verdict == "ok":
            return Answer(True, 0, rest)
        code, _, reason = rest.partition(" ")
        return Answer(False, int(code), reason)

    def ask(self, *words, timeout=30):
        self.send(*words)
        return self.answer(timeout)

    def expect_ok(self, timeout=30):
        sent = self._sent[0]
        answer = self.answer(timeout)
        if not answer.ok:
            raise Failed(f"{self.name}: '{sent[:200]}' failed with {answer.code}: {answer.text}")
        return answer

    def call(self, *words, timeout=30):
        """The call succeeds; returns its answer."""
        self.send(*words)
        return self.expect_ok(timeout)

    def value(self, *words, timeout=30):
        """The call succeeds; returns its one number."""
        return self.call(*words, timeout=timeout).value

    def fails(self, code, *words, naming=(), timeout=30):
        """The call fails with `code`, and its text names every word of `naming`; returns the text."""
        answer = self.ask(*words, timeout=timeout)
        line = " ".join(map(str, words))[:200]
        if answer.ok or answer.code != code:
            raise Failed(f"{self.name}: '{line}' gave {answer.code} '{answer.text}', not {code}")
        for part in [naming] if isinstance(naming, str) else naming:
            if str(part).lower() not in answer.text.lower():
                raise Failed(f"{self.name}: '{line}': the text does not name '{part}': {answer.text}")
        if not answer.text:
            raise Failed(f"{self.name}: '{line}' failed with {code} and left no text")
        return answer.text

    def quit(self, timeout=30):
        """Returns from main; the exit code must be 0."""
        self.write_line("quit")
        code = self.wait(timeout)
        if code != 0:
            raise Failed(f"{self.name}: ended with {code}\n{self.stderr()}")


def together(actors, *words, timeout=60):
    """The same call at all actors at once; all succeed; returns the answers in order. A function as a word is
    called with the actor."""
    for actor in actors:
        actor.send(*(word(actor) if callable(word) else word for word in words))
    return [actor.expect_ok(timeout) for actor in actors]


def _state(pid):
    with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
        return file.read().rpartition(")")[2].split()[0]


def wait_for(condition, what, timeout=10):
    """Waits for something outside that gives no event, like a file to vanish."""
    deadline = time.monotonic() + timeout * slowness()
    while not condition():
        if time.monotonic() > deadline:
            raise Failed(f"waited {timeout * slowness():.0f} s for {what}")
        select.select([], [], [], 0.005)
