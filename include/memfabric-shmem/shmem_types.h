/* SPDX-License-Identifier: Apache-2.0 */
/* The type tables of OpenSHMEM 1.5: X(type, name). */
#ifndef MEMFABRIC_SHMEM_TYPES_H
#define MEMFABRIC_SHMEM_TYPES_H

/* clang-format off */
#define SHMEM_FIXED_SIGNED_(X) X(int8_t, int8) X(int16_t, int16) X(int32_t, int32) X(int64_t, int64)
#define SHMEM_FIXED_UNSIGNED_(X) X(uint8_t, uint8) X(uint16_t, uint16) X(uint32_t, uint32) X(uint64_t, uint64)
#define SHMEM_UNSIGNED_(X)  \
    X(unsigned char, uchar) \
    X(unsigned short, ushort) X(unsigned int, uint) X(unsigned long, ulong) X(unsigned long long, ulonglong)
#define SHMEM_FLOATING_(X) X(float, float) X(double, double) X(long double, longdouble)

/* Table 3: RMA, and collectives that move. */
#define SHMEM_RMA_TYPES_(X) \
    SHMEM_FLOATING_(X)      \
    X(char, char)           \
    X(signed char, schar)   \
    X(short, short)         \
    X(int, int)             \
    X(long, long)           \
    X(long long, longlong)  \
    SHMEM_UNSIGNED_(X) SHMEM_FIXED_SIGNED_(X) SHMEM_FIXED_UNSIGNED_(X) X(size_t, size) X(ptrdiff_t, ptrdiff)

/* Table 5: standard AMOs; also waits and tests. */
#define SHMEM_STANDARD_AMO_TYPES_(X) \
    X(int, int)                      \
    X(long, long)                    \
    X(long long, longlong)           \
    X(unsigned int, uint)            \
    X(unsigned long, ulong)          \
    X(unsigned long long, ulonglong) \
    X(int32_t, int32)                \
    X(int64_t, int64) X(uint32_t, uint32) X(uint64_t, uint64) X(size_t, size) X(ptrdiff_t, ptrdiff)

/* Table 6 has these beside. */
#define SHMEM_FLOAT_AMO_TYPES_(X) X(float, float) X(double, double)

/* Table 7. */
#define SHMEM_BITWISE_AMO_TYPES_(X)  \
    X(unsigned int, uint)            \
    X(unsigned long, ulong)          \
    X(unsigned long long, ulonglong) \
    X(int32_t, int32) X(int64_t, int64) X(uint32_t, uint32) X(uint64_t, uint64)

/* Tables of the reductions. */
#define SHMEM_BITWISE_REDUCE_TYPES_(X) \
    SHMEM_UNSIGNED_(X) SHMEM_FIXED_SIGNED_(X) SHMEM_FIXED_UNSIGNED_(X) X(size_t, size)
#define SHMEM_COMPARE_REDUCE_TYPES_(X) \
    X(char, char)                      \
    X(signed char, schar)              \
    X(short, short)                    \
    X(int, int)                        \
    X(long, long)                      \
    X(long long, longlong)             \
    X(ptrdiff_t, ptrdiff)              \
    SHMEM_UNSIGNED_(X) SHMEM_FIXED_SIGNED_(X) SHMEM_FIXED_UNSIGNED_(X) X(size_t, size) SHMEM_FLOATING_(X)

/* Sums and products exist of these beside. */
#define SHMEM_COMPLEX_REDUCE_TYPES_(X) X(shmem_complexf_, complexf) X(shmem_complexd_, complexd)

/* The active-set reductions. */
#define SHMEM_BITWISE_TO_ALL_TYPES_(X) X(short, short) X(int, int) X(long, long) X(long long, longlong)
#define SHMEM_COMPARE_TO_ALL_TYPES_(X) SHMEM_BITWISE_TO_ALL_TYPES_(X) SHMEM_FLOATING_(X)
/* clang-format on */

#endif
