// SPDX-License-Identifier: Apache-2.0
// Waits and tests of every type and comparison: one variable, all, any, some, and with a value for each.
#include "check.h"
#include "types.h"

enum { kCount = 5 };

// The left neighbour writes `after` into all that are not left out; what was there was `before`.
#define DEFINE_WAITS(T, name)                                                                                \
    static void name##_compare(T* word, T before, T after, int cmp, T value) {                               \
        const int right = right_of(shmem_my_pe());                                                           \
        *word = before;                                                                                      \
        shmem_barrier_all();                                                                                 \
        CHECK(TYPED(name, test)(word, cmp, value) == 0, "test of %s, comparison %d", #T, cmp);               \
        shmem_barrier_all();                                                                                 \
        TYPED(name, p)(word, after, right);                                                                  \
        TYPED(name, wait_until)(word, cmp, value);                                                           \
        CHECK(*word == after, "wait_until of %s, comparison %d", #T, cmp);                                   \
        CHECK(TYPED(name, test)(word, cmp, value) != 0, "test of %s, comparison %d", #T, cmp);               \
        shmem_barrier_all();                                                                                 \
    }                                                                                                        \
    static void name##_waits(T* words) {                                                                     \
        const int right = right_of(shmem_my_pe());                                                           \
        const int status[kCount] = {0, 1, 0, 0, 1};                                                          \
        const int nobody[kCount] = {1, 1, 1, 1, 1};                                                          \
        T values[kCount] = {(T)1, (T)9, (T)3, (T)4, (T)9};                                                   \
        size_t indices[kCount];                                                                              \
        name##_compare(words, (T)1, (T)2, SHMEM_CMP_EQ, (T)2);                                               \
        name##_compare(words, (T)1, (T)2, SHMEM_CMP_NE, (T)1);                                               \
        name##_compare(words, (T)1, (T)2, SHMEM_CMP_GT, (T)1);                                               \
        name##_compare(words, (T)1, (T)2, SHMEM_CMP_GE, (T)2);                                               \
        name##_compare(words, (T)2, (T)1, SHMEM_CMP_LT, (T)2);                                               \
        name##_compare(words, (T)2, (T)1, SHMEM_CMP_LE, (T)1);                                               \
        CLEAR(T, words, kCount);                                                                             \
        shmem_barrier_all();                                                                                 \
        CHECK(TYPED(name, test_all)(words, kCount, status, SHMEM_CMP_NE, (T)0) == 0, "test_all of %s", #T);  \
        CHECK(TYPED(name, test_any)(words, kCount, status, SHMEM_CMP_NE, (T)0) == SIZE_MAX, "%s", #T);       \
        CHECK(TYPED(name, test_some)(words, kCount, indices, status, SHMEM_CMP_NE, (T)0) == 0, "%s", #T);    \
        CHECK(TYPED(name, wait_until_any)(words, kCount, nobody, SHMEM_CMP_EQ, (T)1) == SIZE_MAX, "%s", #T); \
        CHECK(TYPED(name, wait_until_some)(words, kCount, indices, nobody, SHMEM_CMP_EQ, (T)1) == 0, "%s",   \
              #T);                                                                                           \
        CHECK(TYPED(name, wait_until_any)(words, 0, NULL, SHMEM_CMP_EQ, (T)1) == SIZE_MAX, "none of %s",     \
              #T);                                                                                           \
        TYPED(name, wait_until_all)(words, kCount, nobody, SHMEM_CMP_EQ, (T)1);                              \
        CHECK(TYPED(name, test_all)(words, 0, NULL, SHMEM_CMP_EQ, (T)1) != 0, "none of %s", #T);             \
        shmem_barrier_all();                                                                                 \
        TYPED(name, p)(words + 2, (T)3, right);                                                              \
        CHECK(TYPED(name, wait_until_any)(words, kCount, status, SHMEM_CMP_EQ, (T)3) == 2, "any of %s", #T); \
        CHECK(TYPED(name, wait_until_some)(words, kCount, indices, status, SHMEM_CMP_NE, (T)0) == 1, "%s",   \
              #T);                                                                                           \
        CHECK(indices[0] == 2, "some of %s", #T);                                                            \
        CHECK(TYPED(name, wait_until_any_vector)(words, kCount, status, SHMEM_CMP_EQ, values) == 2, "%s",    \
              #T);                                                                                           \
        CHECK(TYPED(name, test_any_vector)(words, kCount, status, SHMEM_CMP_EQ, values) == 2, "%s", #T);     \
        CHECK(TYPED(name, test_all_vector)(words, kCount, status, SHMEM_CMP_EQ, values) == 0, "%s", #T);     \
        shmem_barrier_all();                                                                                 \
        TYPED(name, p)(words, (T)1, right);                                                                  \
        TYPED(name, p)(words + 3, (T)4, right);                                                              \
        TYPED(name, wait_until_all_vector)(words, kCount, status, SHMEM_CMP_EQ, values);                     \
        TYPED(name, wait_until_all)(words, kCount, status, SHMEM_CMP_GT, (T)0);                              \
        CHECK(TYPED(name, test_all)(words, kCount, status, SHMEM_CMP_GE, (T)1) != 0, "test_all of %s", #T);  \
        CHECK(TYPED(name, test_all_vector)(words, kCount, status, SHMEM_CMP_EQ, values) != 0, "%s", #T);     \
        CHECK(                                                                                               \
            TYPED(name, wait_until_some_vector)(words, kCount, indices, status, SHMEM_CMP_EQ, values) == 3,  \
            "%s", #T);                                                                                       \
        CHECK(indices[0] == 0 && indices[1] == 2 && indices[2] == 3, "some_vector of %s", #T);               \
        CHECK(TYPED(name, test_some_vector)(words, kCount, indices, NULL, SHMEM_CMP_EQ, values) == 3, "%s",  \
              #T);                                                                                           \
        CHECK(TYPED(name, test_some)(words, kCount, indices, NULL, SHMEM_CMP_EQ, (T)0) == 2, "%s", #T);      \
        CHECK(indices[0] == 1 && indices[1] == 4, "test_some of %s", #T);                                    \
        shmem_barrier_all();                                                                                 \
    }

STANDARD_AMO_TYPES(DEFINE_WAITS)

static long long static_words[kCount];

#define RUN_WAITS(T, name)          \
    name##_waits((T*)static_words); \
    name##_waits((T*)heap_words);

int main(void) {
    shmem_init();
    void* const heap_words = shmem_calloc(kCount, sizeof(long long));
    STANDARD_AMO_TYPES(RUN_WAITS)
    shmem_free(heap_words);
    done();
    return 0;
}
