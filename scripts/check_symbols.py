#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Usage: check_symbols.py LIBRARY. Checks that it exports the public names (MEMFABRIC_1: smem_*) and the
private ones (MEMFABRIC_PRIVATE_1: mf_private_*) and nothing else, and that every function of the public
headers is among them."""
import pathlib
import re
import subprocess
import sys

from sources import ROOT

# The interfaces that this version implements; the other headers are there for programs to compile against.
HEADERS = ["smem.h", "smem_security.h", "smem_bm.h", "smem_shm.h", "smem_trans.h"]
NODES = {"MEMFABRIC_1": "smem_", "MEMFABRIC_PRIVATE_1": "mf_private_"}
# "type name(" at the beginning of a line; a declaration may go on over several lines.
DECLARATION = re.compile(r"^(?:const\s+)?\w+\s*\**\s*(smem_\w+)\s*\(", re.MULTILINE)


def exported(library):
    """(name, node) of each dynamic symbol that the library defines."""
    listing = subprocess.run(
        ["nm", "--dynamic", "--defined-only", "--with-symbol-versions", str(library)],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    for line in listing.splitlines():
        name, _, node = line.split()[-1].partition("@@")
        yield name, node


def declared():
    """Names of the functions in the public headers."""
    names = set()
    for header in HEADERS:
        text = (ROOT / "include" / "smem" / header).read_text(encoding="utf-8")
        text = re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)
        names |= set(DECLARATION.findall(text))
    return names


def problems(library):
    found = []
    seen = set()
    for name, node in exported(library):
        if name in NODES:
            continue  # the node's own absolute symbol
        seen.add(name)
        if node not in NODES or not name.startswith(NODES[node]):
            found.append(f"{library}: exports {name} (node '{node}')")
    found += [
        f"{library}: {name} is declared in a public header and not exported"
        for name in sorted(declared() - seen)
    ]
    return found


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    wrong = problems(pathlib.Path(sys.argv[1]))
    print("\n".join(wrong) or "symbols: exactly the public and the private names")
    sys.exit(1 if wrong else 0)
