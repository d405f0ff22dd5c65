// SPDX-License-Identifier: Apache-2.0
#include <chrono>

#include "capi/private_api.h"
#include "capi/private_text.h"
#include "observe/counters.h"
#include "observe/long_wait.h"
#include "observe/start.h"
#include "observe/texts.h"
#include "observe/timed.h"

using memfabric::Result;
using memfabric::capi::guarded_text;
using memfabric::observe::Operation;
using memfabric::observe::Path;
using memfabric::observe::Reading;

namespace {

/// put, get, atomic: as the interface numbers them.
Operation shmem_operation(uint32_t number) {
    return static_cast<Operation>(static_cast<uint32_t>(Operation::kShmemPut) + number);
}

}  // namespace

extern "C" {

char* mf_private_counters_json(void) {
    return guarded_text([]() -> Result<std::string> {
        MF_ASSIGN_OR_RETURN(const Reading reading, memfabric::observe::read_own_board());
        return memfabric::observe::to_json(reading);
    });
}

char* mf_private_processes_json(void) {
    return guarded_text([]() -> Result<std::string> {
        return memfabric::observe::to_json(memfabric::observe::read_processes());
    });
}

char* mf_private_start_metrics(const char* address) {
    return guarded_text([&]() -> Result<std::string> {
        if (address == nullptr) {
            return memfabric::failure(memfabric::Code::kInvalidParam,
                                      "answering Prometheus: the address is null");
        }
        MF_ASSIGN_OR_RETURN(const memfabric::Options options, memfabric::Options::from_environment());
        return memfabric::observe::start_metrics(address, options);
    });
}

uint32_t mf_private_shmem_cells(uint32_t operation, uint32_t count, uint32_t* first_word) {
    const auto [cell, word] =
        memfabric::observe::words_of(shmem_operation(operation), Path::kMapped, "PE", 0, count);
    *first_word = word;
    return cell;
}

int mf_private_count_slowly(uint32_t cell, uint64_t bytes) {
    return memfabric::observe::count_slowly(cell, bytes) ? 1 : 0;
}

int mf_private_count_word_slowly(uint32_t word) {
    return memfabric::observe::count_word_slowly(word) ? 1 : 0;
}

int64_t mf_private_wait_notice(void) {
    return memfabric::observe::wait_notice_milliseconds.load(std::memory_order_relaxed);
}

void mf_private_log_wait(int warns, double seconds, const char* text) {
    if (warns != 0) {
        memfabric::log_warn("waiting for {:.1f} s: {}", seconds, text);
    } else {
        memfabric::log_info("waiting for {:.1f} s: {}", seconds, text);
    }
}

void mf_private_shmem_time(uint32_t operation, int pe, uint64_t bytes, uint64_t nanoseconds) {
    namespace observe = memfabric::observe;
    const std::chrono::nanoseconds time(nanoseconds);
    observe::record_time(shmem_operation(operation), Path::kMapped, time);
    observe::log_if_slow(shmem_operation(operation), Path::kMapped, time,
                         [&] { return fmt::format("PE {}: {} bytes", pe, bytes); });
}

}  // extern "C"
