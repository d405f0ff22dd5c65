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

from commands import SESSIONS, run
from counted_runs import PYTHON, Count, one, run_ctest, run_pytest
from sources import ROOT, cpp_files

# The longest first: two of them run at a time.
PYTEST_SUITES = ["multiproc", "hosts", "python", "headers", "tools", "examples", "scripts"]
SANITIZERS = ["asan", "ubsan", "tsan"]
# Reports end the process with a code of their own, so that a test cannot take them for something expected.
# libfabric has no frame pointers: without fast_unwind_on_malloc=0 the stack of what is lost ends where libfabric was called.
SANITIZER_ENVIRONMENT = {
    "ASAN_OPTIONS": "exitcode=99:detect_stack_use_after_return=1:fast_unwind_on_malloc=0",
    "LSAN_OPTIONS": f"suppressions={ROOT}/tests/leak_sanitizer.supp:print_suppressions=0",
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
