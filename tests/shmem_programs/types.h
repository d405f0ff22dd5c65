// SPDX-License-Identifier: Apache-2.0
// The type tables of OpenSHMEM 1.5: X(type, name).
#ifndef SHMEM_PROGRAMS_TYPES_H
#define SHMEM_PROGRAMS_TYPES_H

/* clang-format off */
#define FIXED_SIGNED(X) X(int8_t, int8) X(int16_t, int16) X(int32_t, int32) X(int64_t, int64)
#define FIXED_UNSIGNED(X) X(uint8_t, uint8) X(uint16_t, uint16) X(uint32_t, uint32) X(uint64_t, uint64)
#define UNSIGNED(X)         \
    X(unsigned char, uchar) \
    X(unsigned short, ushort) X(unsigned int, uint) X(unsigned long, ulong) X(unsigned long long, ulonglong)
#define FLOATING(X) X(float, float) X(double, double) X(long double, longdouble)

// Table 3: RMA, and collectives that move.
#define RMA_TYPES(X)                                                                     \
    FLOATING(X)                                                                          \
    X(char, char)                                                                        \
    X(signed char, schar)                                                                \
    X(short, short)                                                                      \
    X(int, int)                                                                          \
    X(long, long)                                                                        \
    X(long long, longlong) UNSIGNED(X) FIXED_SIGNED(X) FIXED_UNSIGNED(X) X(size_t, size) \
        X(ptrdiff_t, ptrdiff)

// Table 5: standard AMOs; also waits and tests.
#define STANDARD_AMO_TYPES(X)                                                                   \
    X(int, int)                                                                                 \
    X(long, long)                                                                               \
    X(long long, longlong)                                                                      \
    X(unsigned int, uint)                                                                       \
    X(unsigned long, ulong)                                                                     \
    X(unsigned long long, ulonglong)                                                            \
    X(int32_t, int32) X(int64_t, int64) X(uint32_t, uint32) X(uint64_t, uint64) X(size_t, size) \
        X(ptrdiff_t, ptrdiff)

// Table 6 has these beside.
#define FLOAT_AMO_TYPES(X) X(float, float) X(double, double)

// Table 7.
#define BITWISE_AMO_TYPES(X)         \
    X(unsigned int, uint)            \
    X(unsigned long, ulong)          \
    X(unsigned long long, ulonglong) \
    X(int32_t, int32) X(int64_t, int64) X(uint32_t, uint32) X(uint64_t, uint64)

// Tables of the reductions.
#define BITWISE_REDUCE_TYPES(X) UNSIGNED(X) FIXED_SIGNED(X) FIXED_UNSIGNED(X) X(size_t, size)
#define COMPARE_REDUCE_TYPES(X)                                                                \
    X(char, char)                                                                              \
    X(signed char, schar)                                                                      \
    X(short, short)                                                                            \
    X(int, int)                                                                                \
    X(long, long)                                                                              \
    X(long long, longlong) X(ptrdiff_t, ptrdiff) UNSIGNED(X) FIXED_SIGNED(X) FIXED_UNSIGNED(X) \
        X(size_t, size) FLOATING(X)
/* clang-format on */

#endif
