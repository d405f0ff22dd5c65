// SPDX-License-Identifier: Apache-2.0
// Atomics, signals, waits and tests, order, locks.
#include "situations.h"

enum { kMostPes = 64 };

// All PEs try to be the first; one is.
static void race(void) {
    static int winner = -1;
    const int before = TYPED(int, atomic_compare_swap)(&winner, -1, shmem_my_pe(), 0);
    static int wins;
    if (before == -1) {
        TYPED(int, atomic_inc)(&wins, 0);
    }
    shmem_barrier_all();
    CHECK(TYPED(int, atomic_fetch)(&wins, 0) == 1, "%d winners", wins);
    const int first = TYPED(int, atomic_fetch)(&winner, 0);
    CHECK(first >= 0 && first < shmem_n_pes(), "winner %d", first);
    CHECK(before == -1 || before == first, "lost against %d, the winner is %d", before, first);
}

// Pairs exchange what they hold.
static void exchange(void) {
    static long held;
    const int me = shmem_my_pe();
    held = me * 10;
    shmem_barrier_all();
    const int partner = me % 2 == 0 ? me + 1 : me - 1;
    if (me % 2 == 0 && partner < shmem_n_pes()) {
        held = TYPED(long, atomic_swap)(&held, held, partner);
    }
    shmem_barrier_all();
    CHECK(held == (partner < shmem_n_pes() ? partner : me) * 10, "held %ld", held);
}

// Tickets: every PE draws several, none is drawn twice.
static void tickets(void) {
    static int next;
    static int drawn[kMostPes * 5];
    for (int i = 0; i < 5; ++i) {
        const int ticket =
            i % 2 == 0 ? TYPED(int, atomic_fetch_inc)(&next, 0) : TYPED(int, atomic_fetch_add)(&next, 1, 0);
        TYPED(int, atomic_inc)(&drawn[ticket], 0);
    }
    shmem_barrier_all();
    for (int i = 0; shmem_my_pe() == 0 && i < 5 * shmem_n_pes(); ++i) {
        CHECK(drawn[i] == 1, "ticket %d was drawn %d times", i, drawn[i]);
    }
}

static void set_and_fetch(void) {
    static double value;
    TYPED(double, atomic_set)(&value, shmem_my_pe() + 0.5, right_of(shmem_my_pe()));
    shmem_barrier_all();
    CHECK(TYPED(double, atomic_fetch)(&value, shmem_my_pe()) == left_of(shmem_my_pe()) + 0.5, "%g", value);
}

// Attendance as bits: each PE sets its own, then clears it, then all flip.
static void bits(void) {
    static uint64_t present;
    const uint64_t mine = (uint64_t)1 << shmem_my_pe();
    const uint64_t all = ((uint64_t)1 << shmem_n_pes()) - 1;
    const uint64_t before = TYPED(uint64, atomic_fetch_or)(&present, mine, 0);
    CHECK((before & mine) == 0, "present already: %" PRIx64, before);
    shmem_barrier_all();
    CHECK(TYPED(uint64, atomic_fetch)(&present, 0) == all, "all are present");
    shmem_barrier_all();
    const uint64_t flipped = TYPED(uint64, atomic_fetch_xor)(&present, mine, 0);
    CHECK((flipped & mine) == mine, "flipped %" PRIx64, flipped);
    shmem_barrier_all();
    CHECK(TYPED(uint64, atomic_fetch)(&present, 0) == 0, "nobody is present");
    shmem_barrier_all();
    TYPED(uint64, atomic_or)(&present, mine, 0);
    TYPED(uint64, atomic_xor)(&present, 0, 0);
    shmem_barrier_all();
    TYPED(uint64, atomic_and)(&present, ~mine, 0);
    shmem_barrier_all();
    CHECK(TYPED(uint64, atomic_fetch_and)(&present, 0, 0) == 0, "all have left");
}

// Atomics whose results come with the next quiet.
static void atomics_without_waiting(void) {
    static long counter;
    long fetched[8] = {0};
    for (int i = 0; i < 8; ++i) {
        TYPED(long, atomic_fetch_add_nbi)(&fetched[i], &counter, 1, right_of(shmem_my_pe()));
    }
    shmem_quiet();
    for (int i = 0; i < 8; ++i) {
        CHECK(fetched[i] == i, "the only one who adds there: %ld", fetched[i]);
    }
}

// A block goes round all PEs; the signal says when it has come.
static void ring_with_signals(void) {
    enum { kCount = 2000 };
    static uint64_t arrived;
    static long block[kCount];
    const int me = shmem_my_pe();
    const int pes = shmem_n_pes();
    if (me == 0) {
        FILL(long, block, kCount, 5);
        TYPED(long, put_signal)(block, block, kCount, &arrived, 1, SHMEM_SIGNAL_SET, right_of(0));
    }
    CHECK(shmem_signal_wait_until(&arrived, SHMEM_CMP_EQ, 1) == 1, "the signal");
    EXPECT(long, block, kCount, 5, "the block");
    if (me != 0) {
        TYPED(long, put_signal_nbi)(block, block, kCount, &arrived, 1, SHMEM_SIGNAL_SET, right_of(me));
    }
    CHECK(shmem_signal_fetch(&arrived) == 1, "fetch after %d PEs", pes);
}

// The root has data for everybody and hears by added signals when all have it.
static void signals_that_add(void) {
    static uint64_t counted;
    static int block[3];
    const int pes = shmem_n_pes();
    int source[3];
    FILL(int, source, 3, shmem_my_pe());
    shmem_barrier_all();
    TYPED(int, put_signal)(block, source, 1, &counted, 1, SHMEM_SIGNAL_ADD, 0);
    if (shmem_my_pe() == 0) {
        CHECK(shmem_signal_wait_until(&counted, SHMEM_CMP_GE, (uint64_t)pes) == (uint64_t)pes,
              "all have called");
    }
}

// Waiting for one variable, for all, any, some of several, with a value for all or one for each.
static int flags[kMostPes];
static int status[kMostPes];

static void tell_all(int value) {
    for (int pe = 0; pe < shmem_n_pes(); ++pe) {
        TYPED(int, p)(&flags[shmem_my_pe()], value + shmem_my_pe(), pe);
    }
}

static void wait_for_one(void) {
    tell_all(1);
    for (int pe = 0; pe < shmem_n_pes(); ++pe) {
        TYPED(int, wait_until)(&flags[pe], SHMEM_CMP_EQ, pe + 1);
    }
}

static void wait_for_all(void) {
    tell_all(1);
    status[shmem_my_pe()] = 1;  // not for oneself
    TYPED(int, wait_until_all)(flags, (size_t)shmem_n_pes(), status, SHMEM_CMP_NE, 0);
    for (int pe = 0; pe < shmem_n_pes(); ++pe) {
        CHECK(pe == shmem_my_pe() || flags[pe] == pe + 1, "flag %d", pe);
    }
}

// What has come is worked on in the order in which it comes.
static void wait_for_any(void) {
    tell_all(1);
    const size_t count = (size_t)shmem_n_pes();
    int sum = 0;
    for (size_t i = 0; i < count; ++i) {
        const size_t found = TYPED(int, wait_until_any)(flags, count, status, SHMEM_CMP_GT, 0);
        CHECK(found < count && status[found] == 0, "flag %zu", found);
        status[found] = 1;
        sum += flags[found];
    }
    CHECK(sum == shmem_n_pes() * (shmem_n_pes() + 1) / 2, "sum %d", sum);
    CHECK(TYPED(int, wait_until_any)(flags, count, status, SHMEM_CMP_GT, 0) == SIZE_MAX, "nothing is left");
}

static void wait_for_some(void) {
    tell_all(1);
    const size_t count = (size_t)shmem_n_pes();
    size_t indices[kMostPes];
    for (size_t seen = 0; seen < count;) {
        const size_t found = TYPED(int, wait_until_some)(flags, count, indices, status, SHMEM_CMP_GT, 0);
        CHECK(found >= 1 && found <= count - seen, "%zu flags", found);
        for (size_t i = 0; i < found; ++i) {
            CHECK(status[indices[i]] == 0 && flags[indices[i]] == (int)indices[i] + 1, "flag %zu",
                  indices[i]);
            status[indices[i]] = 1;
        }
        seen += found;
    }
}

static void wait_with_values(void) {
    int values[kMostPes];
    size_t indices[kMostPes];
    const size_t count = (size_t)shmem_n_pes();
    for (size_t pe = 0; pe < count; ++pe) {
        values[pe] = (int)pe + 1;
    }
    tell_all(1);
    CHECK((TYPED(int, wait_until_any_vector)(flags, count, NULL, SHMEM_CMP_EQ, values)) < count, "any");
    CHECK((TYPED(int, wait_until_some_vector)(flags, count, indices, NULL, SHMEM_CMP_EQ, values)) >= 1,
          "some");
    TYPED(int, wait_until_all_vector)(flags, count, NULL, SHMEM_CMP_EQ, values);
    CHECK((TYPED(int, test_all_vector)(flags, count, NULL, SHMEM_CMP_EQ, values)) == 1, "all");
    CHECK((TYPED(int, test_any_vector)(flags, count, NULL, SHMEM_CMP_LT, values)) == SIZE_MAX,
          "none is less");
    CHECK((TYPED(int, test_some_vector)(flags, count, indices, NULL, SHMEM_CMP_GE, values)) == count,
          "all are");
}

// Looking without waiting, with other work in between.
static void test_in_between(void) {
    const size_t count = (size_t)shmem_n_pes();
    size_t indices[kMostPes];
    CHECK((TYPED(int, test_any)(flags, 0, NULL, SHMEM_CMP_EQ, 0)) == SIZE_MAX, "of none");
    shmem_barrier_all();
    tell_all(1);
    long other_work = 0;
    while (!TYPED(int, test)(&flags[0], SHMEM_CMP_EQ, 1)) {
        ++other_work;
    }
    while (!TYPED(int, test_all)(flags, count, NULL, SHMEM_CMP_GT, 0)) {
        ++other_work;
    }
    CHECK((TYPED(int, test_any)(flags, count, NULL, SHMEM_CMP_EQ, 1)) == 0, "PE 0's, after %ld", other_work);
    CHECK((TYPED(int, test_some)(flags, count, indices, NULL, SHMEM_CMP_LE, 1)) == 1 && indices[0] == 0,
          "one");
}

// A flag is not seen before what was put in front of the fence.
static void fence_between(void) {
    static int target[100];
    static int flag;
    int source[100];
    FILL(int, source, 100, shmem_my_pe());
    TYPED(int, put)(target, source, 100, right_of(shmem_my_pe()));
    shmem_fence();
    TYPED(int, p)(&flag, 1, right_of(shmem_my_pe()));
    TYPED(int, wait_until)(&flag, SHMEM_CMP_EQ, 1);
    EXPECT(int, target, 100, left_of(shmem_my_pe()), "before the flag");
}

// After quiet a third PE sees everything that was put to a second one.
static void quiet_for_a_third(void) {
    static int target[10];
    static int told;
    const int pes = shmem_n_pes();
    const int second = 1 % pes;
    const int third = 2 % pes;
    int source[10];
    FILL(int, source, 10, 0);
    if (shmem_my_pe() == 0) {
        TYPED(int, put_nbi)(target, source, 10, second);
        shmem_quiet();
        TYPED(int, p)(&told, 1, third);
    }
    if (shmem_my_pe() == third) {
        int seen[10];
        TYPED(int, wait_until)(&told, SHMEM_CMP_EQ, 1);
        TYPED(int, get)(seen, target, 10, second);
        EXPECT(int, seen, 10, 0, "what the first put to the second");
    }
}

// A list that one PE at a time writes to, at PE 0.
static void under_a_lock(void) {
    static long lock;
    static int length;
    static int list[kMostPes * 3];
    for (int i = 0; i < 3; ++i) {
        if (i == 1) {
            while (shmem_test_lock(&lock) != 0) {
            }
        } else {
            shmem_set_lock(&lock);
        }
        const int at = TYPED(int, g)(&length, 0);
        TYPED(int, p)(&list[at], shmem_my_pe() * 3 + i, 0);
        TYPED(int, p)(&length, at + 1, 0);
        shmem_quiet();
        shmem_clear_lock(&lock);
    }
    shmem_barrier_all();
    static int times[kMostPes * 3];
    for (int i = 0; shmem_my_pe() == 0 && i < 3 * shmem_n_pes(); ++i) {
        CHECK(++times[list[i]] == 1, "entry %d", list[i]);
    }
    CHECK(shmem_my_pe() != 0 || length == 3 * shmem_n_pes(), "length %d", length);
}

static const struct Situation situations[] = {
    {"race", race, 0},
    {"exchange", exchange, 0},
    {"tickets", tickets, 0},
    {"set_and_fetch", set_and_fetch, 0},
    {"bits", bits, 0},
    {"atomics_without_waiting", atomics_without_waiting, 0},
    {"ring_with_signals", ring_with_signals, 0},
    {"signals_that_add", signals_that_add, 0},
    {"wait_for_one", wait_for_one, 0},
    {"wait_for_all", wait_for_all, 0},
    {"wait_for_any", wait_for_any, 0},
    {"wait_for_some", wait_for_some, 0},
    {"wait_with_values", wait_with_values, 0},
    {"test_in_between", test_in_between, 0},
    {"fence_between", fence_between, 0},
    {"quiet_for_a_third", quiet_for_a_third, 0},
    {"under_a_lock", under_a_lock, 0},
};

int main(int arguments, char** words) {
    return RUN_SITUATION(situations);
}
