# SPDX-License-Identifier: Apache-2.0
"""The functions that all interfaces share, and the configuration of BM."""
import os

import pytest

from actors import sanitizer
from harness import free_port
from pool import INVALID_PARAM, NOT_INITIALIZED, RESOURCE_IN_USE, UINT32_MAX


def test_init_is_never_required_and_takes_any_flags(harness):
    actor = harness.actor()
    for flags in (0, 1, UINT32_MAX):
        actor.call("init", flags)
    actor.call("uninit")
    actor.call("uninit")
    actor.call("init", 0)


def test_last_error_is_empty_then_kept_then_taken(harness):
    actor = harness.actor()
    assert actor.call("last_error").text == ""
    text = actor.fails(INVALID_PARAM, "create_store", "http://nowhere:1", naming="http://nowhere:1")
    assert actor.call("last_error").text == text
    assert actor.call("last_error").text == text
    assert actor.call("take_last_error").text == text
    assert actor.call("take_last_error").text == ""
    assert actor.call("last_error").text == ""


@pytest.mark.parametrize("level", [0, 1, 2, 3, 4])
def test_log_level_is_accepted(harness, level):
    harness.actor().call("log_level", level)


@pytest.mark.parametrize("level", [-1, 5, 1000, -2147483648])
def test_log_level_out_of_range_is_refused(harness, level):
    harness.actor().fails(INVALID_PARAM, "log_level", level, naming=str(level))


def test_external_logger_gets_what_standard_error_got(harness):
    actor = harness.actor()
    actor.call("log_level", 3)
    actor.fails(INVALID_PARAM, "create_store", "tcp://before:0")
    actor.call("logger", "on")
    actor.fails(INVALID_PARAM, "create_store", "tcp://during:0")
    logged = actor.call("logged").text
    assert "during" in logged and "before" not in logged
    assert logged.startswith("3:")
    assert "before" in actor.stderr() and "during" not in actor.stderr()


def test_external_logger_null_is_refused(harness):
    harness.actor().fails(INVALID_PARAM, "logger", None, naming="null")


def test_log_level_drops_what_is_below(harness):
    actor = harness.actor()
    actor.call("log_level", 4)
    actor.fails(INVALID_PARAM, "create_store", "tcp://quiet:0")
    assert "quiet" not in actor.stderr()


def test_store_is_created_once_and_twice_is_the_same(harness):
    actor = harness.actor()
    actor.call("create_store", harness.url)
    before = actor.descriptors()
    actor.call("create_store", harness.url)
    assert set(actor.descriptors()) == set(before)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]"])
def test_store_listens_on_every_kind_of_address(harness, host):
    actor, other = harness.actors(2)
    url = f"tcp://{host}:{free_port()}"
    actor.call("create_store", url)
    harness.init(other, 0, 1, url=url, startConfigStore=False)
    assert other.value("rank") == 0


def test_one_process_serves_several_stores(harness):
    actor, other = harness.actors(2)
    urls = [f"tcp://127.0.0.1:{free_port()}" for _ in range(3)]
    for url in urls:
        actor.call("create_store", url)
    harness.init(other, 0, 1, url=urls[2], startConfigStore=False)


def test_uninit_stops_the_stores_and_frees_their_port(harness):
    first, second = harness.actors(2)
    first.call("create_store", harness.url)
    second.fails(RESOURCE_IN_USE, "create_store", harness.url, naming=harness.url.rpartition(":")[2])
    first.call("uninit")
    second.call("create_store", harness.url)


def test_uninit_leaves_no_descriptor_and_no_thread(harness):
    actor = harness.actor()
    actor.call("create_store", harness.url)
    actor.call("uninit")
    after_one = len(actor.descriptors())
    for _ in range(5):
        actor.call("create_store", harness.url)
        actor.call("uninit")
    assert len(actor.descriptors()) == after_one
    assert actor.threads() == (2 if sanitizer() == "thread" else 1)  # it has one of its own


def test_every_descriptor_is_closed_on_exec(harness):
    actor = harness.ranks(1)[0]
    for number in set(actor.descriptors()) - {0, 1, 2}:
        with open(f"/proc/{actor.pid}/fdinfo/{number}", encoding="utf-8") as file:
            flags = int(next(line for line in file if line.startswith("flags:")).split()[1], 8)
        assert flags & 0o2000000, actor.descriptors()[number]


def test_process_keeps_its_signal_handlers(harness):
    actor = harness.actor()

    def signals():
        """Which are ignored and which are caught, without the two that the C library keeps for its threads."""
        with open(f"/proc/{actor.pid}/status", encoding="utf-8") as file:
            masks = [int(line.split()[1], 16) for line in file if line.startswith(("SigIgn", "SigCgt"))]
        return [mask & ~(0b11 << 31) for mask in masks]

    before = signals()
    harness.init(actor, 0, 1)
    assert signals() == before


def test_threads_of_the_library_block_every_signal(harness):
    actor = harness.ranks(1)[0]
    for task in os.listdir(f"/proc/{actor.pid}/task"):
        if int(task) == actor.pid:
            continue
        with open(f"/proc/{actor.pid}/task/{task}/status", encoding="utf-8") as file:
            blocked = int(next(line for line in file if line.startswith("SigBlk")).split()[1], 16)
        assert blocked & (1 << (15 - 1)) and blocked & (1 << (10 - 1)), task  # SIGTERM, SIGUSR1


# The order of fields: initTimeout createTimeout controlOperationTimeout startConfigStore startConfigStoreOnly
# dynamicWorldSize unifiedAddressSpace autoRanking rankId flags
def test_bm_config_defaults(harness):
    actor = harness.actor()
    actor.call("config_init")
    assert actor.call("config").values == [120, 120, 120, 1, 0, 0, 1, 0, 65535, 0]


def test_bm_rank_before_and_after_init(harness):
    actor = harness.actor()
    assert actor.value("rank") == UINT32_MAX
    harness.init(actor, 0, 1)
    assert actor.value("rank") == 0
    actor.call("bm_uninit", 0)
    assert actor.value("rank") == UINT32_MAX


def test_bm_init_twice_changes_nothing(harness):
    actor = harness.ranks(2)[1]
    actor.call("config", "rankId", 0)
    actor.call("bm_init", "tcp://127.0.0.1:1", 7, 3)
    assert actor.value("rank") == 1


def test_bm_uninit_twice_and_without_init_does_nothing(harness):
    actor = harness.actor()
    actor.call("bm_uninit", 0)
    harness.init(actor, 0, 1)
    actor.call("bm_uninit", 0)
    actor.call("bm_uninit", 7)
    assert actor.ask("create", 0, 1, 1, 2 << 20, 0, 0).text
    actor.fails(NOT_INITIALIZED, "join", 1, 0)


def test_bm_init_and_uninit_many_times(harness):
    actor = harness.actor()
    harness.init(actor, 0, 1)
    actor.call("bm_uninit", 0)
    descriptors, threads = len(actor.descriptors()), actor.threads()
    for _ in range(10):
        harness.init(actor, 0, 1)
        actor.call("bm_uninit", 0)
    assert len(actor.descriptors()) == descriptors
    assert actor.threads() == threads


def test_decrypt_handler_forms_are_accepted_and_null_is_not(harness):
    actor = harness.actor()
    for form in ("c", "sized", "cxx"):
        actor.call("decrypt", form)
    actor.fails(INVALID_PARAM, "decrypt", "NULL", naming="null")
    actor.fails(INVALID_PARAM, "decrypt", "NULLsized", naming="null")
