# SPDX-License-Identifier: Apache-2.0
"""The functions that all interfaces share."""
import os
import pathlib
import subprocess
import sys
import threading

import memfabric
import pytest
from memfabric import ErrorCode, bm
from ranks import free_url


@pytest.fixture(autouse=True)
def default_logger():
    yield
    memfabric.set_extern_logger(None)
    memfabric.set_log_level(2)
    memfabric.register_decrypt_handler(None)


def python(code, **environment):
    """Runs code in a fresh interpreter."""
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60,
                          env={**os.environ, **environment})


def test_initialize_and_uninitialize():
    assert memfabric.initialize() == 0
    assert memfabric.initialize(0) == 0
    assert memfabric.initialize(flags=7) == 0
    assert memfabric.uninitialize() is None


@pytest.mark.parametrize("level, code", [(0, 0), (3, 0), (4, 0), (-1, -2000), (5, -2000)])
def test_log_levels(level, code):
    assert memfabric.set_log_level(level=level) == code


def test_last_error_is_of_the_thread_and_can_be_cleared():
    assert memfabric.set_log_level(9) == ErrorCode.INVALID_PARAM
    text = memfabric.get_last_err_msg()
    assert "9" in text
    other = []
    thread = threading.Thread(target=lambda: other.append(memfabric.get_last_err_msg()))
    thread.start()
    thread.join()
    assert other == [""]
    assert memfabric.get_and_clear_last_err_msg() == text
    assert memfabric.get_last_err_msg() == ""


def test_config_store_starts_once_and_says_what_is_wrong():
    url = free_url()
    assert memfabric.create_config_store(store_url=url) == 0
    assert memfabric.create_config_store(url) == 0
    for bad in ("", "127.0.0.1:80", "tcp://", "tcp://127.0.0.1", "tcp://127.0.0.1:99999"):
        assert memfabric.create_config_store(bad) == ErrorCode.INVALID_PARAM
        assert memfabric.get_last_err_msg() != ""
    memfabric.uninitialize()


def test_tls_settings_return_codes():
    assert memfabric.set_conf_store_tls(True, "x" * (10 * 1024 + 1)) == ErrorCode.ERROR
    assert memfabric.set_conf_store_tls(enable=False, tls_info="") == 0
    assert memfabric.set_conf_store_tls(False) == 0


def test_logger_gets_levels_and_texts():
    seen = []
    assert memfabric.set_extern_logger(log_fn=lambda level, message: seen.append((level, message))) == 0
    memfabric.set_log_level(9)
    assert [level for level, _ in seen] == [3] and "9" in seen[0][1]
    assert memfabric.set_extern_logger(None) == 0
    memfabric.set_log_level(9)
    assert len(seen) == 1


def test_logger_must_be_callable():
    with pytest.raises(TypeError, match="log_fn must be callable or None, not int"):
        memfabric.set_extern_logger(3)
    with pytest.raises(TypeError, match="py_decrypt_func must be callable"):
        memfabric.register_decrypt_handler("x")


def test_what_a_logger_raises_is_reported_and_the_call_goes_on(monkeypatch):
    reported = []
    monkeypatch.setattr(sys, "unraisablehook", lambda report: reported.append(type(report.exc_value)))

    def broken(level, message):
        raise KeyError(message)

    memfabric.set_extern_logger(broken)
    assert memfabric.set_log_level(9) == ErrorCode.INVALID_PARAM
    assert reported == [KeyError]


def test_logger_that_fails_inside_the_library_is_not_called_again():
    calls = []

    def logger(level, message):
        calls.append(message)
        memfabric.set_log_level(9)

    memfabric.set_extern_logger(logger)
    memfabric.set_log_level(8)
    assert len(calls) == 1 and "8" in calls[0]


def test_logger_may_be_replaced_while_threads_log():
    counts = [0, 0]

    def logger(index):
        def count(level, message):
            counts[index] += 1
        return count

    stop = threading.Event()

    def log():
        while not stop.is_set():
            memfabric.set_log_level(9)

    threads = [threading.Thread(target=log) for _ in range(3)]
    for thread in threads:
        thread.start()
    turn = 0
    while min(counts) < 20:
        memfabric.set_extern_logger(logger(turn % 2))
        turn += 1
    stop.set()
    for thread in threads:
        thread.join()
    assert min(counts) >= 20


LOGGING = """
def work():
    memfabric.set_log_level(9)
memfabric.set_extern_logger(lambda level, message: None)
"""
COPYING = """
config = bm.BmConfig()
config.rank_id = 0
assert bm.initialize(URL, 1, 0, config) == 0, memfabric.get_last_err_msg()
pool = bm.create(0, 4 << 20)
base = pool.join()
data = bytes(1 << 20)
def work():
    pool.copy_data(data, base)
"""
DAEMONS = """
import threading
ready = threading.Barrier(5)
def forever():
    work()
    ready.wait()
    while True:
        work()
for _ in range(4):
    threading.Thread(target=forever, daemon=True).start()
ready.wait()
print("end")
"""


@pytest.mark.parametrize("setup", [LOGGING, COPYING], ids=["log", "copy"])
def test_interpreter_ends_while_daemon_threads_are_in_the_library(setup):
    for _ in range(5):
        result = python(f"import memfabric\nfrom memfabric import bm\nURL = '{free_url()}'\n{setup}{DAEMONS}")
        assert (result.returncode, result.stdout) == (0, "end\n"), result.stderr


def test_numpy_is_not_imported():
    result = python("import sys, memfabric, mf_smem.bm, memfabric_hybrid, mf_adapter; print('numpy' in sys.modules)")
    assert (result.returncode, result.stdout) == (0, "False\n"), result.stderr


def test_another_build_of_the_library_is_refused(tmp_path):
    (tmp_path / "other.c").write_text('const char *mf_private_build_id(void) { return "0.0.1/0"; }\n')
    subprocess.run(["cc", "-shared", "-fPIC", "-o", tmp_path / "other.so", tmp_path / "other.c"], check=True)
    result = python("import memfabric", LD_PRELOAD=str(tmp_path / "other.so"))
    assert result.returncode == 1
    assert "ImportError" in result.stderr and "build 0.0.1/0" in result.stderr


FORK = """
import os, memfabric
from memfabric import bm
config = bm.BmConfig()
config.rank_id = 0
def initialize():
    return bm.initialize(URL, 1, 0, config)
def in_child(body):
    child = os.fork()
    if child == 0:
        os._exit(0 if body() else 1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
"""


def test_child_of_fork_is_told_and_leaves_the_parent_alone():
    result = python(f"URL = '{free_url()}'\n{FORK}" + """
memfabric.set_extern_logger(lambda level, message: None)
assert initialize() == 0
pool = bm.create(0, 4 << 20)
base = pool.join()
view = pool.view()
def refused():
    global pool, view
    codes = [memfabric.set_log_level(1), initialize(), pool_code()]
    del pool, view
    bm.uninitialize()
    return codes == [memfabric.ErrorCode.NOT_INITIALIZED] * 3 and bm.bm_rank_id() == 2**32 - 1
def pool_code():
    try:
        pool.copy_data(b"x", base)
    except memfabric.Error as error:
        return error.code
print(in_child(refused))
pool.copy_data(b"x", base)
print(bytes(view[:2]), initialize())
""")
    assert result.stdout == "0\nb'x\\x00' 0\n", result.stderr


def test_program_may_fork_before_it_initializes():
    result = python(f"URL = '{free_url()}'\n{FORK}print(in_child(lambda: initialize() == 0 and bm.bm_rank_id() == 0))\n")
    assert result.stdout == "0\n", result.stderr


@pytest.mark.parametrize("first", ["memfabric.initialize()", "memfabric.set_log_level(77)", "bm.create(0, 4 << 20)",
                                   "bm.initialize('nonsense', 1, 0, config)"])
def test_program_may_fork_after_calls_that_start_nothing(first):
    """As programs do that say initialize() once, and start their ranks by multiprocessing's "fork"."""
    result = python(f"URL = '{free_url()}'\n{FORK}" + f"""
memfabric.set_conf_store_tls(False, "")
memfabric.set_extern_logger(lambda level, message: None)
try:
    {first}
except memfabric.Error:
    pass
def use():
    if memfabric.initialize() != 0 or initialize() != 0 or bm.bm_rank_id() != 0:
        return False
    pool = bm.create(0, 4 << 20)
    pool.copy_data(b"x", pool.join())
    bm.uninitialize()
    return True
print(in_child(use), in_child(use), use())
""")
    assert result.stdout == "0 0 True\n", result.stderr
