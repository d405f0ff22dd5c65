#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""How long it takes until a loss is known and a successor or a new store serves, what counting costs, and what many
ranks do. Each part is a module of this folder with a function rows(report, arguments)."""
import argparse
import os
import pathlib
import signal
import sys
import time
import traceback

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
for folder in ("tests/hosts", "tests/multiproc", "bench/common"):
    sys.path.insert(0, str(ROOT / folder))


def parse():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="samples of each metric")
    parser.add_argument("--json", action="store_true", help="a JSON object a line instead of tab-separated lines")
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build/release")
    parser.add_argument("--silent-build", type=pathlib.Path, default=ROOT / "build/counters_off",
                        help="configured with -DMEMFABRIC_COUNTERS=OFF")
    parser.add_argument("--part", action="append", help="this one alone; may be given more than once")
    return parser.parse_args()


def main():
    arguments = parse()
    os.environ["MEMFABRIC_BUILD_DIR"] = str(arguments.build.resolve())
    # After the build was named: they look for it.
    import counters
    import losses
    import many
    import stores
    from contest import Report

    parts = {"losses": losses, "stores": stores, "counters": counters, "many": many}
    report = Report(arguments.json)
    for name in arguments.part or parts:
        begun = time.monotonic()
        try:
            parts[name].rows(report, arguments)
        except Exception:  # the other parts' metrics are wanted all the same
            traceback.print_exc()
            report.missing(name)
        print(f"{name}: {time.monotonic() - begun:.0f} s", file=sys.stderr)
    return 1 if report.failed else 0


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that processes and hosts go, too
    sys.exit(main())
