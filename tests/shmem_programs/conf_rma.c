// SPDX-License-Identifier: Apache-2.0
// Every typed remote memory access: blocks, strides, single elements, non-blocking, with and without a
// context; static and heap.
#include "check.h"
#include "types.h"

enum { kCount = 12 };

static shmem_ctx_t ctx;

#define DEFINE_BLOCKS(T, name)                                                \
    static void name##_blocks(T* target, T* source) {                         \
        const int me = shmem_my_pe();                                         \
        const int right = right_of(me);                                       \
        T local[kCount];                                                      \
        FILL(T, source, kCount, me);                                          \
        for (int form = 0; form < 4; ++form) {                                \
            CLEAR(T, target, kCount);                                         \
            shmem_barrier_all();                                              \
            if (form == 0) {                                                  \
                TYPED(name, put)(target, source, kCount, right);              \
            } else if (form == 1) {                                           \
                TYPED(name, put_nbi)(target, source, kCount, right);          \
            } else if (form == 2) {                                           \
                TYPED_CTX(name, put)(ctx, target, source, kCount, right);     \
                shmem_ctx_quiet(ctx);                                         \
            } else {                                                          \
                TYPED_CTX(name, put_nbi)(ctx, target, source, kCount, right); \
                shmem_ctx_quiet(ctx);                                         \
            }                                                                 \
            shmem_barrier_all();                                              \
            EXPECT(T, target, kCount, left_of(me), "put");                    \
            CLEAR(T, local, kCount);                                          \
            if (form == 0) {                                                  \
                TYPED(name, get)(local, source, kCount, right);               \
            } else if (form == 1) {                                           \
                TYPED(name, get_nbi)(local, source, kCount, right);           \
                shmem_quiet();                                                \
            } else if (form == 2) {                                           \
                TYPED_CTX(name, get)(ctx, local, source, kCount, right);      \
            } else {                                                          \
                TYPED_CTX(name, get_nbi)(ctx, local, source, kCount, right);  \
                shmem_ctx_quiet(ctx);                                         \
            }                                                                 \
            EXPECT(T, local, kCount, right, "get");                           \
            TYPED(name, put)(target, source, 0, right); /* nothing */         \
            TYPED(name, get)(local, source, 0, right);                        \
            EXPECT(T, local, kCount, right, "get of nothing");                \
            shmem_barrier_all();                                              \
        }                                                                     \
    }

#define DEFINE_STRIDES(T, name)                                                                              \
    static void name##_strides(T* target, T* source) {                                                       \
        const int me = shmem_my_pe();                                                                        \
        const int right = right_of(me);                                                                      \
        const int left = left_of(me);                                                                        \
        T local[kCount];                                                                                     \
        FILL(T, source, kCount, me);                                                                         \
        for (int form = 0; form < 2; ++form) {                                                               \
            CLEAR(T, target, kCount);                                                                        \
            CLEAR(T, local, kCount);                                                                         \
            shmem_barrier_all();                                                                             \
            if (form == 0) { /* elements 0, 2, 4, 6 to 0, 3, 6, 9 */                                         \
                TYPED(name, iput)(target, source, 3, 2, 4, right);                                           \
                TYPED(name, iget)(local, source, 3, 2, 4, right);                                            \
            } else {                                                                                         \
                TYPED_CTX(name, iput)(ctx, target, source, 3, 2, 4, right);                                  \
                TYPED_CTX(name, iget)(ctx, local, source, 3, 2, 4, right);                                   \
                shmem_ctx_quiet(ctx);                                                                        \
            }                                                                                                \
            shmem_barrier_all();                                                                             \
            for (int i = 0; i < kCount; ++i) {                                                               \
                const int there = i % 3 == 0;                                                                \
                const int index = i / 3 * 2;                                                                 \
                CHECK(target[i] == (T)(there ? value_of(left, index) : 0), "iput of %s: element %d", #T, i); \
                CHECK(local[i] == (T)(there ? value_of(right, index) : 0), "iget of %s: element %d", #T, i); \
            }                                                                                                \
            shmem_barrier_all();                                                                             \
        }                                                                                                    \
    }

#define DEFINE_SINGLES(T, name)                                                                              \
    static void name##_singles(T* target, T* source) {                                                       \
        const int me = shmem_my_pe();                                                                        \
        const int right = right_of(me);                                                                      \
        FILL(T, source, kCount, me);                                                                         \
        CLEAR(T, target, kCount);                                                                            \
        shmem_barrier_all();                                                                                 \
        for (int i = 0; i < kCount; ++i) {                                                                   \
            if (i % 2 == 0) {                                                                                \
                TYPED(name, p)(target + i, (T)value_of(me, i), right);                                       \
                CHECK((TYPED(name, g)(source + i, right)) == (T)value_of(right, i), "g of %s", #T);          \
            } else {                                                                                         \
                TYPED_CTX(name, p)(ctx, target + i, (T)value_of(me, i), right);                              \
                CHECK((TYPED_CTX(name, g)(ctx, source + i, right)) == (T)value_of(right, i), "g of %s", #T); \
            }                                                                                                \
        }                                                                                                    \
        shmem_ctx_quiet(ctx);                                                                                \
        shmem_barrier_all();                                                                                 \
        EXPECT(T, target, kCount, left_of(me), "p");                                                         \
        shmem_barrier_all();                                                                                 \
    }

#define DEFINE(T, name)                               \
    DEFINE_BLOCKS(T, name)                            \
    DEFINE_STRIDES(T, name)                           \
    DEFINE_SINGLES(T, name)                           \
    static T name##_target[kCount];                   \
    static T name##_source[kCount];                   \
    static void name##_all(void* heap) {              \
        name##_blocks(name##_target, name##_source);  \
        name##_strides(name##_target, name##_source); \
        name##_singles(name##_target, name##_source); \
        T* target = (T*)heap;                         \
        name##_blocks(target, target + kCount);       \
        name##_strides(target, target + kCount);      \
        name##_singles(target, target + kCount);      \
    }
#define RUN(T, name) name##_all(heap);

RMA_TYPES(DEFINE)

int main(void) {
    shmem_init();
    CHECK(shmem_ctx_create(0, &ctx) == 0, "a context");
    void* heap = shmem_malloc(2 * kCount * sizeof(long double));
    CHECK(heap != NULL, "memory");
    RMA_TYPES(RUN)
    shmem_free(heap);
    shmem_ctx_destroy(ctx);
    done();
    return 0;
}
