// SPDX-License-Identifier: Apache-2.0
// Calls of no elements, for which null pointers are good (annex C of the specification), and what may be done
// with SHMEM_CTX_INVALID. A program comes to them where a PE's share of the work is nothing: shmem_malloc(0)
// gives a null pointer.
#include "check.h"

static int word;
static uint64_t arrived;
static long psync[SHMEM_SYNC_SIZE];
static int work[SHMEM_REDUCE_MIN_WRKDATA_SIZE];

static int* none;  // null

static void transfers(int pe) {
    TYPED(int, put)(none, none, 0, pe);
    TYPED(int, get)(none, none, 0, pe);
    TYPED(int, put_nbi)(none, none, 0, pe);
    TYPED(int, get_nbi)(none, none, 0, pe);
    TYPED(int, iput)(none, none, 1, 2, 0, pe);
    TYPED(int, iget)(none, none, 2, 1, 0, pe);
    TYPED_CTX(int, put)(SHMEM_CTX_DEFAULT, none, none, 0, pe);
    TYPED_CTX(int, get_nbi)(SHMEM_CTX_DEFAULT, none, none, 0, pe);
    shmem_putmem(NULL, NULL, 0, pe);
    shmem_getmem(NULL, NULL, 0, pe);
    shmem_put64_nbi(NULL, NULL, 0, pe);
    shmem_iget128(NULL, NULL, 1, 1, 0, pe);
    // One side is something.
    TYPED(int, put)(&word, none, 0, pe);
    TYPED(int, put)(none, &word, 0, pe);
    TYPED(int, get)(&word, none, 0, pe);
    TYPED(int, get)(none, &word, 0, pe);
    TYPED(int, iput)(&word, none, 1, 1, 0, pe);
    TYPED(int, iget)(none, &word, 1, 1, 0, pe);
    shmem_quiet();
}

// The signal comes also where there is nothing in front of it.
static void signals(void) {
    const int me = shmem_my_pe();
    arrived = 0;
    shmem_barrier_all();
    TYPED(int, put_signal)(none, none, 0, &arrived, 5, SHMEM_SIGNAL_SET, right_of(me));
    shmem_signal_wait_until(&arrived, SHMEM_CMP_EQ, 5);
    shmem_barrier_all();
    shmem_putmem_signal_nbi(NULL, NULL, 0, &arrived, 2, SHMEM_SIGNAL_ADD, right_of(me));
    shmem_signal_wait_until(&arrived, SHMEM_CMP_EQ, 7);
    shmem_barrier_all();
}

static void waits(void) {
    TYPED(int, wait_until_all)(none, 0, NULL, SHMEM_CMP_EQ, 1);
    CHECK(TYPED(int, wait_until_any)(none, 0, NULL, SHMEM_CMP_EQ, 1) == SIZE_MAX, "any");
    CHECK(TYPED(int, wait_until_some)(none, 0, NULL, NULL, SHMEM_CMP_EQ, 1) == 0, "some");
    CHECK((TYPED(int, wait_until_any_vector)(none, 0, NULL, SHMEM_CMP_EQ, none)) == SIZE_MAX,
          "any of a vector");
    CHECK((TYPED(int, test_all)(none, 0, NULL, SHMEM_CMP_EQ, 1)) == 1, "all of none");
    CHECK((TYPED(int, test_any)(none, 0, NULL, SHMEM_CMP_EQ, 1)) == SIZE_MAX, "test of any");
    CHECK((TYPED(int, test_some_vector)(none, 0, NULL, NULL, SHMEM_CMP_EQ, none)) == 0, "test of some");
}

static void collectives(void) {
    const int pes = shmem_n_pes();
    CHECK((TYPED(int, broadcast)(SHMEM_TEAM_WORLD, none, none, 0, pes - 1)) == 0, "broadcast");
    CHECK((TYPED(int, collect)(SHMEM_TEAM_WORLD, none, none, 0)) == 0, "collect");
    CHECK((TYPED(int, fcollect)(SHMEM_TEAM_WORLD, none, none, 0)) == 0, "fcollect");
    CHECK((TYPED(int, alltoall)(SHMEM_TEAM_WORLD, none, none, 0)) == 0, "alltoall");
    CHECK((TYPED(int, alltoalls)(SHMEM_TEAM_WORLD, none, none, 1, 1, 0)) == 0, "alltoalls");
    CHECK((TYPED(int, sum_reduce)(SHMEM_TEAM_WORLD, none, none, 0)) == 0, "reduction");
    CHECK(shmem_broadcastmem(SHMEM_TEAM_WORLD, NULL, NULL, 0, 0) == 0, "broadcastmem");
    shmem_int_max_to_all(NULL, NULL, 0, 0, 0, pes, work, psync);
    shmem_barrier_all();
    shmem_broadcast32(NULL, NULL, 0, 0, 0, 0, pes, psync);
    shmem_barrier_all();
    shmem_fcollect64(NULL, NULL, 0, 0, 0, pes, psync);
    shmem_barrier_all();
}

// Who is in no team has no context of it, and need not ask: that orders nothing.
static void no_context(void) {
    shmem_ctx_quiet(SHMEM_CTX_INVALID);
    shmem_ctx_fence(SHMEM_CTX_INVALID);
    shmem_ctx_destroy(SHMEM_CTX_INVALID);
    shmem_ctx_t ctx = SHMEM_CTX_DEFAULT;
    CHECK(shmem_team_create_ctx(SHMEM_TEAM_INVALID, 0, &ctx) != 0 && ctx == SHMEM_CTX_INVALID, "of no team");
}

int main(void) {
    shmem_init();
    none = (int*)shmem_malloc(0);
    CHECK(none == NULL, "no bytes, no block");
    word = 42;
    for (int pe = 0; pe < shmem_n_pes(); ++pe) {
        transfers(pe);
    }
    shmem_barrier_all();
    CHECK(word == 42, "it is %d", word);
    signals();
    waits();
    collectives();
    no_context();
    done();
    return 0;
}
