// SPDX-License-Identifier: Apache-2.0
// What the conformance programs share. A program ends with 0 and the line "ok" of PE 0, or with 1 and a text.
// Each is plain OpenSHMEM 1.5 and is compiled three times: C with typed names, C with C11 generic names
// (-DGENERIC), C++ with typed names.
#ifndef SHMEM_PROGRAMS_CHECK_H
#define SHMEM_PROGRAMS_CHECK_H

#include <inttypes.h>
#include <shmem.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef GENERIC
#define TYPED(type, operation) shmem_##operation
#define TYPED_CTX(type, operation) shmem_##operation
#else
#define TYPED(type, operation) shmem_##type##_##operation
#define TYPED_CTX(type, operation) shmem_ctx_##type##_##operation
#endif

#define CHECK(condition, ...) \
    ((condition) ? (void)0 : check_failed(__FILE__, __LINE__, #condition, __VA_ARGS__))

#if defined(__GNUC__)
__attribute__((format(printf, 4, 5), unused))
#endif
static void
check_failed(const char* file, int line, const char* condition, const char* format, ...) {
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    fprintf(stderr, "PE %d: %s:%d: not so: %s: %s\n", shmem_my_pe(), file, line, condition, text);
    fflush(stderr);
    shmem_global_exit(1);
    abort();
}

// Small enough for every type on 8 PEs.
static inline int value_of(int pe, int index) {
    return pe * 11 + index + 1;
}

static inline int right_of(int pe) {
    return (pe + 1) % shmem_n_pes();
}

static inline int left_of(int pe) {
    return (pe + shmem_n_pes() - 1) % shmem_n_pes();
}

static inline void done(void) {
    shmem_barrier_all();
    if (shmem_my_pe() == 0) {
        printf("ok\n");
        fflush(stdout);
    }
    shmem_finalize();
}

// Arrays of any arithmetic type.
#define FILL(T, array, count, pe)                            \
    do {                                                     \
        for (int fill_ = 0; fill_ < (int)(count); ++fill_) { \
            (array)[fill_] = (T)value_of(pe, fill_);         \
        }                                                    \
    } while (0)
#define CLEAR(T, array, count)                                  \
    do {                                                        \
        for (int clear_ = 0; clear_ < (int)(count); ++clear_) { \
            (array)[clear_] = (T)0;                             \
        }                                                       \
    } while (0)
#define EXPECT(T, array, count, pe, what)                                                                   \
    do {                                                                                                    \
        for (int expect_ = 0; expect_ < (int)(count); ++expect_) {                                          \
            CHECK((array)[expect_] == (T)value_of(pe, expect_), "%s of %s: element %d", what, #T, expect_); \
        }                                                                                                   \
    } while (0)

#endif
