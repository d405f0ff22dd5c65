# SPDX-License-Identifier: Apache-2.0
"""Transfers between hosts: the suites of tests/multiproc."""
import importlib

import sessions
from suites import adopt

# Whichever path a test names, one leads to another host. These are read when the tests are imported.
sessions.PATHS[:] = ["fabric"]
sessions.forced = lambda path: {}
sessions.CROWDS[:] = [4, 32]
sessions.HURRY["MF_TRANS_TIMEOUT"] = "2s"  # longer than the fabric takes to start
sessions.IMPATIENCE = "2s"


def adopt_suite(name, short, quiet=(), **arguments):
    """`quiet`: where nothing goes over the fabric."""
    tests = [test for test in vars(importlib.import_module(name)) if test.startswith("test_")]
    traffic = [test for test in tests if test not in quiet]
    adopt(globals(), name, short=short, traffic=traffic, **arguments)


adopt_suite(
    "test_trans_transfer",
    short=[
        "test_write_puts_every_byte_and_no_other",
        "test_read_gets_every_byte_and_no_other",
        "test_batches_go_both_ways",
        "test_everybody_writes_to_everybody",
        "test_write_waits_for_a_session_that_is_not_there_yet",
        "test_write_waits_for_an_address_that_is_not_registered_yet",
        "test_what_was_missing_is_said_session_or_address",
    ],
    leave_out=[  # their sessions are all on one host
        "test_a_session_writes_to_itself",
        "test_two_sessions_of_one_process",
        "test_many_sessions_start_and_end_together",
    ],
    quiet=["test_what_was_missing_is_said_session_or_address"],
    four=["test_everybody_writes_to_everybody"],
)
adopt_suite(
    "test_trans_ends",
    short=[
        "test_a_peer_that_is_gone_is_lost_at_once",
        "test_a_restarted_peer_is_reached_and_has_its_own_memory",
        "test_peer_killed_in_the_middle_of_batches",
        "test_initiator_killed_in_the_middle_leaves_the_target_free",
        "test_deregistration_during_batches_ends_them_cleanly",
        "test_destroy_while_batches_are_in_flight",
        "test_the_waiting_writer_hears_at_once_that_the_peer_died",
        "test_death_of_the_store_leaves_transfers_alone",
        "test_idle_sessions_cost_no_processor_time",
    ],
    leave_out=[
        # A stopped initiator is not waited for: tests/multiproc/test_trans_hosts.py.
        "test_deregistration_says_who_stands_still_in_a_transfer",
        "test_deregistration_of_a_killed_initiators_range_goes_on",
        # A stopped target takes nothing: the same.
        "test_a_stopped_target",
        "test_destroy_with_many_transfers_queued_is_bounded",  # with nobody
        "test_nothing_of_a_session_that_has_ended_is_kept",  # mapped memory
    ],
    quiet=[
        "test_death_of_the_store_leaves_transfers_alone",  # who has moved something has ended
        "test_a_stopped_session_that_was_never_reached_is_a_timeout",  # they meet late
    ],
)
adopt_suite(
    "test_trans_bad_input",
    short=["test_not_one_byte_of_a_batch_is_written_where_one_piece_is_refused"],
    leave_out=[
        # Of one host, or before any transfer.
        "test_names_that_no_session_can_have",
        "test_create_refuses_what_it_cannot_use",
        "test_mapped_path_alone_refuses_private_memory",
        # Of paths of one host. Over the fabric: tests/multiproc/test_trans_hosts.py.
        "test_memory_freed_while_registered_is_an_error_and_no_crash",
        "test_read_only_memory_is_an_error_for_a_write",
    ],
    quiet=["test_not_one_byte_of_a_batch_is_written_where_one_piece_is_refused"],
)
adopt_suite("test_trans_soak", short=[], four=["test_everything_at_random"])
