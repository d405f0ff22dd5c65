#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Checks that every source file names its licence in one of its first lines. Prints each that does not."""
import sys

from sources import ROOT, project_files

LINE = "SPDX-License-Identifier: Apache-2.0"
SUFFIXES = {
    ".h",
    ".hpp",
    ".c",
    ".cc",
    ".cpp",
    ".py",
    ".pyi",
    ".sh",
    ".cmake",
    ".in",
    ".map",
    ".toml",
    ".yml",
    ".yaml",
}
NAMES = {"CMakeLists.txt", ".clang-format", ".clang-tidy", "run"}


def files_without():
    missing = []
    for path in project_files():
        if path.suffix not in SUFFIXES and path.name not in NAMES:
            continue
        with open(ROOT / path, encoding="utf-8", errors="replace") as file:
            head = [file.readline() for _ in range(5)]
        if not any(LINE in line for line in head):
            missing.append(str(path))
    return missing


if __name__ == "__main__":
    missing = files_without()
    print(
        "\n".join(f"{name}: no line '{LINE}'" for name in missing)
        or "spdx: every source file names its licence"
    )
    sys.exit(1 if missing else 0)
