#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The demo on several hosts, called by scripts/demo.sh: makes network namespaces with an address each, joined by a switch, runs
`mf run --hosts` over them with a remote shell that enters them, then a prefill and a decode process on two of them, and removes
them."""
import os
import pathlib
import shlex
import signal
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "hosts"))

import network  # noqa: E402

RANKS_OF_A_HOST = 2
KV_PORT = 17500
BUILD = pathlib.Path(os.environ.get("MEMFABRIC_BUILD_DIR", ROOT / "build" / "release"))


def write_shell(path, hosts, folder):
    """What stands in for ssh: HOST COMMAND. Each host has an identity and a folder for sockets of its own."""
    lines = ["#!/bin/sh", "case $1 in"]
    for number in range(len(hosts.names)):
        runtime = folder / f"host{number}"
        runtime.mkdir()
        variables = f"MF_HOST_ID=host{number} MF_RUNTIME_DIR={shlex.quote(str(runtime))}"
        enter = " ".join(hosts.command(number))
        lines.append(f'{hosts.address(number)}) shift; {variables} exec {enter} sh -c "$*" ;;')
    lines += ['*) echo "no host $1" >&2; exit 255 ;;', "esac", ""]
    path.write_text("\n".join(lines), encoding="utf-8")
    path.chmod(0o755)


def run(count, source):
    with network.Network(count) as hosts, tempfile.TemporaryDirectory(prefix="mf-demo-") as name:
        folder = pathlib.Path(name)
        shell = folder / "shell"
        write_shell(shell, hosts, folder)
        places = ",".join(f"{hosts.address(number)}:{RANKS_OF_A_HOST}" for number in range(count))
        program = [ROOT / "scripts" / "python.sh", ROOT / "examples" / "pool_hosts.py", source]
        command = [BUILD / "bin" / "mf", "run", "--no-prefix", "--remote-shell", shell, "--hosts", places, "--", *program]
        code = run_all([[*hosts.command(0), *map(str, command)]])
        if code != 0:
            return code
        print("\n== KV cache from prefill on one host to decode on another", flush=True)
        place = f"{hosts.address(0)}:{KV_PORT}"
        return run_all([[shell, hosts.address(number), ROOT / "scripts" / "python.sh", ROOT / "examples" / "kv_handoff.py", role, place]
                        for number, role in enumerate(("--decode-at", "--prefill-to"))])


def run_all(commands):
    """Side by side, the last one ending by itself whatever becomes of the others; the first code that is not 0."""
    environment = {**os.environ, "MF_ALLOW_PLAINTEXT": "1"}
    processes = []
    try:
        for command in commands:
            processes.append(subprocess.Popen([str(word) for word in command], env=environment))
        return next((process.returncode for process in reversed(processes) if process.wait() != 0), 0)
    finally:
        for process in processes:
            process.terminate()  # of one that has ended, nothing; else it ends its ranks
        for process in processes:
            process.wait()


def main():
    count, source = int(sys.argv[1]), sys.argv[2]
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    signal.signal(signal.SIGINT, signal.default_int_handler)  # also where whoever starts us ignores it
    try:
        if network.refusal():
            print(f"demo.sh: --hosts: {network.refusal()}; it needs root", file=sys.stderr)
            return 1
        return run(count, source)
    except KeyboardInterrupt:
        return 128 + signal.SIGINT


if __name__ == "__main__":
    sys.exit(main())
