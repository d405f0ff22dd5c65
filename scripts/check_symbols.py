#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Usage: check_symbols.py LIBRARY. Checks that it exports the public names (MEMFABRIC_1: smem_*) and the
private ones (MEMFABRIC_PRIVATE_1: mf_private_*) and nothing else, and that every function of the public
headers is among them. Neither may it keep thread_local objects with destructors: glibc takes memory for each at
its first use, and aborts the process where there is none (base/per_thread.h does without)."""
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


ABORTS_WITHOUT_MEMORY = "__cxa_thread_atexit"


def listed(library, *options):
    command = ["nm", "--dynamic", *options, str(library)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()


def exported(library):
    """(name, node) of each dynamic symbol that the library defines."""
    for line in listed(library, "--defined-only", "--with-symbol-versions"):
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
    if any(line.split()[-1].startswith(ABORTS_WITHOUT_MEMORY) for line in listed(library, "--undefined-only")):
        found.append(f"{library}: has a thread_local object with a destructor: use base/per_thread.h")
    return found


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    wrong = problems(pathlib.Path(sys.argv[1]))
    print("\n".join(wrong) or "symbols: exactly the public and the private names")
    sys.exit(1 if wrong else 0)
