// SPDX-License-Identifier: Apache-2.0
// The functions that exist once for every type: single elements and atomics.
#include "typed.h"

#include <shmem.h>

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "typed_call.h"

namespace memfabric::python {
namespace {

struct PutNames {
    static constexpr const char* kNames[] = {"dst", "value", "pe"};
    static constexpr const char* kText = "Stores one value into PE pe's memory.";
};
struct GetNames {
    static constexpr const char* kNames[] = {"src", "pe"};
    static constexpr const char* kText = "One value from PE pe's memory.";
};
struct FetchNames {
    static constexpr const char* kNames[] = {"source", "pe"};
    static constexpr const char* kText = "Atomically reads one value of PE pe's memory.";
};
struct IncrementNames {
    static constexpr const char* kNames[] = {"dest", "pe"};
    static constexpr const char* kText =
        "Atomically adds 1 in PE pe's memory; the fetching form returns the old value.";
};
struct ValueNames {
    static constexpr const char* kNames[] = {"dest", "value", "pe"};
    static constexpr const char* kText =
        "Atomically combines a value of PE pe's memory with another; the fetching forms return the old "
        "value.";
};
struct CompareNames {
    static constexpr const char* kNames[] = {"dest", "cond", "value", "pe"};
    static constexpr const char* kText =
        "Atomically stores value where cond is found; returns what was there.";
};

/// Python keeps pointers into these as long as the process lives.
struct Methods {
    std::deque<std::string> texts;
    std::vector<PyMethodDef> definitions;
};

template <auto function, typename Names>
void add(Methods& methods, const char* name) {
    std::string text = std::string(name) + "($module, /";
    for (const char* parameter : Names::kNames) {
        text += std::string(", ") + parameter;
    }
    text += ")\n--\n\n";
    text += Names::kText;
    methods.texts.push_back(std::move(text));
    const auto run = reinterpret_cast<PyCFunction>(reinterpret_cast<void*>(&TypedCall<function, Names>::run));
    methods.definitions.push_back({name, run, METH_FASTCALL | METH_KEYWORDS, methods.texts.back().c_str()});
}

// The token lists of OpenSHMEM 1.5; one macro a list, since the functions' names are made of them.
// clang-format off
#define MF_RMA_TYPES(X)                                                                                \
    X(float) X(double) X(char) X(schar) X(short) X(int) X(long) X(longlong) X(uchar) X(ushort) X(uint) \
    X(ulong) X(ulonglong) X(int8) X(int16) X(int32) X(int64) X(uint8) X(uint16) X(uint32) X(uint64)    \
    X(size) X(ptrdiff)
#define MF_AMO_TYPES(X)                                                                        \
    X(int) X(long) X(longlong) X(uint) X(ulong) X(ulonglong) X(int32) X(int64) X(uint32) X(uint64) \
    X(size) X(ptrdiff)
#define MF_EXTENDED_AMO_TYPES(X) X(float) X(double) MF_AMO_TYPES(X)
#define MF_BITWISE_AMO_TYPES(X) X(uint) X(ulong) X(ulonglong) X(int32) X(int64) X(uint32) X(uint64)
// clang-format on

#define MF_ADD(function, names) add<&function, names>(methods, #function);
#define MF_ADD_RMA(type) MF_ADD(shmem_##type##_p, PutNames) MF_ADD(shmem_##type##_g, GetNames)
#define MF_ADD_EXTENDED(type)                       \
    MF_ADD(shmem_##type##_atomic_fetch, FetchNames) \
    MF_ADD(shmem_##type##_atomic_set, ValueNames) MF_ADD(shmem_##type##_atomic_swap, ValueNames)
#define MF_ADD_AMO(type)                                     \
    MF_ADD(shmem_##type##_atomic_compare_swap, CompareNames) \
    MF_ADD(shmem_##type##_atomic_inc, IncrementNames)        \
    MF_ADD(shmem_##type##_atomic_fetch_inc, IncrementNames)  \
    MF_ADD(shmem_##type##_atomic_add, ValueNames) MF_ADD(shmem_##type##_atomic_fetch_add, ValueNames)
#define MF_ADD_BITWISE(type)                            \
    MF_ADD(shmem_##type##_atomic_and, ValueNames)       \
    MF_ADD(shmem_##type##_atomic_fetch_and, ValueNames) \
    MF_ADD(shmem_##type##_atomic_or, ValueNames)        \
    MF_ADD(shmem_##type##_atomic_fetch_or, ValueNames)  \
    MF_ADD(shmem_##type##_atomic_xor, ValueNames) MF_ADD(shmem_##type##_atomic_fetch_xor, ValueNames)

}  // namespace

void bind_typed(pybind11::module_& module) {
    Methods& methods = *std::make_unique<Methods>().release();  // never freed: see Methods
    MF_RMA_TYPES(MF_ADD_RMA)
    MF_EXTENDED_AMO_TYPES(MF_ADD_EXTENDED)
    MF_AMO_TYPES(MF_ADD_AMO)
    MF_BITWISE_AMO_TYPES(MF_ADD_BITWISE)
    methods.definitions.push_back({nullptr, nullptr, 0, nullptr});
    if (PyModule_AddFunctions(module.ptr(), methods.definitions.data()) != 0) {
        throw pybind11::error_already_set();
    }
}

}  // namespace memfabric::python
