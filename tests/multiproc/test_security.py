# SPDX-License-Identifier: Apache-2.0
"""Rows of the threat model in docs/security.md: what a client of the store, another user of the host and a
listener on the wire can and cannot do; and that no secret gets into a log."""
import contextlib
import os
import re
import resource
import socket
import ssl
import struct
import subprocess
import threading

import pytest

from certificates import Authority
from limits import skip_where_descriptors_are_needed
from pool import KIB, MIB, REFUSED, make_pool
from sessions import PATIENCE, open_session, start_sessions, start_store
from store_protocol import SET, Member, Refused, SessionRecord, text

NOBODY = 65534
PASSWORD = "correct horse battery"
TOKEN = re.compile(r"\b[0-9a-f]{32}\b")

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    made = Authority(tmp_path_factory.mktemp("tls") / "own")
    made.issue("client").issue("locked", password=PASSWORD)
    return made


def record_of(harness, session, wrap=lambda plain: plain):
    """What a member of the pool knows of a session."""
    with Member(harness.url, wrap) as member:
        return SessionRecord.decode(member.list("trans/session/")["trans/session/" + session.name])


# ---- a client of the store, in the plain or with a certificate ----


def test_a_member_of_the_pool_reads_its_keys_and_tokens(harness):
    """It is one of those who share the pool: the tokens keep nobody out who may use the store."""
    initiator, _ = start_sessions(harness, 2)
    assert TOKEN.fullmatch(record_of(harness, initiator).token)


def test_a_session_of_the_store_is_not_taken_over_by_guessing(harness):
    start_store(harness)
    with Member(harness.url) as first:
        store = {"store_instance": first.store_instance, "run": first.run}
        for session in (1, 2**63, 2**64 - 1, first.session ^ 1):
            with pytest.raises(Refused, match="given this process up"):
                Member(harness.url, session=session, **store)
        with pytest.raises(Refused, match="given this process up"):
            Member(harness.url, pid=2, session=first.session, **store)
        assert first.list() == {}


def test_what_a_live_client_owns_another_one_cannot_overwrite(harness):
    (session,) = start_sessions(harness, 1)
    key = "trans/session/" + session.name
    with Member(harness.url) as hostile, pytest.raises(Refused, match="belongs to"):
        hostile.ask(SET, text(key) + text("mine"))
    assert record_of(harness, session).token


@pytest.mark.parametrize("operation", [0, 7, 31, 64, 999, 65535])
def test_a_client_that_breaks_the_protocol_loses_its_connection_alone(harness, operation):
    start_store(harness)
    with Member(harness.url) as good:
        with Member(harness.url) as hostile, pytest.raises((Refused, ConnectionError)):
            hostile.ask(operation, b"\xff" * 100)
        assert good.list() == {}


def test_connections_that_say_nothing_keep_nobody_out_where_descriptors_run_short(harness):
    skip_where_descriptors_are_needed()
    keeper = start_store(harness)
    few = len(keeper.descriptors()) + 20
    _, most = resource.prlimit(keeper.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(keeper.pid, resource.RLIMIT_NOFILE, (few, most))
    host, _, port = harness.url.removeprefix("tcp://").rpartition(":")
    with contextlib.ExitStack() as stack:
        for _ in range(60):
            stack.enter_context(socket.create_connection((host, int(port)), timeout=30))
        (session,) = [open_session(harness, harness.actor())]
        assert record_of(harness, session).token


# ---- another user of the host ----

ASK_FOR_SEGMENT = """
import socket, struct, sys
path, name, token = sys.argv[1:]
with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as asker:
    try:
        asker.connect(path)
    except OSError as error:
        sys.exit(type(error).__name__)
    asker.sendall(struct.pack("8s128s128s", b"mf-seg1", name.encode(), token.encode()))
    answer, descriptors, _, _ = socket.recv_fds(asker, 4096, 1)
    print(len(descriptors), answer[4:].rstrip(b"\\0").decode())
"""

READ_THE_PROCESS = """
import ctypes, os, sys
pid, address = map(int, sys.argv[1:])
for path in (f"/proc/{pid}/mem", f"/proc/{pid}/maps", f"/proc/{pid}/environ"):
    try:
        open(path, "rb").read(1)
        print("read", path)
    except PermissionError:
        pass
try:
    print("saw", os.listdir(f"/proc/{pid}/fd"))
except PermissionError:
    pass
class Part(ctypes.Structure):
    _fields_ = [("base", ctypes.c_void_p), ("length", ctypes.c_size_t)]
own = ctypes.create_string_buffer(8)
here, there = Part(ctypes.addressof(own), 8), Part(address, 8)
libc = ctypes.CDLL(None, use_errno=True)
if libc.process_vm_readv(pid, ctypes.byref(here), 1, ctypes.byref(there), 1, 0) != -1:
    print("attached")
"""


def as_nobody(program, *words):
    """Runs the program as a user who has nothing to do with ours; what it says."""
    command = ["/usr/bin/python3", "-I", "-c", program, *map(str, words)]
    ended = subprocess.run(
        command, user=NOBODY, group=NOBODY, extra_groups=[], capture_output=True, text=True, timeout=60,
        cwd="/", check=False,
    )
    return (ended.stdout + ended.stderr).strip()


@as_root
def test_another_user_does_not_get_a_segment_even_with_the_token(harness):
    initiator, target = start_sessions(harness, 2)
    record = record_of(harness, target)
    table = f"trans/{record.instance:016x}/table"
    path = harness.runtime_folder / (record.hand_over + ".segments")
    assert as_nobody(ASK_FOR_SEGMENT, path, table, record.token) == "PermissionError"
    # Should somebody open the folder and the socket for all, the kernel still tells who asks.
    harness.runtime_folder.chmod(0o755)
    path.chmod(0o777)
    said = as_nobody(ASK_FOR_SEGMENT, path, table, record.token)
    assert said.startswith("0 ") and f"belongs to user {NOBODY}" in said
    assert f"belongs to user {NOBODY}" in target.actor.stderr()
    ours = initiator.memory(KIB, registered=False, seed=1)
    theirs = target.memory(KIB)
    initiator.call("write", target.name, ours, theirs, KIB)
    target.actor.call("check", theirs, KIB, 1)


@as_root
def test_another_user_does_not_read_a_process_of_the_pool(harness):
    ranks = harness.ranks(1)
    pool = make_pool(ranks)
    ranks[0].call("fill", pool.region(0), 4096, 1)
    assert as_nobody(READ_THE_PROCESS, ranks[0].pid, pool.region(0)) == ""


@as_root
def test_a_runtime_folder_of_another_user_is_refused(harness, tmp_path):
    theirs = tmp_path / "theirs"
    theirs.mkdir(mode=0o700)
    os.chown(theirs, NOBODY, NOBODY)
    actor = harness.actor(environment={"MF_RUNTIME_DIR": str(theirs)})
    actor.call("config_init")
    actor.call("config", "rankId", 0)
    answer = actor.ask("bm_init", harness.url, 1, 0)
    assert answer.code == REFUSED and str(NOBODY) in answer.text and "MF_RUNTIME_DIR" in answer.text, answer


# ---- a listener on the wire between a client and the store ----


class Wire:
    """Passes bytes on to a store and keeps them."""

    def __init__(self, url):
        host, _, port = url.removeprefix("tcp://").rpartition(":")
        self._store = (host, int(port))
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"tcp://127.0.0.1:{self._listening.getsockname()[1]}"
        self.heard = bytearray()
        self._open = []
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listening.accept()
                far = socket.create_connection(self._store)
                self._open += [near, far]
                for source, target in ((near, far), (far, near)):
                    threading.Thread(target=self._pass_on, args=(source, target), daemon=True).start()

    def _pass_on(self, source, target):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                self.heard += data
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)

    def close(self):
        for connection in (self._listening, *self._open):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()


@pytest.mark.parametrize("tls", [False, True], ids=["plaintext", "tls"])
def test_a_listener_hears_names_and_tokens_without_tls_alone(harness, authority, tls):
    settings = {"SMEM_CONF_STORE_TLS_INFO": authority.info("client")} if tls else {}
    keeper = harness.actor(environment=settings)
    keeper.call("create_store", harness.url)
    context = ssl.create_default_context(cafile=authority.folder / "ca.crt")
    context.load_cert_chain(authority.folder / "client.crt", authority.folder / "client.key")

    def wrap(plain):
        return context.wrap_socket(plain, server_hostname="127.0.0.1") if tls else plain

    with contextlib.closing(Wire(harness.url)) as wire:
        actor = harness.actor(environment={**PATIENCE, **settings})
        name = "127.0.0.1:8570"
        handle = actor.value("trans_create", wire.url, name)
        with Member(harness.url, wrap) as member:
            record = SessionRecord.decode(member.list("trans/session/")["trans/session/" + name])
        actor.call("trans_destroy", handle)
        actor.quit()
    assert wire.heard
    for secret in (record.token.encode(), name.encode(), struct.pack("<Q", record.nonce)):
        assert (secret in wire.heard) is not tls


# ---- logs ----


def test_no_secret_is_in_a_log_or_a_text(harness, authority, tmp_path):
    """Everything that is worth a line at the most talkative level, and what goes wrong besides: of one host,
    of two, with an encrypted key."""
    password_file = tmp_path / "password"
    password_file.write_text(PASSWORD, encoding="utf-8")
    password_file.chmod(0o600)
    info = authority.info("locked", password_file=password_file)
    common = {"MF_LOG_LEVEL": "debug", "SMEM_CONF_STORE_TLS_INFO": info, "MF_TRANS_TIMEOUT": "3s"}
    keeper = harness.actor(environment=common)
    keeper.call("create_store", harness.url)
    hosts = ["left", "right", "left"]
    actors = [harness.actor(environment={**common, "MF_HOST_ID": host}) for host in hosts]
    for rank, actor in enumerate(actors):
        harness.init(actor, rank, len(actors), startConfigStore=False, wait=False)
    for actor in actors:
        actor.expect_ok(60)
    pool = make_pool(actors)
    sessions = [open_session(harness, actor) for actor in actors]
    theirs = sessions[1].memory(MIB)
    near = sessions[2].memory(MIB, pool=True)
    ours = sessions[0].memory(MIB, registered=False)
    sessions[0].call("write", sessions[1].name, ours, theirs, MIB)
    sessions[0].call("write", sessions[2].name, ours, near, MIB)
    texts = [
        sessions[0].actor.ask("write", sessions[0].handle, sessions[1].name, ours, 4096, 8).text,
        actors[0].ask("copy", pool.handle(actors[0]), 1, 0, pool.end + 8, pool.region(0), 8).text,
    ]

    context = ssl.create_default_context(cafile=authority.folder / "ca.crt")
    context.load_cert_chain(authority.folder / "client.crt", authority.folder / "client.key")
    with Member(harness.url, lambda plain: context.wrap_socket(plain, server_hostname="127.0.0.1")) as member:
        records = [SessionRecord.decode(value) for value in member.list("trans/session/").values()]
        members = member.members_of("bm/0/remote", 1000)
    assert len(records) == 3 and len(members) == 4
    secrets = {PASSWORD, "BEGIN ENCRYPTED PRIVATE KEY", "BEGIN PRIVATE KEY"}
    secrets.update(record.token for record in records)
    secrets.update(form.format(record.nonce) for record in records for form in ("{}", "{:x}"))
    for payload in members.values():
        if payload:
            size = struct.unpack_from("<I", payload)[0]
            key = struct.unpack_from("<Q", payload, 4 + size)[0]
            secrets.update((str(key), f"{key:x}"))
    for actor in actors:
        actor.quit()
    keeper.quit()
    logs = "\n".join([*texts, *(process.stderr() for process in (*actors, keeper))])
    assert "config store" in logs and "debug" in logs.lower()
    for secret in secrets:
        assert secret not in logs
    assert TOKEN.findall(logs) == []
