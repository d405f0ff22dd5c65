// SPDX-License-Identifier: Apache-2.0
// Set-up and query functions.
#include <algorithm>
#include <chrono>
#include <cstring>

#include "memfabric-shmem/shmem.h"
#include "memfabric-shmem/shmemx.h"
#include "shmem/hosts.h"
#include "shmem/short_memory.h"
#include "shmem/startup.h"
#include "shmem/state.h"
#include "shmem/threads.h"

using memfabric::shmem::check_up;
using memfabric::shmem::fail;
using memfabric::shmem::state;

namespace {

void init(const char* call, int requested) {
    if (state().is_up) {
        fail(call, "SHMEM is initialized already");
    }
    if (state().is_over) {
        fail(call, "SHMEM is over in this process and cannot begin anew");
    }
    int32_t code = 0;
    memfabric::shmem::StartRequest request = memfabric::shmem::request_of_environment();
    request.thread_level = requested;
    const std::string why =
        memfabric::shmem::take_memory_or_end(call, [&] { return memfabric::shmem::start(request, code); });
    if (!why.empty()) {
        fail(call, "{}", why);
    }
}

}  // namespace

extern "C" {

void shmem_init(void) {
    init("shmem_init", SHMEM_THREAD_SINGLE);
}

int shmem_init_thread(int requested, int* provided) {
    if (requested < SHMEM_THREAD_SINGLE || requested > SHMEM_THREAD_MULTIPLE) {
        fail("shmem_init_thread", "thread level {} is unknown", requested);
    }
    init("shmem_init_thread", requested);
    if (provided != nullptr) {
        *provided = requested;
    }
    return 0;
}

void start_pes(int) {
    if (!state().is_up) {
        init("start_pes", SHMEM_THREAD_SINGLE);
    }
}

void shmem_query_thread(int* provided) {
    check_up("shmem_query_thread");
    *provided = memfabric::shmem::thread_level();
}

void shmem_finalize(void) {
    const memfabric::shmem::LongCall whole("shmem_finalize");
    check_up("shmem_finalize");
    memfabric::shmem::stop();
}

void shmem_global_exit(int status) {
    if (!state().is_up) {
        memfabric::shmem::fail_not_up("shmem_global_exit");
    }
    memfabric::shmem::end_job(status);
}

int shmem_my_pe(void) {
    return memfabric::shmem::number_of_pe(state().me, "shmem_my_pe");
}

int shmem_n_pes(void) {
    return memfabric::shmem::number_of_pe(state().pes, "shmem_n_pes");
}

int _my_pe(void) {
    return shmem_my_pe();
}

int _num_pes(void) {
    return shmem_n_pes();
}

int shmem_pe_accessible(int pe) {
    check_up("shmem_pe_accessible");
    return pe >= 0 && pe < state().pes;
}

int shmem_addr_accessible(const void* addr, int pe) {
    check_up("shmem_addr_accessible");
    return pe >= 0 && pe < state().pes && memfabric::shmem::find_in_window(addr, 1, pe) != 0;
}

void* shmem_ptr(const void* dest, int pe) {
    check_up("shmem_ptr");
    if (pe < 0 || pe >= state().pes || !memfabric::shmem::is_here(pe)) {
        return nullptr;
    }
    return reinterpret_cast<void*>(memfabric::shmem::find_in_window(dest, 1, pe));
}

void shmem_info_get_version(int* major, int* minor) {
    *major = SHMEM_MAJOR_VERSION;
    *minor = SHMEM_MINOR_VERSION;
}

void shmem_info_get_name(char* name) {
    static_assert(sizeof SHMEM_VENDOR_STRING <= SHMEM_MAX_NAME_LEN);
    std::memcpy(name, SHMEM_VENDOR_STRING, sizeof SHMEM_VENDOR_STRING);
}

// For profiling libraries, which define it; the library itself has nothing to control.
void shmem_pcontrol(int, ...) {}

void shmem_clear_cache_inv(void) {}
void shmem_set_cache_inv(void) {}
void shmem_clear_cache_line_inv(void*) {}
void shmem_set_cache_line_inv(void*) {}
void shmem_udcflush(void) {}
void shmem_udcflush_line(void*) {}

int shmemx_init_attr(const shmemx_init_attr_t* attributes) {
    if (attributes == nullptr || state().is_up || attributes->n_pes < 1 || attributes->my_pe < 0 ||
        attributes->my_pe >= attributes->n_pes) {
        return -1;
    }
    memfabric::shmem::StartRequest request;
    request.me = attributes->my_pe;
    request.pes = attributes->n_pes;
    request.thread_level = SHMEM_THREAD_MULTIPLE;
    request.heap_size = attributes->heap_size;
    request.store_url = attributes->store_url == nullptr ? "" : attributes->store_url;
    const auto seconds = [](uint32_t given) { return given == 0 ? 120 : given; };
    request.init_timeout = seconds(attributes->init_timeout);
    request.create_timeout = seconds(attributes->create_timeout);
    request.control_timeout = seconds(attributes->operation_timeout);
    int32_t code = 0;
    const std::string why = memfabric::shmem::take_memory_or_end(
        "shmemx_init_attr", [&] { return memfabric::shmem::start(request, code); });
    return why.empty() ? 0 : std::min(code, -1);
}

int shmemx_init_status(void) {
    return state().is_up ? 2 : 0;
}

double shmemx_wtime(void) {
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

}  // extern "C"
