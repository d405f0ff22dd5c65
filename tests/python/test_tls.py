# SPDX-License-Identifier: Apache-2.0
"""TLS of the config store from Python: the decrypt handler, and what becomes of its failures."""
import os
import pathlib
import re
import subprocess
import sys

import memfabric
import pytest
from ranks import free_url

MF = pathlib.Path(memfabric.__file__).parent / "bin" / "mf"
PASSWORD = "pass-word-1"


@pytest.fixture(scope="module")
def tls_info(tmp_path_factory):
    """The TLS string of certificates whose password file holds the password reversed."""
    folder = tmp_path_factory.mktemp("certs")
    (folder / "password").write_text(PASSWORD)
    result = subprocess.run([MF, "certs", "--out", folder, "--host", "127.0.0.1", "--password-file", folder / "password"],
                            capture_output=True, text=True, check=True, timeout=60)
    (folder / "key.password").write_text(PASSWORD[::-1])
    return re.search(r"='(.*/server\.crt.*)'", result.stdout).group(1)


def run(tls_info, handler):
    """Starts a store with TLS in a fresh interpreter and prints the code, the last error and what was reported."""
    program = f"""
import sys, memfabric
reported = []
sys.unraisablehook = lambda report: reported.append(repr(report.exc_value))
seen = []
def handler(cipher):
    seen.append(cipher)
    return ({handler})(cipher)
assert memfabric.register_decrypt_handler(py_decrypt_func=handler) == 0
assert memfabric.set_conf_store_tls(True, {tls_info!r}) == 0
print(memfabric.create_config_store({free_url()!r}))
print(seen)
print(reported)
"""
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, env=os.environ)
    assert result.returncode == 0, result.stderr
    return result.stdout.splitlines()


@pytest.mark.parametrize("handler", ["lambda text: text[::-1]", "lambda text: text[::-1].encode()"], ids=["str", "bytes"])
def test_handler_makes_the_password(tls_info, handler):
    assert run(tls_info, handler) == ["0", f"[{PASSWORD[::-1]!r}]", "[]"]


@pytest.mark.parametrize("handler, reported", [
    ("lambda text: text", None),
    ("lambda text: 1 / 0", "ZeroDivisionError"),
    ("lambda text: 3", "TypeError('a decrypt handler must return str or bytes, not int')"),
    ("lambda text: text * 3", "ValueError('the decrypt handler returned 33 bytes, there is room for 22')"),
])
def test_handler_that_fails_fails_the_store(tls_info, handler, reported):
    code, seen, reports = run(tls_info, handler)
    assert int(code) < 0 and seen.startswith(f"[{PASSWORD[::-1]!r}")
    assert (reported in reports) if reported else reports == "[]"
