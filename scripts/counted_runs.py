# SPDX-License-Identifier: Apache-2.0
"""Runs test programs and says how many tests passed, failed and were skipped."""
import dataclasses
import json
import pathlib
import subprocess
import tempfile
import xml.etree.ElementTree

from commands import run
from sources import ROOT

PYTHON = "/usr/bin/python3"


@dataclasses.dataclass
class Count:
    passed: int = 0
    failed: int = 0
    skipped: int = 0

    def __add__(self, other):
        return Count(self.passed + other.passed, self.failed + other.failed, self.skipped + other.skipped)


def one(succeeded):
    return Count(passed=1) if succeeded else Count(failed=1)


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
