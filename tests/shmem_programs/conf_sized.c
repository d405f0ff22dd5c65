// SPDX-License-Identifier: Apache-2.0
// Remote memory access by size and by bytes: blocks, strides, non-blocking, with a signal; in both kinds of
// context; static and heap objects; odd counts and the last byte.
#include "check.h"

enum { kBytes = 16 * 61 };

static shmem_ctx_t ctx;
static unsigned char static_target[kBytes];
static unsigned char static_source[kBytes];
static uint64_t signal_word;

static unsigned char byte_of(int pe, size_t index) {
    return (unsigned char)(pe * 37 + (int)index * 3 + 1);
}

static void prepare(unsigned char* target, unsigned char* source) {
    for (size_t i = 0; i < kBytes; ++i) {
        target[i] = 0;
        source[i] = byte_of(shmem_my_pe(), i);
    }
    shmem_barrier_all();
}

// Elements of `size` bytes from every `from_stride`-th place of PE `pe` at every `to_stride`-th, zeros
// between.
static void expect(const unsigned char* target, size_t size, size_t count, size_t to_stride,
                   size_t from_stride, int pe, const char* what) {
    for (size_t i = 0; i < kBytes; ++i) {
        const size_t element = i / size;
        const int is_there = element % to_stride == 0 && element / to_stride < count;
        const size_t from = element / to_stride * from_stride * size + i % size;
        const unsigned char wanted = is_there ? byte_of(pe, from) : 0;
        CHECK(target[i] == wanted, "%s of %zu bytes: byte %zu is %d, not %d", what, size, i, target[i],
              wanted);
    }
}

// `put` and `get` are calls; afterwards a barrier makes puts complete everywhere.
#define CHECK_CALLS(size, count, to_stride, from_stride, put, get)                         \
    do {                                                                                   \
        prepare(target, source);                                                           \
        put;                                                                               \
        shmem_ctx_quiet(ctx);                                                              \
        shmem_barrier_all();                                                               \
        expect(target, size, count, to_stride, from_stride, left_of(shmem_my_pe()), #put); \
        prepare(target, source);                                                           \
        unsigned char local[kBytes] = {0};                                                 \
        get;                                                                               \
        shmem_ctx_quiet(ctx);                                                              \
        shmem_quiet();                                                                     \
        expect(local, size, count, to_stride, from_stride, right_of(shmem_my_pe()), #get); \
        shmem_barrier_all();                                                               \
    } while (0)

#define BLOCKS(size, n, put_name, get_name)                                               \
    CHECK_CALLS(size, n, 1, 1, shmem_##put_name(target, source, n, right),                \
                shmem_##get_name(local, source, n, right));                               \
    CHECK_CALLS(size, n, 1, 1, shmem_##put_name##_nbi(target, source, n, right),          \
                shmem_##get_name##_nbi(local, source, n, right));                         \
    CHECK_CALLS(size, n, 1, 1, shmem_ctx_##put_name(ctx, target, source, n, right),       \
                shmem_ctx_##get_name(ctx, local, source, n, right));                      \
    CHECK_CALLS(size, n, 1, 1, shmem_ctx_##put_name##_nbi(ctx, target, source, n, right), \
                shmem_ctx_##get_name##_nbi(ctx, local, source, n, right));

// The signal says that the data is there: no barrier before it is looked at.
#define SIGNALS(size, n, name)                                                              \
    do {                                                                                    \
        prepare(target, source);                                                            \
        shmem_##name(target, source, n, &signal_word, 1, SHMEM_SIGNAL_ADD, right);          \
        shmem_signal_wait_until(&signal_word, SHMEM_CMP_EQ, 1);                             \
        expect(target, size, n, 1, 1, left_of(shmem_my_pe()), #name);                       \
        prepare(target, source);                                                            \
        shmem_ctx_##name(ctx, target, source, n, &signal_word, 7, SHMEM_SIGNAL_SET, right); \
        shmem_signal_wait_until(&signal_word, SHMEM_CMP_EQ, 7);                             \
        expect(target, size, n, 1, 1, left_of(shmem_my_pe()), #name);                       \
        shmem_barrier_all();                                                                \
        signal_word = 0;                                                                    \
        shmem_barrier_all();                                                                \
    } while (0)

#define STRIDES(size, bits)                                                               \
    CHECK_CALLS(size, 7, 3, 5, shmem_iput##bits(target, source, 3, 5, 7, right),          \
                shmem_iget##bits(local, source, 3, 5, 7, right));                         \
    CHECK_CALLS(size, 9, 5, 1, shmem_ctx_iput##bits(ctx, target, source, 5, 1, 9, right), \
                shmem_ctx_iget##bits(ctx, local, source, 5, 1, 9, right));

static void all(unsigned char* target, unsigned char* source) {
    const int right = right_of(shmem_my_pe());
    BLOCKS(1, 971, putmem, getmem)
    BLOCKS(1, kBytes, put8, get8)
    BLOCKS(2, 487, put16, get16)
    BLOCKS(4, 243, put32, get32)
    BLOCKS(8, 121, put64, get64)
    BLOCKS(16, 61, put128, get128)
    SIGNALS(1, 13, putmem_signal);
    SIGNALS(1, kBytes, put8_signal);
    SIGNALS(2, 5, put16_signal_nbi);
    SIGNALS(4, 243, put32_signal);
    SIGNALS(8, 121, put64_signal_nbi);
    SIGNALS(16, 61, put128_signal);
    SIGNALS(1, 971, putmem_signal_nbi);
    STRIDES(1, 8)
    STRIDES(2, 16)
    STRIDES(4, 32)
    STRIDES(8, 64)
    STRIDES(16, 128)
}

int main(void) {
    shmem_init();
    CHECK(shmem_ctx_create(0, &ctx) == 0, "a context");
    unsigned char* heap = (unsigned char*)shmem_malloc(2 * kBytes);
    CHECK(heap != NULL, "memory");
    all(static_target, static_source);
    all(heap, heap + kBytes);
    all(static_target, heap);  // a put may go from one kind to the other
    shmem_free(heap);
    shmem_ctx_destroy(ctx);
    done();
    return 0;
}
