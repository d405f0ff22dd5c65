# SPDX-License-Identifier: Apache-2.0
"""SHM between hosts: the suites of tests/multiproc."""
from suites import adopt

adopt(
    globals(),
    "test_shm",
    only=[  # the others are of one process, of the store, or of pointers into the memory of neighbours
        "test_every_rank_sees_the_memory_of_all",
        "test_put_and_get_reach_the_last_byte_of_every_rank",
        "test_allgather_gives_all_parts_in_the_order_of_ranks",
        "test_objects_and_sub_groups_work_at_once_from_several_threads",
        "test_destroyed_object_is_created_anew_with_other_sizes",
        "test_bm_and_shm_of_a_process_share_the_store",
    ],
    short=[
        "test_put_and_get_reach_the_last_byte_of_every_rank",
        "test_objects_and_sub_groups_work_at_once_from_several_threads",
        "test_destroyed_object_is_created_anew_with_other_sizes",
        "test_bm_and_shm_of_a_process_share_the_store",
    ],
    four=["test_every_rank_sees_the_memory_of_all", "test_put_and_get_reach_the_last_byte_of_every_rank"],
    traffic=[
        "test_put_and_get_reach_the_last_byte_of_every_rank",
        "test_bm_and_shm_of_a_process_share_the_store",
    ],
)
adopt(
    globals(),
    "test_shm_ends",
    leave_out=[  # by a pointer into memory of another host, or of one process
        "test_memory_of_a_dead_rank_is_given_back_and_reads_zeros",
        "test_forked_child_has_no_shm",
    ],
    short=[
        "test_object_is_created_anew_with_the_successor_of_a_dead_rank",
        "test_destroy_succeeds_where_rank_0_and_its_store_have_ended",
        "test_uninit_while_others_wait_is_bounded_and_fails_them",
        "test_global_exit_calls_every_registered_function_once",
        "test_exit_function_may_end_the_process",
    ],
    four=["test_global_exit_calls_every_registered_function_once"],
    traffic=[],
)
adopt(
    globals(),
    "test_shm_bad",
    only=[
        "test_disagreement_is_an_error_at_every_rank_and_can_be_put_right",
        "test_rank_that_comes_late_to_a_disagreement_is_told_as_well",
        "test_create_without_the_others_ends_and_can_be_tried_again",
        "test_barrier_without_the_others_ends_names_them_and_works_later",
        "test_memory_that_cannot_be_had_is_an_error_at_every_rank",
    ],
    short=["test_memory_that_cannot_be_had_is_an_error_at_every_rank"],
    traffic=[],
)
# Its hosts are identities; here they are also hosts, ranks 0 and 2 on one, 1 and 3 on the other.
adopt(
    globals(),
    "test_shm_hosts",
    leave_out=["test_other_hosts_are_named_as_out_of_reach_without_the_fabric"],
    short=[
        "test_every_rank_puts_to_and_gets_from_every_other",
        "test_atomics_of_all_hosts_and_of_the_cpu_lose_nothing",
        "test_copies_that_are_begun_are_done_after_quiet",
        "test_rank_of_another_host_that_leaves",
        "test_sleeper_is_woken_by_what_another_host_writes",
    ],
    traffic=[
        "test_every_rank_puts_to_and_gets_from_every_other",
        "test_sizes_up_to_the_last_byte",
        "test_ranges_straddle_ranks_and_relay_between_other_hosts_ranks",
        "test_memory_taken_later_is_written_and_read_from_other_hosts",
        "test_rank_of_another_host_that_leaves",
        "test_copies_that_are_begun_are_done_after_quiet",
        "test_rows_reach_other_hosts_and_neighbours",
        "test_object_is_created_anew_over_both_hosts",
    ],
)
