# SPDX-License-Identifier: Apache-2.0
"""`mf run` on the hosts of a cluster by OpenSSH: a server on each. Keys, configuration and known hosts lie in a folder of the
test's; nothing of the machine's own OpenSSH is read or written."""
import contextlib
import os
import shutil
import signal
import subprocess

from actors import wait_for
from launcher import Launcher

SERVER = "/usr/sbin/sshd"
PORT = 2222
# The server wants this empty folder, which Debian's unit makes; it lies in a /run that only this host's processes see.
START = f'mount -t tmpfs tmpfs /run && mkdir -m 755 /run/sshd && exec {SERVER} -D -e -f "$0"'
SERVER_CONFIG = """\
Port {port}
ListenAddress {address}
HostKey {folder}/host_key
AuthorizedKeysFile {folder}/user_key.pub
PidFile none
StrictModes no
UsePAM no
PermitRootLogin prohibit-password
PasswordAuthentication no
KbdInteractiveAuthentication no
SetEnv {variables}
"""
CLIENT_CONFIG = """\
Port {port}
IdentityFile {folder}/user_key
IdentitiesOnly yes
IdentityAgent none
UserKnownHostsFile {folder}/known_hosts
GlobalKnownHostsFile /dev/null
"""


def refusal():
    """Why there is no OpenSSH here; empty where there is."""
    missing = [name for name in (SERVER, "ssh", "ssh-keygen") if not shutil.which(name)]
    if missing:
        return f"OpenSSH is not installed: no {' and no '.join(missing)}"
    with open("/etc/shadow", encoding="utf-8") as file:
        is_locked = any(line.startswith("root:!") for line in file)
    return "root's account is locked, so that its server lets nobody in" if is_locked else ""


def is_of_the_server(command):
    """The one that listens, and those of each connection."""
    return command.startswith(("sshd:", SERVER))


class SshLauncher(Launcher):
    """`mf run` at host 0 of a cluster, by ssh to all of them."""

    def __init__(self, cluster, folder):
        super().__init__(cluster, folder)
        for key in ("host_key", "user_key", "strange_key"):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / key], check=True)
        self.config = folder / "ssh_config"
        self.config.write_text(CLIENT_CONFIG.format(port=PORT, folder=folder), encoding="utf-8")
        self.known_hosts = folder / "known_hosts"
        public = (folder / "host_key.pub").read_text(encoding="utf-8")
        self.known_hosts.write_text(
            "".join(f"[{host.address}]:{PORT} {public}" for host in cluster.hosts), encoding="utf-8"
        )
        self.use("-o BatchMode=yes")
        self.servers = [self._serve(host) for host in cluster.hosts]
        for server in self.servers:
            wait_for(lambda: "Server listening" in server.stderr() or not server.is_running(), "a server")
            assert server.is_running(), server.stderr()

    def use(self, options=""):
        """What ssh is given beside its configuration, whose words these come before."""
        self.shell = f"ssh -F {self.config} {options}"

    def _serve(self, host):
        given = host.environment()
        names = [name for name in given if name in ("MF_HOST_ID", "MF_RUNTIME_DIR") or name.endswith("SAN_OPTIONS")]
        config = self.folder / f"sshd_config{host.number}"
        config.write_text(
            SERVER_CONFIG.format(
                port=PORT,
                address=host.address,
                folder=self.folder,
                variables=" ".join(f"{name}={given[name]}" for name in names),
            ),
            encoding="utf-8",
        )
        return host.start(["sh", "-c", START, config], "sshd")

    def host_file(self, ranks):
        file = self.folder / "hosts"
        file.write_text("".join(f"{host.address} slots={ranks}\n" for host in self.cluster.hosts), encoding="utf-8")
        return file

    def close_connections(self, host):
        """As a server's host does that goes down in good order."""
        network = self.cluster.network
        for pid in network.run(host, "ip", "netns", "pids", network.names[host]).stdout.split():
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                with open(f"/proc/{pid}/cmdline", encoding="utf-8") as file:
                    is_connection = file.read().startswith("sshd:") and int(pid) != self.servers[host].pid
                if is_connection:
                    os.kill(int(pid), signal.SIGKILL)

    def processes_inside(self):
        return [command for command in super().processes_inside() if not is_of_the_server(command)]
