# SPDX-License-Identifier: Apache-2.0
"""`mf run` on the hosts of a cluster: a remote shell that enters namespaces stands in for ssh."""
import subprocess

from actors import BUILD

MF = BUILD / "bin" / "mf"
SHELL = """#!/bin/sh
# HOST COMMAND, as ssh has them; refuses hosts that do not exist. Of what ssh leaves behind, this is tested:
unset MF_FABRIC_ADDRESS
case $1 in
{cases}
*) echo "no route to $1" >&2; exit 255 ;;
esac
"""


class Launcher:
    """`mf run` at host 0 of a cluster."""

    def __init__(self, cluster, folder):
        self.cluster = cluster
        self.folder = folder
        self.shell = folder / "shell"
        cases = "\n".join(
            f"{host.address}) shift; MF_HOST_ID=host{host.number} MF_RUNTIME_DIR={host.runtime_folder} "
            f'exec {" ".join(host.prefix)} sh -c "$*" ;;'
            for host in cluster.hosts
        )
        self.shell.write_text(SHELL.format(cases=cases), encoding="utf-8")
        self.shell.chmod(0o755)

    def hosts(self, ranks):
        return ",".join(f"{host.address}:{ranks}" for host in self.cluster.hosts)

    def command(self, *words):
        return [MF, "run", "--remote-shell", str(self.shell), *map(str, words)]

    def start(self, *words, environment=None):
        host = self.cluster.hosts[0]
        return subprocess.Popen(
            [*host.prefix, *self.command(*words)],
            env=host.environment(environment),
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *words, environment=None):
        process = self.start(*words, environment=environment)
        out, errors = process.communicate(timeout=60)
        return subprocess.CompletedProcess(words, process.returncode, out, errors)

    def processes_inside(self):
        """Commands that run on the hosts."""
        network = self.cluster.network
        found = []
        for host, name in enumerate(network.names):
            for pid in network.run(host, "ip", "netns", "pids", name).stdout.split():
                try:
                    with open(f"/proc/{pid}/cmdline", "rb") as file:
                        found.append(file.read().replace(b"\0", b" ").decode())
                except OSError:
                    continue
        return [line for line in found if line and not line.startswith("ip ")]
