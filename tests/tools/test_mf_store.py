# SPDX-License-Identifier: Apache-2.0
"""`mf store`: what it prints, how it ends, and who gets in by TLS."""
import signal
import socket
import ssl
import struct
import subprocess
import sys
import time
import urllib.request

import pytest
from conftest import BUILD, LIMIT, ROOT

sys.path.append(str(ROOT / "tests" / "multiproc"))

from store_protocol import ADD, GET, SET, Member, Refused, text  # noqa: E402  (found by the path above)


def start_store(mf, *arguments, env=None):
    process = mf.start("store", *arguments, "--print-url", env=env)
    url = process.stdout.readline().strip()
    assert url, process.communicate(timeout=LIMIT)[1]
    host, _, port = url.removeprefix("tcp://").rpartition(":")
    return process, (host.strip("[]"), int(port))


def end(process, number=signal.SIGTERM):
    process.send_signal(number)
    output, errors = process.communicate(timeout=LIMIT)
    assert process.returncode == 0, errors
    return output, errors


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "localhost"])
def test_serves_until_a_signal(mf, host, number):
    process, address = start_store(mf, f"tcp://{host}:0")
    assert address[1] != 0
    socket.create_connection(address, timeout=LIMIT).close()
    assert end(process, number)[0] == ""
    with pytest.raises(OSError):
        socket.create_connection(address, timeout=LIMIT)


def test_says_what_it_does_without_print_url(mf):
    process = mf.start("store", "tcp://127.0.0.1:0")
    assert process.stdout.readline().startswith("config store at tcp://127.0.0.1:")
    end(process)


def test_a_taken_port_is_an_error(mf):
    process, (host, port) = start_store(mf, "tcp://127.0.0.1:0")
    result = mf("store", f"tcp://{host}:{port}")
    assert result.returncode == 1
    assert str(port) in result.stderr
    end(process)


@pytest.mark.parametrize("url", ["", "127.0.0.1:1", "tcp://127.0.0.1", "tcp://127.0.0.1:99999", "tcp://::1:5", "http://a:1"])
def test_wrong_urls_are_errors(mf, url):
    result = mf("store", url)
    assert result.returncode == 1
    assert "mf: error:" in result.stderr


def test_beyond_loopback_it_needs_tls_or_permission(mf):
    refused = mf("store", "tcp://0.0.0.0:0")
    assert refused.returncode == 1
    for text in ("SMEM_CONF_STORE_TLS_INFO", "MF_ALLOW_PLAINTEXT=1", "set_conf_store_tls", "mf certs"):
        assert text in refused.stderr
    process, (_, port) = start_store(mf, "tcp://0.0.0.0:0", env={"MF_ALLOW_PLAINTEXT": "1"})
    socket.create_connection(("127.0.0.1", port), timeout=LIMIT).close()
    end(process)


def test_tls_settings_that_cannot_work_are_an_error(mf, tmp_path):
    result = mf("store", "tcp://127.0.0.1:0", "--tls-info", f"tlsCaPath: {tmp_path}; tlsCert: {tmp_path}/none.crt; tlsPk: /none")
    assert result.returncode == 1
    assert str(tmp_path) in result.stderr
    empty = mf("store", "tcp://127.0.0.1:0", "--tls-info", "")
    assert empty.returncode == 1
    assert "tlsCaPath" in empty.stderr


@pytest.fixture
def pki(mf, tmp_path):
    folder = tmp_path / "pki"
    assert mf("certs", "--out", folder, "--password", "some secret").returncode == 0
    return folder


def tls_info(folder, name):
    return (f"tlsCaPath: {folder}; tlsCaFile: ca.crt; tlsCert: {folder}/{name}.crt; tlsPk: {folder}/{name}.key; "
            f"tlsPkPwd: {folder}/key.password; tlsCrlPath: {folder}; tlsCrlFile: ca.crl")


def shake_hands(address, trusted, certificate=None, version=ssl.TLSVersion.TLSv1_3):
    """Connects, and waits for the server's verdict: its first bytes, or its alert as an ssl.SSLError."""
    context = ssl.create_default_context(cafile=trusted / "ca.crt")
    context.minimum_version = context.maximum_version = version
    if certificate is not None:
        context.load_cert_chain(f"{certificate}.crt", f"{certificate}.key", password="some secret")
    with socket.create_connection(address, timeout=LIMIT) as plain:
        with context.wrap_socket(plain, server_hostname="localhost") as connection:
            connection.sendall(b"no message of a config store" * 100)
            return connection.recv(1)


def test_tls_lets_in_who_has_a_certificate(mf, pki, tmp_path):
    assert mf("certs", "--out", tmp_path / "foreign", "--password", "some secret").returncode == 0
    assert mf("certs", "--out", pki, "--password", "some secret", "--add", "revoked").returncode == 0
    assert mf("certs", "--out", pki, "--password", "some secret", "--revoke", pki / "revoked.crt").returncode == 0
    process, address = start_store(mf, "tcp://127.0.0.1:0", "--tls-info", tls_info(pki, "server"))
    # What is sent is no message of the store's, which it answers or closes upon; it is no alert in any case.
    try:
        shake_hands(address, pki, pki / "client")
    except ConnectionResetError:
        pass
    with pytest.raises(ssl.SSLError, match="(?i)certificate.?required"):
        shake_hands(address, pki)
    with pytest.raises(ssl.SSLError, match="(?i)revoked"):
        shake_hands(address, pki, pki / "revoked")
    with pytest.raises(ssl.SSLError, match="(?i)unknown.?ca|decrypt.?error|bad.?signature"):
        shake_hands(address, pki, tmp_path / "foreign" / "client")
    with pytest.raises(ssl.SSLError, match="(?i)verify.?failed"):
        shake_hands(address, tmp_path / "foreign", pki / "client")
    with pytest.raises(ssl.SSLError, match="(?i)version|protocol"):
        shake_hands(address, pki, pki / "client", ssl.TLSVersion.TLSv1_2)
    _, errors = end(process)
    assert "some secret" not in errors


def test_a_plain_client_at_a_tls_store_is_refused(mf, pki):
    process, address = start_store(mf, "tcp://127.0.0.1:0", env={"SMEM_CONF_STORE_TLS_INFO": tls_info(pki, "server")})
    with socket.create_connection(address, timeout=LIMIT) as plain:
        plain.sendall(b"GET / HTTP/1.0\r\n\r\n" * 10)
        try:
            while plain.recv(4096):
                pass
        except ConnectionResetError:
            pass
    end(process)


CLIENT = """
import ctypes, os, sys

class Config(ctypes.Structure):
    _fields_ = [(name, ctypes.c_uint32) for name in ("init", "create", "control")] + \
               [(name, ctypes.c_bool) for name in ("store", "store_only", "dynamic", "unified", "ranking")] + \
               [("rank", ctypes.c_uint16), ("flags", ctypes.c_uint32)]

library = ctypes.CDLL(sys.argv[1])
library.smem_get_last_err_msg.restype = ctypes.c_char_p

HANDLER = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.POINTER(ctypes.c_int), ctypes.c_void_p, ctypes.POINTER(ctypes.c_int))

@HANDLER
def reverse(cipher, size, plain, room):
    text = ctypes.string_at(cipher, size[0])[::-1]
    ctypes.memmove(plain, text, len(text))
    room[0] = len(text)
    return 0 if text != b"fail" else 7

if len(sys.argv) > 4:
    assert library.smem_register_decrypt_handler(reverse) == 0
if len(sys.argv) > 3:
    info = sys.argv[3].encode()
    assert library.smem_set_conf_store_tls(True, info, len(info)) == 0
config = Config()
assert library.smem_bm_config_init(ctypes.byref(config)) == 0
config.init, config.store, config.rank = 20, False, int(os.environ.get("MF_RANK", 0))
url = os.environ.get("MF_STORE_URL") or sys.argv[2]
code = library.smem_bm_init(url.encode(), int(os.environ.get("MF_WORLD_SIZE", 1)), 0, ctypes.byref(config))
print(f"{code} {library.smem_get_last_err_msg().decode()}" if code else 0)
if code == 0:
    library.smem_bm_uninit(0)
"""


def connect(mf, address, info=None, handler=False):
    """What a process of the library says: '0' or code and text."""
    arguments = [sys.executable, "-c", CLIENT, BUILD / "lib" / "libmemfabric.so", f"tcp://{address[0]}:{address[1]}"]
    arguments += ([info] if info else []) + (["with handler"] if handler else [])
    result = subprocess.run([*map(str, arguments)], env=mf.environment(), capture_output=True, text=True,
                            timeout=LIMIT, check=True, stdin=subprocess.DEVNULL)
    assert "some secret" not in result.stdout + result.stderr
    return result.stdout.strip()


def test_the_library_connects_by_tls(mf, pki):
    assert mf("certs", "--out", pki, "--password", "some secret", "--add", "revoked").returncode == 0
    assert mf("certs", "--out", pki, "--password", "some secret", "--revoke", pki / "revoked.crt").returncode == 0
    process, address = start_store(mf, "tcp://127.0.0.1:0", "--tls-info", tls_info(pki, "server"))
    assert connect(mf, address, tls_info(pki, "client")) == "0"
    assert connect(mf, address, tls_info(pki, "server")) == "0"
    assert "revoked" in connect(mf, address, tls_info(pki, "revoked"))
    assert "TLS" in connect(mf, address)
    end(process)


def test_a_tls_client_at_a_plain_store_is_refused(mf, pki):
    process, address = start_store(mf, "tcp://127.0.0.1:0")
    assert connect(mf, address) == "0"
    assert "TLS" in connect(mf, address, tls_info(pki, "client"))
    end(process)


def test_a_wrong_password_is_said_without_the_password(mf, pki):
    (pki / "key.password").write_text("another secret")
    answer = connect(mf, ("127.0.0.1", 1), tls_info(pki, "client"))
    assert "is wrong" in answer and "key.password" in answer
    assert "another secret" not in answer


def test_a_decrypt_handler_reads_the_password(mf, pki):
    process, address = start_store(mf, "tcp://127.0.0.1:0", "--tls-info", tls_info(pki, "server"))
    (pki / "key.password").write_text("some secret"[::-1] + "\n")
    assert connect(mf, address, tls_info(pki, "client"), handler=True) == "0"
    (pki / "key.password").write_text("liaf")
    answer = connect(mf, address, tls_info(pki, "client"), handler=True)
    assert "decrypt handler failed" in answer and "returned 7" in answer
    end(process)


def test_ranks_of_a_run_use_tls_from_the_environment(mf, pki):
    arguments = ["run", "-n", 3, "--", sys.executable, "-c", CLIENT, BUILD / "lib" / "libmemfabric.so"]
    result = mf(*arguments, env={"SMEM_CONF_STORE_TLS_INFO": tls_info(pki, "server")})
    assert sorted(result.stdout.splitlines()) == ["[0] 0", "[1] 0", "[2] 0"], result.stderr
    refused = mf(*arguments, env={"SMEM_CONF_STORE_TLS_INFO": tls_info(pki, "nobody")})
    assert refused.returncode == 1
    assert "nobody.crt" in refused.stderr


def test_prometheus_asks_a_store(mf):
    process = mf.start("store", "tcp://127.0.0.1:0", "--metrics", "127.0.0.1:0", "--print-url")
    store = process.stdout.readline().strip().removeprefix("tcp://")
    told = process.stderr.readline().strip()
    prefix = "mf store: metrics at "
    assert told.startswith(prefix)

    def page():
        with urllib.request.urlopen(told.removeprefix(prefix), timeout=LIMIT) as answer:
            return answer.read().decode()

    def look(*names):
        """The numbers of those samples."""
        found = dict(line.rsplit(" ", 1) for line in page().splitlines() if line.startswith("memfabric_store_"))
        forms = [name.partition(" ") for name in names]
        return [int(found[f'memfabric_store_{name}{{store="{store}"{label and "," + label}}}']) for name, _, label in forms]

    clients = ("connections", 'sessions state="connected"', "messages_total", "keys")
    assert 'program="mf"' in page()
    assert look(*clients, 'requests_total operation="set"') == [0, 0, 0, 0, 0]
    with Member(f"tcp://{store}") as one, Member(f"tcp://{store}") as two:
        one.ask(SET, text("key") + text("value"))
        two.ask(ADD, text("counter") + struct.pack("<q", 1))
        with pytest.raises(Refused):
            two.ask(ADD, text("key") + struct.pack("<q", 1))  # not a number
        assert look(*clients) == [2, 2, 3, 2]
        assert look('requests_total operation="set"', 'requests_total operation="add"') == [1, 2]
        (bytes_of_two,) = look("key_bytes")
        one.ask(SET, text("another") + text("x" * 100000))
        assert 100000 < look("key_bytes")[0] - bytes_of_two < 101000
        assert sum(int(line.rsplit(" ", 1)[1]) for line in page().splitlines() if "failures_total{" in line) == 1
        assert look("settling", "lost_total", "evicted_total", "waiting_requests") == [0, 0, 0, 0]
        two.send(GET, text("not there yet"))
        wait_until(lambda: look("waiting_requests") == [1])
    wait_until(lambda: look("connections", 'sessions state="connected"', "lost_total") == [0, 0, 2])  # without a goodbye
    heads = [line for line in page().splitlines() if line.startswith("#")]
    assert len(heads) == len(set(heads)) and heads[0].startswith("# HELP") and heads[1].startswith("# TYPE")
    end(process)


def wait_until(holds):
    deadline = time.monotonic() + LIMIT
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.parametrize("address,word", [("0.0.0.0:0", "MF_ALLOW_PLAINTEXT"), ("nonsense", "nonsense"), ("127.0.0.1:99999", "99999")])
def test_wrong_addresses_of_metrics_are_errors(mf, address, word):
    result = mf("store", "tcp://127.0.0.1:0", "--metrics", address)
    assert result.returncode == 1
    assert word in result.stderr
