// SPDX-License-Identifier: Apache-2.0
// Start and end, heap, block transfers, waits.
#include <pybind11/pybind11.h>
#include <shmem.h>
#include <shmemx.h>

#include <cstdint>
#include <memory>
#include <string>

#include "buffers.h"
#include "capi/private_api.h"
#include "errors.h"
#include "parts.h"
#include "session.h"

namespace memfabric::python {
namespace {

void require(bool fine) {
    if (!fine) {
        throw py::error_already_set();
    }
}

void require_session() {
    require(session.n_pes != 0 || refuse_call());
}

/// 0 or the library's code, with its text for get_last_err_msg.
int init(int my_pe, int n_pes, uint64_t heap_size, const std::string& url, uint32_t init_timeout,
         uint32_t create_timeout, uint32_t operation_timeout) {
    const shmemx_init_attr_t attributes{my_pe,        n_pes,          heap_size,        url.c_str(),
                                        init_timeout, create_timeout, operation_timeout};
    const int code = without_gil([&] { return shmemx_init_attr(&attributes); });
    if (code == 0) {
        watch_for_fork();
        session = {shmem_n_pes(), shmem_my_pe()};
    }
    return code;
}

void finalize() {
    if (session.n_pes != 0) {
        session = {};
        forget_teams();
        without_gil([] { shmem_finalize(); });
    }
}

template <typename Allocate>
uint64_t allocate(const Allocate& body) {
    require_session();
    return reinterpret_cast<uint64_t>(without_gil(body));
}

void release(uint64_t address) {
    require_session();
    without_gil([&] { shmem_free(reinterpret_cast<void*>(address)); });
}

uint64_t pointer_of(py::handle place, int pe) {
    const Address address(place, "ptr", Access::kRead);
    return pe < 0 || pe >= session.n_pes ? 0 : reinterpret_cast<uint64_t>(shmem_ptr(address.pointer(), pe));
}

/// A block transfer: which side is symmetric, and what was checked of it.
struct Block {
    Block(py::handle dst, py::handle src, py::handle elem_size, int to_pe, bool put)
        : destination(dst, "dst", Access::kWrite),
          source(src, "src", Access::kRead),
          size(copy_size(elem_size, source, destination)),
          pe(to_pe) {
        require(pe_is_fine(pe) && range_is_fine(put ? destination.pointer() : source.pointer(), size, pe));
    }
    Address destination;
    Address source;
    size_t size;
    int pe;
};

using Transfer = void (*)(void*, const void*, size_t, int);

template <Transfer transfer, bool put>
void move(py::handle dst, py::handle src, py::handle elem_size, int pe) {
    const Block block(dst, src, elem_size, pe, put);
    without_gil([&] { transfer(block.destination.pointer(), block.source.pointer(), block.size, pe); });
}

enum SignalOperation : uint8_t { kSignalSet = 0, kSignalAdd = 1 };

/// Signals are 32 bits wide here, as programs of this interface have them; OpenSHMEM's own have 64.
template <Transfer transfer>
void move_and_signal(py::handle dst, py::handle src, py::handle elem_size, py::handle sig, py::handle signal,
                     int sig_op, int pe) {
    const Block block(dst, src, elem_size, pe, true);
    const Address word(sig, "sig", Access::kWrite);
    int64_t value = signal.cast<int64_t>();
    require(range_is_fine(word.pointer(), sizeof(uint32_t), pe));
    if (sig_op != kSignalSet && sig_op != kSignalAdd) {
        raise_value_error("sig_op is SIGNAL_SET (0) or SIGNAL_ADD (1), not %d", sig_op);
    }
    if (value < INT32_MIN || value > UINT32_MAX) {
        raise_value_error("signal %lld does not fit into 32 bits", static_cast<long long>(value));
    }
    without_gil([&] {
        transfer(block.destination.pointer(), block.source.pointer(), block.size, pe);
        shmem_fence();
        auto* const place = static_cast<uint32_t*>(word.pointer());
        const auto bits = static_cast<uint32_t>(value);
        if (sig_op == kSignalSet) {
            shmem_uint32_atomic_set(place, bits, pe);
        } else {
            shmem_uint32_atomic_add(place, bits, pe);
        }
    });
}

template <typename T, void (*wait)(T*, int, T), int (*test)(T*, int, T)>
bool wait_or_test(void* place, int comparison, py::handle value, bool only_test) {
    const T wanted = value.cast<T>();
    auto* const variable = static_cast<T*>(place);
    if (only_test) {
        return test(variable, comparison, wanted) != 0;
    }
    without_gil([&] { wait(variable, comparison, wanted); });
    return true;
}

/// `kind`: a numpy kind and size, "i8".
bool wait_until(py::handle ivar, int cmp, py::handle value, const std::string& kind, bool only_test) {
    require_session();
    const Address variable(ivar, "ivar", Access::kRead);
    require(range_is_fine(variable.pointer(), kind.back() - '0', session.my_pe));
    if (cmp < 0 || cmp > 5) {
        raise_value_error("cmp is one of CMP_EQ (0) to CMP_LE (5), not %d", cmp);
    }
    // The standard leaves the constants' values open.
    static constexpr int kComparisons[] = {SHMEM_CMP_EQ, SHMEM_CMP_NE, SHMEM_CMP_GT,
                                           SHMEM_CMP_GE, SHMEM_CMP_LT, SHMEM_CMP_LE};
    const int comparison = kComparisons[cmp];
    void* const place = variable.pointer();
    if (kind == "i4") {
        return wait_or_test<int32_t, shmem_int32_wait_until, shmem_int32_test>(place, comparison, value,
                                                                               only_test);
    }
    if (kind == "u4") {
        return wait_or_test<uint32_t, shmem_uint32_wait_until, shmem_uint32_test>(place, comparison, value,
                                                                                  only_test);
    }
    if (kind == "i8") {
        return wait_or_test<int64_t, shmem_int64_wait_until, shmem_int64_test>(place, comparison, value,
                                                                               only_test);
    }
    if (kind == "u8") {
        return wait_or_test<uint64_t, shmem_uint64_wait_until, shmem_uint64_test>(place, comparison, value,
                                                                                  only_test);
    }
    raise_type_error("values of type '%s' cannot be waited for: int32, uint32, int64 and uint64 can",
                     kind.c_str());
}

/// None where nobody names one.
py::object store_of_environment() {
    int32_t served = 0;
    const std::unique_ptr<char, decltype(&mf_private_free_text)> url(mf_private_store_of_environment(&served),
                                                                     &mf_private_free_text);
    return url == nullptr ? py::none() : py::object(py::str(url.get()));
}

}  // namespace

void bind_transfers(py::module_& module) {
    module.def("init", &init);
    module.def("store_of_environment", &store_of_environment);
    module.def("finalize", &finalize);
    module.def("init_status", [] { return shmemx_init_status(); });
    module.def("my_pe", [] { return session.my_pe; });
    module.def("n_pes", [] { return session.n_pes == 0 ? -1 : session.n_pes; });
    module.def("global_exit", [](int status) {
        require_session();
        without_gil([&] { shmem_global_exit(status); });
    });
    module.def("malloc", [](uint64_t size) { return allocate([&] { return shmem_malloc(size); }); });
    module.def("calloc", [](uint64_t count, uint64_t size) {
        return allocate([&] { return shmem_calloc(count, size); });
    });
    module.def("align", [](uint64_t alignment, uint64_t size) {
        return allocate([&] { return shmem_align(alignment, size); });
    });
    module.def("free", &release);
    module.def("ptr", &pointer_of);
    module.def("putmem", &move<shmem_putmem, true>);
    module.def("getmem", &move<shmem_getmem, false>);
    module.def("putmem_nbi", &move<shmem_putmem_nbi, true>);
    module.def("getmem_nbi", &move<shmem_getmem_nbi, false>);
    module.def("putmem_signal", &move_and_signal<shmem_putmem>);
    module.def("putmem_signal_nbi", &move_and_signal<shmem_putmem_nbi>);
    module.def("wait_until", &wait_until);
    for (auto [name, call] : {std::pair{"quiet", &shmem_quiet},
                              {"fence", &shmem_fence},
                              {"barrier_all", &shmem_barrier_all},
                              {"sync_all", &shmem_sync_all}}) {
        module.def(name, [call = call] {
            require_session();
            without_gil([&] { call(); });
        });
    }
    module.def("version", [] {
        int major = 0;
        int minor = 0;
        shmem_info_get_version(&major, &minor);
        return std::pair(major, minor);
    });
    module.def("name", [] {
        std::string name(SHMEM_MAX_NAME_LEN + 1, '\0');
        shmem_info_get_name(name.data());
        return std::string(name.c_str());
    });
}

}  // namespace memfabric::python
