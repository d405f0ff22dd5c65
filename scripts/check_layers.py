#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Checks that every layer includes only itself and what stands above its row in the design. Prints each
violation."""
import pathlib
import re
import sys

from sources import ROOT, cpp_files

# Above the first row stand the public headers, which every layer may include.
ROWS = [
    ["base"],
    ["observe"],
    ["store"],
    ["memory"],
    ["transport"],
    ["copy"],
    ["runtime"],
    ["bm", "shm", "trans", "shmem"],
    ["capi"],
]
ROW_OF = {layer: row for row, layers in enumerate(ROWS) for layer in layers}
# Parts that see the public headers and the private C interface alone.
OUTSIDERS = {"python", "tools", "examples"}
# A library of its own, on top of the core's C edge.
ON_THE_EDGE = "shmem"
PRIVATE_INTERFACE = "capi/private_api.h"
INCLUDE = re.compile(r'^\s*#\s*include\s+([<"])([^>"]+)[>"]')


def includes(path):
    for number, line in enumerate((ROOT / path).read_text(encoding="utf-8").splitlines(), 1):
        found = INCLUDE.match(line)
        if found:
            yield number, found.group(1), found.group(2)


def layer_of_include(name):
    first = name.split("/")[0]
    return first if first in ROW_OF and "/" in name else None


def check_file(path):
    """Yields 'file:line: text' for each include that is not allowed."""
    parts = path.parts
    public = {header.name for header in (ROOT / "include").rglob("*.h")}
    for number, bracket, name in includes(path):
        target = layer_of_include(name)
        where = f"{path}:{number}: {name}"
        if parts[0] == "include":
            if target is not None or (bracket == '"' and name.split("/")[-1] not in public):
                yield f"{where}: a public header includes nothing internal"
        elif parts[0] == "src" and len(parts) > 2 and parts[1] in ROW_OF:
            own = parts[1]
            may = own == ON_THE_EDGE and name == PRIVATE_INTERFACE
            if target is not None and target != own and ROW_OF[target] >= ROW_OF[own] and not may:
                yield f"{where}: layer {own} must not include layer {target}"
        elif parts[0] in OUTSIDERS and target is not None and name != PRIVATE_INTERFACE:
            yield f"{where}: {parts[0]} sees the public headers and {PRIVATE_INTERFACE} alone"


def unknown_layers():
    """A folder below src/ that has no row could include anything unseen."""
    folders = {path.parts[1] for path in cpp_files() if path.parts[0] == "src" and len(path.parts) > 2}
    return [
        f"src/{name}: this folder has no row in scripts/check_layers.py"
        for name in sorted(folders - ROW_OF.keys())
    ]


def violations():
    found = unknown_layers()
    for path in cpp_files():
        found += check_file(pathlib.Path(path))
    return found


if __name__ == "__main__":
    problems = violations()
    print("\n".join(problems) or "layers: every include is allowed")
    sys.exit(1 if problems else 0)
