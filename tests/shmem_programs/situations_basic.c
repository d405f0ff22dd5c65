// SPDX-License-Identifier: Apache-2.0
// Start-up, the symmetric heap, and remote memory access.
#include "situations.h"

static void print_ok(void) {
    shmem_barrier_all();
    if (shmem_my_pe() == 0) {
        printf("ok\n");
        fflush(stdout);
    }
}

// Every PE learns who it is; a number goes round the ring.
static void hello(void) {
    static int from_left = -1;
    shmem_init();
    const int me = shmem_my_pe();
    CHECK(me >= 0 && me < shmem_n_pes(), "PE %d of %d", me, shmem_n_pes());
    TYPED(int, p)(&from_left, me, right_of(me));
    shmem_barrier_all();
    CHECK(from_left == left_of(me), "from the left: %d", from_left);
    print_ok();
    shmem_finalize();
}

static void thread_level(void) {
    int provided = -1;
    int asked = -1;
    CHECK(shmem_init_thread(SHMEM_THREAD_FUNNELED, &provided) == 0, "init");
    CHECK(provided >= SHMEM_THREAD_FUNNELED, "provided %d", provided);
    shmem_query_thread(&asked);
    CHECK(asked == provided, "asked %d, provided %d", asked, provided);
    print_ok();
    shmem_finalize();
}

static void version_and_name(void) {
    int major = 0;
    int minor = 0;
    char name[SHMEM_MAX_NAME_LEN];
    shmem_info_get_version(&major, &minor);
    shmem_info_get_name(name);
    CHECK(major == SHMEM_MAJOR_VERSION && minor == SHMEM_MINOR_VERSION, "%d.%d", major, minor);
    CHECK(strcmp(name, SHMEM_VENDOR_STRING) == 0, "%s", name);
}

// Of all PEs and addresses some can be reached.
static void accessible(void) {
    static int global;
    int local = 0;
    int* heap = (int*)shmem_malloc(sizeof(int));
    for (int pe = 0; pe < shmem_n_pes(); ++pe) {
        CHECK(shmem_pe_accessible(pe), "PE %d", pe);
        CHECK(shmem_addr_accessible(&global, pe) && shmem_addr_accessible(heap, pe),
              "symmetric objects of PE %d", pe);
        CHECK(!shmem_addr_accessible(&local, pe), "a local object");
    }
    CHECK(!shmem_pe_accessible(shmem_n_pes()) && !shmem_pe_accessible(-1), "PEs that do not exist");
    shmem_free(heap);
}

// Ordinary loads and stores to a neighbour's memory, where that is possible: at least where it is shared.
static void direct_pointer(void) {
    static int squares[16];
    const int me = shmem_my_pe();
    const int right = right_of(me);
    const int shares = shmem_team_translate_pe(SHMEM_TEAM_WORLD, right, SHMEM_TEAM_SHARED) >= 0;
    int* theirs = (int*)shmem_ptr(squares, right);
    CHECK(theirs != NULL || !shares, "PE %d shares memory with PE %d", right, me);
    for (int i = 0; i < 16; ++i) {
        if (theirs != NULL) {
            theirs[i] = i * i + me;
        } else {
            shmem_int_p(&squares[i], i * i + me, right);
        }
    }
    shmem_barrier_all();
    for (int i = 0; i < 16; ++i) {
        CHECK(squares[i] == i * i + left_of(me), "element %d", i);
    }
}

// A counter and a signal in memory that hints say is for them.
static void hints(void) {
    long* counter = (long*)shmem_malloc_with_hints(sizeof(long), SHMEM_MALLOC_ATOMICS_REMOTE);
    uint64_t* arrived = (uint64_t*)shmem_malloc_with_hints(sizeof(uint64_t), SHMEM_MALLOC_SIGNAL_REMOTE);
    int* plain = (int*)shmem_malloc_with_hints(4 * sizeof(int), 0);
    CHECK(counter != NULL && arrived != NULL && plain != NULL, "memory");
    *counter = 0;
    *arrived = 0;
    shmem_barrier_all();
    TYPED(long, atomic_add)(counter, shmem_my_pe() + 1, 0);
    shmem_barrier_all();
    const long sum = (long)shmem_n_pes() * (shmem_n_pes() + 1) / 2;
    CHECK(TYPED(long, atomic_fetch)(counter, 0) == sum, "the sum of all");
    shmem_free(plain);
    shmem_free(arrived);
    shmem_free(counter);
}

// An array grows, and keeps what it has.
static void growing(void) {
    int* numbers = (int*)shmem_calloc(4, sizeof(int));
    CHECK(numbers != NULL && numbers[3] == 0, "zeros");
    FILL(int, numbers, 4, shmem_my_pe());
    numbers = (int*)shmem_realloc(numbers, 4000 * sizeof(int));
    EXPECT(int, numbers, 4, shmem_my_pe(), "what was there");
    TYPED(int, put)(numbers + 3996, numbers, 4, right_of(shmem_my_pe()));
    shmem_barrier_all();
    EXPECT(int, numbers + 3996, 4, left_of(shmem_my_pe()), "the new end");
    shmem_free(numbers);
}

static void aligned_block(void) {
    char* page = (char*)shmem_align(4096, 100);
    CHECK(page != NULL && (uintptr_t)page % 4096 == 0, "%p", (void*)page);
    shmem_free(page);
}

// A row of a local array becomes a neighbour's.
static void put_block(void) {
    static long target[10];
    long source[10];
    FILL(long, source, 10, shmem_my_pe());
    if (shmem_my_pe() == 0) {
        TYPED(long, put)(target, source, 10, shmem_n_pes() - 1);
    }
    shmem_barrier_all();
    if (shmem_my_pe() == shmem_n_pes() - 1) {
        EXPECT(long, target, 10, 0, "put");
    }
}

static void get_block(void) {
    static long source[10];
    long target[10];
    FILL(long, source, 10, shmem_my_pe());
    shmem_barrier_all();
    TYPED(long, get)(target, source, 10, left_of(shmem_my_pe()));
    EXPECT(long, target, 10, left_of(shmem_my_pe()), "get");
}

// Each PE collects one element of every other one.
static void single_elements(void) {
    static double value;
    static double stored[64];
    value = shmem_my_pe() * 1.5;
    shmem_barrier_all();
    double sum = 0;
    for (int pe = 0; pe < shmem_n_pes(); ++pe) {
        sum += TYPED(double, g)(&value, pe);
        TYPED(double, p)(&stored[shmem_my_pe()], value, pe);
    }
    shmem_barrier_all();
    double sum_of_stored = 0;
    for (int pe = 0; pe < shmem_n_pes(); ++pe) {
        sum_of_stored += stored[pe];
    }
    const double wanted = 1.5 * (shmem_n_pes() - 1) * shmem_n_pes() / 2;
    CHECK(sum == wanted && sum_of_stored == wanted, "%g and %g, not %g", sum, sum_of_stored, wanted);
}

// A column of a matrix goes into a neighbour's matrix as a column.
static void strided_column(void) {
    enum { kRows = 5, kColumns = 7 };
    static int matrix[kRows][kColumns];
    int row[kRows];
    FILL(int, row, kRows, shmem_my_pe());
    TYPED(int, iput)(&matrix[0][3], row, kColumns, 1, kRows, right_of(shmem_my_pe()));
    shmem_barrier_all();
    int column[kRows];
    TYPED(int, iget)(column, &matrix[0][3], 1, kColumns, kRows, shmem_my_pe());
    EXPECT(int, column, kRows, left_of(shmem_my_pe()), "the column");
    CHECK(matrix[0][2] == 0 && matrix[kRows - 1][4] == 0, "its neighbours");
}

// Pieces to all PEs, completed together.
static void non_blocking(void) {
    static int target[64];
    int source[64];
    for (int pe = 0; pe < shmem_n_pes(); ++pe) {
        source[pe] = shmem_my_pe() * 100 + pe;
        TYPED(int, put_nbi)(&target[shmem_my_pe()], &source[pe], 1, pe);
    }
    shmem_quiet();
    shmem_barrier_all();
    int fetched[64];
    for (int pe = 0; pe < shmem_n_pes(); ++pe) {
        CHECK(target[pe] == pe * 100 + shmem_my_pe(), "from PE %d: %d", pe, target[pe]);
        TYPED(int, get_nbi)(&fetched[pe], &target[shmem_my_pe()], 1, pe);
    }
    shmem_quiet();
    for (int pe = 0; pe < shmem_n_pes(); ++pe) {
        CHECK(fetched[pe] == shmem_my_pe() * 100 + pe, "what PE %d was given", pe);
    }
}

// Deprecated calls of old programs still do what they did.
static void old_program(void) {
    static int value = -1;
    start_pes(0);
    int* block = (int*)shmalloc(sizeof(int));
    CHECK(_num_pes() == shmem_n_pes() && _my_pe() == shmem_my_pe(), "numbers");
    shmem_int_p(&value, _my_pe(), right_of(_my_pe()));
    shmem_udcflush();
    shmem_clear_cache_inv();
    shmem_barrier_all();
    CHECK(value == left_of(_my_pe()), "value %d", value);
    shfree(block);
    print_ok();
}

static void levels_of_profiling(void) {
    for (int level = 0; level < 4; ++level) {
        shmem_pcontrol(level);
    }
    shmem_pcontrol(2, "with", 3, "more");
}

static const struct Situation situations[] = {
    {"hello", hello, 1},
    {"thread_level", thread_level, 1},
    {"version_and_name", version_and_name, 0},
    {"accessible", accessible, 0},
    {"direct_pointer", direct_pointer, 0},
    {"hints", hints, 0},
    {"growing", growing, 0},
    {"aligned_block", aligned_block, 0},
    {"put_block", put_block, 0},
    {"get_block", get_block, 0},
    {"single_elements", single_elements, 0},
    {"strided_column", strided_column, 0},
    {"non_blocking", non_blocking, 0},
    {"old_program", old_program, 1},
    {"levels_of_profiling", levels_of_profiling, 0},
};

int main(int arguments, char** words) {
    return RUN_SITUATION(situations);
}
