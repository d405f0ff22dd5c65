// SPDX-License-Identifier: Apache-2.0
// Reductions, under all their names.
#include <type_traits>

#include "shmem/collective.h"
#include "shmem/state.h"

using namespace memfabric::shmem;

namespace {

/// Integers as unsigned ones of at least an int's width: sums and products wrap around, where signed ones,
/// and short ones that become int, would be undefined.
template <typename T>
auto wrapping(T value) {
    if constexpr (std::is_integral_v<T>) {
        return static_cast<std::common_type_t<std::make_unsigned_t<T>, unsigned>>(value);
    } else {
        return value;
    }
}

// clang-format off
struct And { template <typename T> T operator()(T a, T b) const { return static_cast<T>(a & b); } };
struct Or { template <typename T> T operator()(T a, T b) const { return static_cast<T>(a | b); } };
struct Xor { template <typename T> T operator()(T a, T b) const { return static_cast<T>(a ^ b); } };
struct Max { template <typename T> T operator()(T a, T b) const { return a < b ? b : a; } };
struct Min { template <typename T> T operator()(T a, T b) const { return b < a ? b : a; } };
struct Sum { template <typename T> T operator()(T a, T b) const { return static_cast<T>(wrapping(a) + wrapping(b)); } };
struct Prod { template <typename T> T operator()(T a, T b) const { return static_cast<T>(wrapping(a) * wrapping(b)); } };
// clang-format on

template <typename T, typename Operation>
void combine(void* accumulated, const void* values, size_t count) {
    T* result = static_cast<T*>(accumulated);
    const T* more = static_cast<const T*>(values);
    for (size_t i = 0; i < count; ++i) {
        result[i] = Operation()(result[i], more[i]);
    }
}

size_t count_of(int nreduce, const char* call) {
    if (nreduce < 0) {
        fail(call, "nreduce {} is negative", nreduce);
    }
    return static_cast<size_t>(nreduce);
}

}  // namespace

extern "C" {

#define TEAM_FORM(T, N, OP, OPERATION)                                                           \
    int shmem_##N##_##OP##_reduce(shmem_team_t team, T* dest, const T* source, size_t nreduce) { \
        reduce(Group(team, "shmem_" #N "_" #OP "_reduce"), dest, source, nreduce, sizeof(T),     \
               combine<T, OPERATION>);                                                           \
        return 0;                                                                                \
    }
#define BITWISE(T, N) TEAM_FORM(T, N, and, And) TEAM_FORM(T, N, or, Or) TEAM_FORM(T, N, xor, Xor)
#define COMPARE(T, N) TEAM_FORM(T, N, max, Max) TEAM_FORM(T, N, min, Min)
#define ARITHMETIC(T, N) TEAM_FORM(T, N, sum, Sum) TEAM_FORM(T, N, prod, Prod)
SHMEM_BITWISE_REDUCE_TYPES_(BITWISE)
SHMEM_COMPARE_REDUCE_TYPES_(COMPARE)
SHMEM_COMPARE_REDUCE_TYPES_(ARITHMETIC)
SHMEM_COMPLEX_REDUCE_TYPES_(ARITHMETIC)

// The work array is not needed.
#define SET_FORM(T, N, OP, OPERATION)                                                                     \
    void shmem_##N##_##OP##_to_all(T* dest, const T* source, int nreduce, int PE_start, int logPE_stride, \
                                   int PE_size, T*, long* pSync) {                                        \
        constexpr const char* kCall = "shmem_" #N "_" #OP "_to_all";                                      \
        const Group group(PE_start, logPE_stride, PE_size, pSync, kCall);                                 \
        reduce(group, dest, source, count_of(nreduce, kCall), sizeof(T), combine<T, OPERATION>);          \
    }
#define SET_BITWISE(T, N) SET_FORM(T, N, and, And) SET_FORM(T, N, or, Or) SET_FORM(T, N, xor, Xor)
#define SET_COMPARE(T, N) SET_FORM(T, N, max, Max) SET_FORM(T, N, min, Min)
#define SET_ARITHMETIC(T, N) SET_FORM(T, N, sum, Sum) SET_FORM(T, N, prod, Prod)
SHMEM_BITWISE_TO_ALL_TYPES_(SET_BITWISE)
SHMEM_COMPARE_TO_ALL_TYPES_(SET_COMPARE)
SHMEM_COMPARE_TO_ALL_TYPES_(SET_ARITHMETIC)
SHMEM_COMPLEX_REDUCE_TYPES_(SET_ARITHMETIC)

}  // extern "C"
