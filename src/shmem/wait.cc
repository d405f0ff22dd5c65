// SPDX-License-Identifier: Apache-2.0
// Waiting for, and looking at, own symmetric variables that other PEs change.
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "shmem.h"
#include "shmem/amo_types.h"
#include "shmem/state.h"
#include "shmem/threads.h"
#include "shmem/waiting.h"

namespace memfabric::shmem {
namespace {

constexpr size_t kNone = SIZE_MAX;

/// The variables must be symmetric: others could not write to them otherwise.
template <typename T>
void check_own(T* places, size_t count, const char* call) {
    check_up(call);
    if (count != 0) {
        static_cast<void>(remote_bytes(places, count * sizeof(T), state().me, call));
    }
}

template <typename T>
bool compares(T* place, int comparison, T value, const char* call) {
    const T now = std::atomic_ref<T>(*place).load(std::memory_order_acquire);
    switch (comparison) {
        case SHMEM_CMP_EQ:
            return now == value;
        case SHMEM_CMP_NE:
            return now != value;
        case SHMEM_CMP_GT:
            return now > value;
        case SHMEM_CMP_GE:
            return now >= value;
        case SHMEM_CMP_LT:
            return now < value;
        case SHMEM_CMP_LE:
            return now <= value;
        default:
            fail(call, "comparison {} is none of SHMEM_CMP_EQ, NE, GT, GE, LT and LE", comparison);
    }
}

/// Variables of one call, those left out whose status is not 0. `values` has one for all of them, or one for
/// each.
template <typename T>
struct Variables {
    T* places;
    size_t count;
    const int* status;
    int comparison;
    const T* values;
    bool one_value;
    const char* call;

    Awaited awaited() const { return {Awaited::What::kVariable, call, places}; }
    bool is_in(size_t index) const { return status == nullptr || status[index] == 0; }
    bool holds(size_t index) const {
        return compares(places + index, comparison, values[one_value ? 0 : index], call);
    }
    bool is_empty() const {
        for (size_t i = 0; i < count; ++i) {
            if (is_in(i)) {
                return false;
            }
        }
        return true;
    }
    bool all() const {
        for (size_t i = 0; i < count; ++i) {
            if (is_in(i) && !holds(i)) {
                return false;
            }
        }
        return true;
    }
    /// The first from `start` on, around the end, so that no variable starves the others.
    size_t any(size_t start) const {
        for (size_t i = 0; i < count; ++i) {
            const size_t index = (start + i) % count;
            if (is_in(index) && holds(index)) {
                return index;
            }
        }
        return kNone;
    }
    size_t some(size_t* indices) const {
        size_t found = 0;
        for (size_t i = 0; i < count; ++i) {
            if (is_in(i) && holds(i)) {
                indices[found++] = i;
            }
        }
        return found;
    }
};

size_t next_start() {
    thread_local size_t start = 0;
    return start++;
}

template <typename T>
int test_one(T* place, int comparison, T value, const char* call) {
    check_own(place, 1, call);
    return compares(place, comparison, value, call) ? 1 : 0;
}

template <typename T>
void wait_for_one(T* place, int comparison, T value, const char* call) {
    const LongCall whole(call);
    check_own(place, 1, call);
    if (!compares(place, comparison, value, call)) {
        wait_until({Awaited::What::kVariable, call, place},
                   [&] { return compares(place, comparison, value, call); });
    }
}

template <typename T>
void wait_for_all(const Variables<T>& variables) {
    if (!variables.all()) {
        wait_until(variables.awaited(), [&] { return variables.all(); });
    }
}

template <typename T>
size_t wait_for_any(const Variables<T>& variables) {
    if (variables.is_empty()) {
        return kNone;
    }
    const size_t start = next_start();
    size_t found = variables.any(start);
    if (found == kNone) {
        wait_until(variables.awaited(), [&] { return (found = variables.any(start)) != kNone; });
    }
    return found;
}

template <typename T>
size_t wait_for_some(const Variables<T>& variables, size_t* indices) {
    if (variables.is_empty()) {
        return 0;
    }
    size_t found = variables.some(indices);
    if (found == 0) {
        wait_until(variables.awaited(), [&] { return (found = variables.some(indices)) != 0; });
    }
    return found;
}

}  // namespace
}  // namespace memfabric::shmem

using memfabric::shmem::check_own;
using memfabric::shmem::LongCall;
using memfabric::shmem::next_start;
using memfabric::shmem::test_one;
using memfabric::shmem::Variables;
using memfabric::shmem::wait_for_all;
using memfabric::shmem::wait_for_any;
using memfabric::shmem::wait_for_one;
using memfabric::shmem::wait_for_some;

extern "C" {

#define MF_VARIABLES(type, values, one, call)         \
    const LongCall whole(call);                       \
    check_own(ivars, nelems, call);                   \
    const Variables<type> variables {                 \
        ivars, nelems, status, cmp, values, one, call \
    }

#define MF_WAIT(name, type)                                                                                  \
    void shmem_##name##_wait_until(type* ivar, int cmp, type cmp_value) {                                    \
        wait_for_one<type>(ivar, cmp, cmp_value, "shmem_" #name "_wait_until");                              \
    }                                                                                                        \
    int shmem_##name##_test(type* ivar, int cmp, type cmp_value) {                                           \
        return test_one<type>(ivar, cmp, cmp_value, "shmem_" #name "_test");                                 \
    }                                                                                                        \
    void shmem_##name##_wait_until_all(type* ivars, size_t nelems, const int* status, int cmp,               \
                                       type cmp_value) {                                                     \
        MF_VARIABLES(type, &cmp_value, true, "shmem_" #name "_wait_until_all");                              \
        wait_for_all(variables);                                                                             \
    }                                                                                                        \
    size_t shmem_##name##_wait_until_any(type* ivars, size_t nelems, const int* status, int cmp,             \
                                         type cmp_value) {                                                   \
        MF_VARIABLES(type, &cmp_value, true, "shmem_" #name "_wait_until_any");                              \
        return wait_for_any(variables);                                                                      \
    }                                                                                                        \
    size_t shmem_##name##_wait_until_some(type* ivars, size_t nelems, size_t* indices, const int* status,    \
                                          int cmp, type cmp_value) {                                         \
        MF_VARIABLES(type, &cmp_value, true, "shmem_" #name "_wait_until_some");                             \
        return wait_for_some(variables, indices);                                                            \
    }                                                                                                        \
    void shmem_##name##_wait_until_all_vector(type* ivars, size_t nelems, const int* status, int cmp,        \
                                              const type* cmp_values) {                                      \
        MF_VARIABLES(type, cmp_values, false, "shmem_" #name "_wait_until_all_vector");                      \
        wait_for_all(variables);                                                                             \
    }                                                                                                        \
    size_t shmem_##name##_wait_until_any_vector(type* ivars, size_t nelems, const int* status, int cmp,      \
                                                const type* cmp_values) {                                    \
        MF_VARIABLES(type, cmp_values, false, "shmem_" #name "_wait_until_any_vector");                      \
        return wait_for_any(variables);                                                                      \
    }                                                                                                        \
    size_t shmem_##name##_wait_until_some_vector(type* ivars, size_t nelems, size_t* indices,                \
                                                 const int* status, int cmp, const type* cmp_values) {       \
        MF_VARIABLES(type, cmp_values, false, "shmem_" #name "_wait_until_some_vector");                     \
        return wait_for_some(variables, indices);                                                            \
    }                                                                                                        \
    int shmem_##name##_test_all(type* ivars, size_t nelems, const int* status, int cmp, type cmp_value) {    \
        MF_VARIABLES(type, &cmp_value, true, "shmem_" #name "_test_all");                                    \
        return variables.all() ? 1 : 0;                                                                      \
    }                                                                                                        \
    size_t shmem_##name##_test_any(type* ivars, size_t nelems, const int* status, int cmp, type cmp_value) { \
        MF_VARIABLES(type, &cmp_value, true, "shmem_" #name "_test_any");                                    \
        return variables.any(next_start());                                                                  \
    }                                                                                                        \
    size_t shmem_##name##_test_some(type* ivars, size_t nelems, size_t* indices, const int* status, int cmp, \
                                    type cmp_value) {                                                        \
        MF_VARIABLES(type, &cmp_value, true, "shmem_" #name "_test_some");                                   \
        return variables.some(indices);                                                                      \
    }                                                                                                        \
    int shmem_##name##_test_all_vector(type* ivars, size_t nelems, const int* status, int cmp,               \
                                       const type* cmp_values) {                                             \
        MF_VARIABLES(type, cmp_values, false, "shmem_" #name "_test_all_vector");                            \
        return variables.all() ? 1 : 0;                                                                      \
    }                                                                                                        \
    size_t shmem_##name##_test_any_vector(type* ivars, size_t nelems, const int* status, int cmp,            \
                                          const type* cmp_values) {                                          \
        MF_VARIABLES(type, cmp_values, false, "shmem_" #name "_test_any_vector");                            \
        return variables.any(next_start());                                                                  \
    }                                                                                                        \
    size_t shmem_##name##_test_some_vector(type* ivars, size_t nelems, size_t* indices, const int* status,   \
                                           int cmp, const type* cmp_values) {                                \
        MF_VARIABLES(type, cmp_values, false, "shmem_" #name "_test_some_vector");                           \
        return variables.some(indices);                                                                      \
    }

MF_WAIT_TYPES(MF_WAIT)

// The names before OpenSHMEM 1.4.
#define MF_OLD_WAIT(name, type)                                                    \
    void shmem_##name##_wait(type* ivar, type cmp_value) {                         \
        wait_for_one<type>(ivar, SHMEM_CMP_NE, cmp_value, "shmem_" #name "_wait"); \
    }

MF_OLD_WAIT(short, short)
MF_OLD_WAIT(int, int)
MF_OLD_WAIT(long, long)
MF_OLD_WAIT(longlong, long long)

void shmem_wait(long* ivar, long cmp_value) {
    shmem_long_wait(ivar, cmp_value);
}

void shmem_wait_until(long* ivar, int cmp, long cmp_value) {
    shmem_long_wait_until(ivar, cmp, cmp_value);
}

}  // extern "C"
