#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Builds and runs every check and test; called by scripts/test.sh. The last line is 'N passed, M failed'."""
import argparse
import concurrent.futures
import dataclasses
import itertools
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time
import typing
import xml.etree.ElementTree

from commands import SESSIONS, run
from sources import ROOT, cpp_files

PYTHON = "/usr/bin/python3"
# The longest first: two of them run at a time.
PYTEST_SUITES = ["multiproc", "hosts", "python", "headers", "tools", "examples", "scripts"]
SANITIZERS = {"asan": "address", "ubsan": "undefined", "tsan": "thread"}
# Reports end the process with a code of their own, so that a test cannot take them for something expected.
SANITIZER_ENVIRONMENT = {
    "ASAN_OPTIONS": "exitcode=99:detect_stack_use_after_return=1",
    "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1:exitcode=99",
    "TSAN_OPTIONS": "exitcode=99:halt_on_error=0:second_deadlock_stack=1:atexit_sleep_ms=100:"
    f"suppressions={ROOT}/tests/thread_sanitizer.supp",
}
# ThreadSanitizer leaves the program these addresses only.
TSAN_ARENA = {
    "MF_GVA_BASE": ",".join(hex(0x7E8000000000 + step * 0x1000000000) for step in range(8)),
    "MF_ARENA_SIZE": "64G",
}
FUZZ_SECONDS = 30
VERBS = "verbs;ofi_rxm"


@dataclasses.dataclass
class Count:
    passed: int = 0
    failed: int = 0
    skipped: int = 0

    def __add__(self, other):
        return Count(self.passed + other.passed, self.failed + other.failed, self.skipped + other.skipped)


def one(succeeded):
    return Count(passed=1) if succeeded else Count(failed=1)


def build(preset, targets=(), limit=1800):
    return run(["scripts/build.sh", preset, *targets], limit)


def script_check(*command, limit=300):
    return one(run([PYTHON, *command], limit))


def check_format():
    files = [str(path) for path in cpp_files()]
    return one(run(["clang-format", "--dry-run", "-Werror", *files], 300))


def check_tidy():
    """Each translation unit of the release build is one check."""
    commands = json.loads((ROOT / "build/release/compile_commands.json").read_text(encoding="utf-8"))
    ours = sorted(
        {entry["file"] for entry in commands if pathlib.Path(entry["file"]).is_relative_to(ROOT / "src")}
    )
    if not ours:
        print("no source of ours in build/release/compile_commands.json")
        return one(False)
    total = Count()
    for first in range(0, len(ours), os.cpu_count() or 1):
        running = [
            (
                name,
                subprocess.Popen(
                    ["clang-tidy", "-p", "build/release", "--quiet", name],
                    cwd=ROOT,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.DEVNULL,
                    text=True,
                ),
            )
            for name in ours[first : first + (os.cpu_count() or 1)]
        ]
        for name, process in running:
            output, _ = process.communicate()
            if process.returncode != 0:
                print(output)
            total += one(process.returncode == 0)
    return total


def ctest_entries(preset):
    listing = subprocess.run(
        ["ctest", "--test-dir", f"build/{preset}", "--show-only=json-v1"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    return json.loads(listing)["tests"]


def ctest_property(entry, name, default):
    return next((item["value"] for item in entry.get("properties", []) if item["name"] == name), default)


def run_ctest_entry(entry, environment, folder):
    """A GoogleTest binary counts as the tests that it ran; any other command, or one that died, as one."""
    report = pathlib.Path(folder) / "gtest.json"
    report.unlink(missing_ok=True)
    given = dict(text.split("=", 1) for text in ctest_property(entry, "ENVIRONMENT", []))
    if "command" not in entry:
        print(f"{entry['name']}: not built")
        return one(False)
    succeeded = run(
        entry["command"],
        ctest_property(entry, "TIMEOUT", 300),
        {**environment, **given, "GTEST_OUTPUT": f"json:{report}"},
        cwd=ctest_property(entry, "WORKING_DIRECTORY", ROOT),
    )
    if not report.exists():
        return one(succeeded)
    result = json.loads(report.read_text(encoding="utf-8"))
    failed = result["failures"] + result.get("errors", 0)
    skipped = sum(
        test.get("result") == "SKIPPED" for suite in result["testsuites"] for test in suite["testsuite"]
    )
    ran = result["tests"] - result.get("disabled", 0) - skipped
    if not succeeded and failed == 0:
        failed = 1  # died after its last test: a leak, say
        ran += 1
    return Count(ran - failed, failed, skipped)


def run_ctest(preset, environment=None):
    total = Count()
    with tempfile.TemporaryDirectory(prefix="t-") as folder:
        for entry in ctest_entries(preset):
            count = run_ctest_entry(entry, environment or {}, folder)
            print(f"  {preset}: {entry['name']}: {count.passed} passed, {count.failed} failed", flush=True)
            total += count
    return total


def read_junit(path):
    total = Count()
    for suite in xml.etree.ElementTree.parse(path).getroot().iter("testsuite"):
        failed = int(suite.get("failures", 0)) + int(suite.get("errors", 0))
        skipped = int(suite.get("skipped", 0))
        total += Count(int(suite.get("tests", 0)) - failed - skipped, failed, skipped)
    return total


def run_pytest(suite, preset="release", environment=None, limit=1200):
    folder = ROOT / "tests" / suite
    if not folder.is_file() and not any(folder.glob("test_*.py")):
        return Count()
    # The wrapper makes the built packages importable.
    interpreter = ["scripts/python.sh"] if suite in ("python", "examples") else [PYTHON]
    with tempfile.TemporaryDirectory(prefix="t-") as temporary:
        report = pathlib.Path(temporary) / "junit.xml"
        succeeded = run(
            [
                *interpreter,
                "-m",
                "pytest",
                "-q",
                "-p",
                "no:cacheprovider",
                "-rs",
                f"--junit-xml={report}",
                f"--basetemp={temporary}/tmp",
                folder,
            ],
            limit,
            {
                "MEMFABRIC_BUILD_DIR": str(ROOT / "build" / preset),
                "PYTHONDONTWRITEBYTECODE": "1",
                **(environment or {}),
            },
        )
        count = read_junit(report) if report.exists() else Count()
    if not succeeded and count.failed == 0:
        count += one(False)
    return count


def run_sanitizer(preset):
    if not build(preset):
        return one(False)
    environment = dict(SANITIZER_ENVIRONMENT)
    if preset == "tsan":
        environment.update(TSAN_ARENA)
    total = run_ctest(preset, environment)
    for suite in ("multiproc", "hosts"):
        total += run_pytest(suite, preset, environment, limit=3600)
    return total


def run_long_hosts():
    """Also what takes more hosts, and suites that say the same over hosts as beside."""
    return run_pytest("hosts", environment={"MEMFABRIC_LONG_TESTS": "1"}, limit=5400)


def verbs_environment():
    """What lets the tests use an RDMA device by libfabric's verbs provider, or None and why there is none."""
    info = subprocess.run(
        [ROOT / "build/release/bin/mf", "info", "--json"], check=True, capture_output=True, text=True
    ).stdout
    providers = json.loads(info)["fabric"]["providers"]
    verbs = next(provider for provider in providers if provider["name"] == VERBS)
    addresses = [way["address"] for way in verbs["ways"] if way["address"]]
    if not verbs["usable"] or not addresses:
        return None, verbs["note"] or "the device has no address: give its interface one (RoCE), or set up IPoIB"
    return {"MF_FABRIC_PROVIDER": VERBS, "MF_FABRIC_ADDRESS": addresses[0]}, ""


def run_verbs():
    """Two host identities on this machine, which reach each other through its RDMA device."""
    environment, reason = verbs_environment()
    if environment is None:
        print(f"  the fabric over {VERBS} is not tested: {reason}", flush=True)
        return Count(skipped=1)
    print(f"  over {VERBS} at {environment['MF_FABRIC_ADDRESS']}", flush=True)
    command = ["build/release/bin/mf", "bench", "fabric", "--verify", "--pool", "64M", "--seconds", "0.2"]
    total = one(run(command, 300, environment))
    for suite in ("bm", "shm", "trans"):
        total += run_pytest(f"multiproc/test_{suite}_hosts.py", environment=environment)
    return total


def run_soak():
    return run_pytest(
        "multiproc/test_trans_soak.py", environment={"MEMFABRIC_SOAK_SECONDS": "600"}, limit=1500
    )


def run_campaign(arguments=()):
    """Rounds of processes that work while something goes wrong: tests/faults/campaign.py says what."""
    command = [PYTHON, "tests/faults/campaign.py", *arguments]
    return one(run(command, 7200, {"PYTHONDONTWRITEBYTECODE": "1"}, quiet=False))


def run_fuzz():
    if not build("fuzz", ["fuzzers"]):
        return one(False)
    targets = sorted((ROOT / "build/fuzz/bin").glob("*_fuzz"))
    total = Count() if targets else one(False)
    for target in targets:
        with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
            found = pathlib.Path(folder) / "found"  # what is new; the corpus of the project stays as it is
            found.mkdir()
            count = one(
                run(
                    [
                        target,
                        f"-max_total_time={FUZZ_SECONDS}",
                        "-timeout=10",
                        f"-artifact_prefix={folder}/",
                        found,
                        ROOT / "tests/fuzz/corpus" / target.name,
                    ],
                    FUZZ_SECONDS + 120,
                    {"TMPDIR": folder},
                )
            )
        print(f"  {target.name}: {'clean' if count.passed else 'FAILED'}", flush=True)
        total += count
    return total


@dataclasses.dataclass
class Part:
    name: str
    action: typing.Callable[[], Count]
    always: bool = True  # belongs to every change
    needs_build: bool = True
    beside: bool = False  # may run while another such part runs


def parts():
    result = [
        Part("spdx", lambda: script_check("scripts/check_spdx.py"), needs_build=False),
        Part("layers", lambda: script_check("scripts/check_layers.py"), needs_build=False),
        Part("format", check_format, needs_build=False),
        Part(
            "symbols", lambda: script_check("scripts/check_symbols.py", "build/release/lib/libmemfabric.so")
        ),
        Part("unit", lambda: run_ctest("release")),
    ]
    result += [Part(suite, lambda suite=suite: run_pytest(suite), beside=True) for suite in PYTEST_SUITES]
    result.append(Part("tidy", check_tidy, always=False))
    result += [
        Part(preset, lambda preset=preset: run_sanitizer(preset), always=False, needs_build=False)
        for preset in SANITIZERS
    ]
    result.append(Part("hosts-long", run_long_hosts, always=False))
    result.append(Part("verbs", run_verbs, always=False))
    result.append(Part("soak", run_soak, always=False))
    result.append(Part("faults", run_campaign, always=False))
    result.append(Part("fuzz", run_fuzz, always=False, needs_build=False))
    return result


def chosen_parts(options):
    if not options.only:
        return [part for part in parts() if part.always or options.all]
    known = {part.name: part for part in parts()}
    unknown = sorted(set(options.only) - known.keys())
    if unknown:
        sys.exit(f"test.sh: no part is called {', '.join(unknown)}; --list shows them")
    return [known[name] for name in options.only]


def run_part(part):
    started = time.monotonic()
    count = part.action()
    skipped = f", {count.skipped} skipped" if count.skipped else ""
    seconds = time.monotonic() - started
    print(f"{part.name}: {count.passed} passed, {count.failed} failed{skipped} in {seconds:.0f} s", flush=True)
    return count


def run_beside(chosen):
    """Most of what these tests take is waiting: two parts at a time leave two processors less idle."""
    with concurrent.futures.ThreadPoolExecutor(max_workers=2) as pool:
        try:
            return sum(pool.map(run_part, chosen), Count())
        except BaseException:
            SESSIONS.end_all()
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def build_release():
    started = time.monotonic()
    built = build("release")
    print(f"build: {'done' if built else 'FAILED'} in {time.monotonic() - started:.0f} s", flush=True)
    return built


def run_parts(chosen):
    total = Count()
    built = None
    for beside, group in itertools.groupby(chosen, key=lambda part: part.beside):
        group = list(group)
        if built is None and any(part.needs_build for part in group):
            built = build_release()
            total += one(built)
        runnable = [part for part in group if built or not part.needs_build]
        for part in group:
            if part not in runnable:
                print(f"{part.name}: not run, the build failed", flush=True)
        total += run_beside(runnable) if beside else sum(map(run_part, runnable), Count())
    return total


def chosen_by(arguments):
    if arguments[:1] == ["faults"]:
        return [Part("faults", lambda: run_campaign(arguments[1:]))]
    parser = argparse.ArgumentParser(
        prog="scripts/test.sh",
        description="Builds and runs the checks and tests. `scripts/test.sh faults --help` is a command of its own.",
    )
    parser.add_argument("--all", action="store_true", help="also the long parts: tidy, sanitizers, fuzz")
    parser.add_argument(
        "--only", action="append", metavar="PART", help="run this part only; may be given several times"
    )
    parser.add_argument("--list", action="store_true", help="show the names of the parts")
    options = parser.parse_args(arguments)
    if options.list:
        for part in parts():
            print(f"{part.name}{'' if part.always else ' (--all)'}")
        sys.exit(0)
    return chosen_parts(options)


def main():
    chosen = chosen_by(sys.argv[1:])
    # What a test that was killed leaves behind goes with this folder. Its name is short, since unix sockets lie in it.
    with tempfile.TemporaryDirectory(prefix="mf-tests-", ignore_cleanup_errors=True) as folder:
        os.chmod(folder, 0o711)  # some tests run programs as another user
        os.environ["TMPDIR"] = tempfile.tempdir = folder
        try:
            total = run_parts(chosen)
        finally:
            tempfile.tempdir = None
    print(f"{total.passed} passed, {total.failed} failed")
    return 0 if total.failed == 0 and total.passed > 0 else 1


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    # Whoever runs this in the background may ignore it, and programs under test would inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.exit(main())
