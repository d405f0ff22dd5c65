# SPDX-License-Identifier: Apache-2.0
"""Big memory between hosts: the suites of tests/multiproc."""
from suites import adopt

adopt(
    globals(),
    "test_bm_copy",
    leave_out=["test_wait_without_copies_returns_at_once", "test_copy_within_the_callers_own_region"],
    short=[
        "test_copy_flags_do_not_change_the_result",
        "test_local_side_may_be_the_callers_own_region",
        "test_copy_between_two_other_ranks",
    ],
    four=["test_copy_between_two_other_ranks"],
)
adopt(
    globals(),
    "test_bm_borders",
    four=[
        "test_one_copy_over_all_ranks_down_to_the_very_last_byte",
        "test_copy_straddles_two_ranks",
        "test_rows_straddle_ranks",
        "test_first_and_last_byte_of_every_region",
    ],
    traffic=[
        "test_one_copy_over_all_ranks_down_to_the_very_last_byte",
        "test_copy_straddles_two_ranks",
        "test_rows_straddle_ranks",
        "test_first_and_last_byte_of_every_region",
        "test_one_byte_past_the_last_is_refused_and_copies_nothing",
        "test_batch_of_many_pieces",
    ],
)
adopt(
    globals(),
    "test_bm_objects",
    leave_out=[
        "test_world_of_one",
        "test_another_object_is_ordinary_memory_to_a_copy",  # a pointer: test_bm_pointers.py
    ],
    short=["test_several_objects_hold_their_own_data", "test_copies_of_several_threads_at_once"],
    four=["test_several_objects_hold_their_own_data"],
    traffic=[
        "test_user_memory_can_be_registered_and_given_up",
        "test_several_objects_hold_their_own_data",
        "test_copies_of_several_threads_at_once",
    ],
)
adopt(
    globals(),
    "test_bm_world",
    leave_out=[  # other hosts' ranks are no pointers: test_bm_pointers.py
        "test_a_plain_store_is_seen_by_every_rank",
        "test_a_plain_store_into_a_peers_region_is_seen_by_its_owner",
    ],
    short=["test_every_rank_reads_every_other_rank"],
    four=["test_every_rank_reads_every_other_rank", "test_what_is_copied_to_a_rank_is_there_when_the_copy_returns"],
    traffic=["test_every_rank_reads_every_other_rank", "test_what_is_copied_to_a_rank_is_there_when_the_copy_returns"],
)
adopt(
    globals(),
    "test_bm_members",
    only=[  # the others are of one process, of the store, or of pointers
        "test_leave_and_join_again",
        "test_join_does_not_wait_for_others",
        "test_member_size_limits_how_many_join",
        "test_destroy_leaves",
        "test_create_again_after_destroy",
        "test_object_of_another_size_after_all_have_destroyed_it",
        "test_uninit_leaves_everything",
        "test_leave_waits_for_copies_that_run",
        "test_a_member_may_leave_and_come_back_again_and_again_while_it_is_written_to",
        "test_destroy_waits_for_the_callers_own_copies",
        "test_members_come_and_go_many_times",
        "test_a_process_holds_as_much_for_many_ranks_as_for_few",
        "test_dynamic_world_grows_beyond_its_size",
        "test_start_store_only_serves_and_takes_no_rank",
    ],
    short=[
        "test_leave_and_join_again",
        "test_join_does_not_wait_for_others",
        "test_create_again_after_destroy",
        "test_uninit_leaves_everything",
        "test_leave_waits_for_copies_that_run",
        "test_a_member_may_leave_and_come_back_again_and_again_while_it_is_written_to",
        "test_members_come_and_go_many_times",
    ],
    four=["test_leave_and_join_again", "test_members_come_and_go_many_times"],
    traffic=[
        "test_leave_and_join_again",
        "test_join_does_not_wait_for_others",
        "test_create_again_after_destroy",
        "test_object_of_another_size_after_all_have_destroyed_it",
        "test_uninit_leaves_everything",
        "test_members_come_and_go_many_times",
    ],
)
adopt(
    globals(),
    "test_bm_loss",
    leave_out=[
        "test_owner_killed_while_a_peer_reads_its_memory_directly",  # a pointer
        "test_stopped_peer_is_not_lost",  # its memory is out of reach meanwhile: test_bm_faults.py
        "test_ranks_of_killed_processes_leave_nothing_in_the_machines_memory",  # of one host
    ],
    short=[
        "test_killed_peer_is_lost_within_a_second_and_stray_reads_give_zeros",
        "test_new_process_takes_the_rank_of_a_killed_one",
        "test_a_rank_is_killed_and_replaced_again_and_again",
    ],
    four=["test_killed_peer_is_lost_within_a_second_and_stray_reads_give_zeros", "test_all_but_one_are_killed_at_once"],
    traffic=[
        "test_killed_peer_is_lost_within_a_second_and_stray_reads_give_zeros",
        "test_new_process_takes_the_rank_of_a_killed_one",
        "test_a_rank_is_killed_and_replaced_again_and_again",
        "test_peer_killed_during_copies_fails_them_and_nothing_else",
    ],
)
adopt(
    globals(),
    "test_bm_ends",
    only=[
        "test_a_member_that_died_before_others_joined_is_absent_for_them",
        "test_a_member_that_died_after_others_left_is_absent_for_them",
        "test_a_copy_that_outlives_its_target_fails_and_keeps_no_memory",
        "test_create_while_neighbours_destroy",
        "test_init_does_not_wait_for_a_stopped_neighbour",
    ],
    short=["test_a_member_that_died_before_others_joined_is_absent_for_them"],
    traffic=[],
)
adopt(
    globals(),
    "test_bad_copies",
    short=["test_addresses_one_byte_past_the_window", "test_copies_after_leave"],
    traffic=["test_failures_at_many_processes_at_once_disturb_nobody"],
)
