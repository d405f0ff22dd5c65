// SPDX-License-Identifier: Apache-2.0
// Reductions: integers that overflow wrap around, complex numbers, teams with an odd number of members.
#include "check.h"
#include "types.h"

enum { kPes = 8, kCount = 3 };

static shmem_team_t first_three;

// The values of PE n are the largest ones less n and the smallest ones plus n: their sums and products do not
// fit. What comes of them is worked out in the widest unsigned type, whose low bits are those of any other.
#define DEFINE_WRAP(T, name)                                                                            \
    static T name##_source[kCount];                                                                     \
    static T name##_target[kCount];                                                                     \
    static T name##_value(int pe, int index) {                                                          \
        const T lowest = (T)((T)-1 < (T)0 ? (uint64_t)1 << (8 * sizeof(T) - 1) : 0);                    \
        const T highest = (T)~lowest;                                                                   \
        return index == 0 ? (T)(highest - (T)pe) : index == 1 ? (T)(lowest + (T)pe) : (T)(highest / 3); \
    }                                                                                                   \
    static void name##_wraps(shmem_team_t team) {                                                       \
        const int pes = shmem_team_n_pes(team);                                                         \
        for (int i = 0; i < kCount; ++i) {                                                              \
            name##_source[i] = name##_value(shmem_team_my_pe(team), i);                                 \
        }                                                                                               \
        shmem_team_sync(team);                                                                          \
        CHECK((TYPED(name, sum_reduce)(team, name##_target, name##_source, kCount)) == 0, "sum");       \
        for (int i = 0; i < kCount; ++i) {                                                              \
            uint64_t sum = 0;                                                                           \
            for (int pe = 0; pe < pes; ++pe) {                                                          \
                sum += (uint64_t)name##_value(pe, i);                                                   \
            }                                                                                           \
            CHECK(name##_target[i] == (T)sum, "sum of %s: element %d", #T, i);                          \
        }                                                                                               \
        shmem_team_sync(team);                                                                          \
        CHECK((TYPED(name, prod_reduce)(team, name##_target, name##_source, kCount)) == 0, "product");  \
        for (int i = 0; i < kCount; ++i) {                                                              \
            uint64_t product = 1;                                                                       \
            for (int pe = 0; pe < pes; ++pe) {                                                          \
                product *= (uint64_t)name##_value(pe, i);                                               \
            }                                                                                           \
            CHECK(name##_target[i] == (T)product, "product of %s: element %d", #T, i);                  \
        }                                                                                               \
        shmem_team_sync(team);                                                                          \
    }
#define INTEGERS(X)       \
    X(char, char)         \
    X(signed char, schar) \
    X(short, short)       \
    X(int, int)           \
    X(long, long)         \
    X(long long, longlong) X(ptrdiff_t, ptrdiff) UNSIGNED(X) FIXED_SIGNED(X) FIXED_UNSIGNED(X) X(size_t, size)
INTEGERS(DEFINE_WRAP)

// A complex number is two real ones, in C as in C++; the library's own name of the type is one of both.
#define DEFINE_COMPLEX(T, name, R)                                                                        \
    static T name##_numbers[2 * kCount];                                                                  \
    static long name##_sync[SHMEM_REDUCE_SYNC_SIZE];                                                      \
    static T name##_work[kCount + SHMEM_REDUCE_MIN_WRKDATA_SIZE];                                         \
    static void name##_fill(int pe) {                                                                     \
        R* parts = (R*)name##_numbers;                                                                    \
        for (int i = 0; i < kCount; ++i) {                                                                \
            parts[2 * i] = (R)(i + 1);                                                                    \
            parts[2 * i + 1] = (R)(pe % 2);                                                               \
        }                                                                                                 \
    }                                                                                                     \
    static void name##_expect(int pes, int product) {                                                     \
        const R* parts = (const R*)(name##_numbers + kCount);                                             \
        for (int i = 0; i < kCount; ++i) {                                                                \
            R real = product ? 1 : 0;                                                                     \
            R imaginary = 0;                                                                              \
            for (int pe = 0; pe < pes; ++pe) {                                                            \
                const R a = (R)(i + 1);                                                                   \
                const R b = (R)(pe % 2);                                                                  \
                const R before = real;                                                                    \
                real = product ? before * a - imaginary * b : before + a;                                 \
                imaginary = product ? before * b + imaginary * a : imaginary + b;                         \
            }                                                                                             \
            CHECK(parts[2 * i] == real && parts[2 * i + 1] == imaginary, "%s of %s: %g %g, not %g %g",    \
                  product ? "product" : "sum", #T, (double)parts[2 * i], (double)parts[2 * i + 1],        \
                  (double)real, (double)imaginary);                                                       \
        }                                                                                                 \
    }                                                                                                     \
    static void name##_reductions(void) {                                                                 \
        T* const target = name##_numbers + kCount;                                                        \
        const int pes = shmem_n_pes();                                                                    \
        for (int i = 0; i < SHMEM_REDUCE_SYNC_SIZE; ++i) {                                                \
            name##_sync[i] = SHMEM_SYNC_VALUE;                                                            \
        }                                                                                                 \
        name##_fill(shmem_my_pe());                                                                       \
        shmem_barrier_all();                                                                              \
        CHECK((TYPED(name, sum_reduce)(SHMEM_TEAM_WORLD, target, name##_numbers, kCount)) == 0, "sum");   \
        name##_expect(pes, 0);                                                                            \
        shmem_barrier_all();                                                                              \
        CHECK((TYPED(name, prod_reduce)(SHMEM_TEAM_WORLD, target, name##_numbers, kCount)) == 0, "prod"); \
        name##_expect(pes, 1);                                                                            \
        shmem_barrier_all();                                                                              \
        shmem_##name##_sum_to_all(target, name##_numbers, kCount, 0, 0, pes, name##_work, name##_sync);   \
        name##_expect(pes, 0);                                                                            \
        shmem_barrier_all();                                                                              \
        shmem_##name##_prod_to_all(target, name##_numbers, kCount, 0, 0, pes, name##_work, name##_sync);  \
        name##_expect(pes, 1);                                                                            \
        shmem_barrier_all();                                                                              \
    }
#ifdef __cplusplus
#include <complex>
DEFINE_COMPLEX(std::complex<float>, complexf, float)
DEFINE_COMPLEX(std::complex<double>, complexd, double)
#else
DEFINE_COMPLEX(float _Complex, complexf, float)
DEFINE_COMPLEX(double _Complex, complexd, double)
#endif

#define RUN_WRAP(T, name)                    \
    name##_wraps(SHMEM_TEAM_WORLD);          \
    if (first_three != SHMEM_TEAM_INVALID) { \
        name##_wraps(first_three);           \
    }                                        \
    shmem_barrier_all();

int main(void) {
    shmem_init();
    CHECK(shmem_n_pes() <= kPes, "too many PEs");
    first_three = SHMEM_TEAM_INVALID;
    if (shmem_n_pes() >= 3) {
        CHECK(shmem_team_split_strided(SHMEM_TEAM_WORLD, 0, 1, 3, NULL, 0, &first_three) == 0, "team");
    }
    INTEGERS(RUN_WRAP)
    complexf_reductions();
    complexd_reductions();
    done();
    return 0;
}
