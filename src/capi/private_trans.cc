// SPDX-License-Identifier: Apache-2.0
#include <memory>

#include "base/fork_guard.h"
#include "capi/private_api.h"
#include "capi/private_text.h"
#include "capi/report.h"
#include "capi/trans_handle.h"

using memfabric::Code;
using memfabric::Deadline;
using memfabric::Result;
using memfabric::Status;
using memfabric::capi::find_engine;
using memfabric::capi::guarded;
using memfabric::capi::guarded_text;
using memfabric::capi::guarded_value;
using memfabric::trans::Counters;
using memfabric::trans::Engine;
using memfabric::trans::PathChoice;

namespace {

using Retained = std::shared_ptr<Engine>;

std::string reading_text(const Counters& counters, PathChoice path) {
    const Counters::Reading reading = counters.read(path);
    return fmt::format(R"({{"operations": {}, "bytes": {}}})", reading.operations, reading.bytes);
}

}  // namespace

extern "C" {

void* mf_private_trans_retain(smem_trans_t handle) {
    return guarded_value<void*>(nullptr, [&]() -> Result<void*> {
        MF_ASSIGN_OR_RETURN(auto engine, find_engine(handle, "viewing memory for transfers"));
        return std::make_unique<Retained>(std::move(engine)).release();
    });
}

void mf_private_trans_release(void* token, void* memory) {
    // In a forked child the session is the parent's.
    if (token == nullptr || memfabric::in_forked_child()) {
        return;
    }
    static_cast<void>(guarded([&]() -> Status {
        const std::unique_ptr<Retained> retained(static_cast<Retained*>(token));
        if (memory == nullptr) {
            return {};
        }
        Engine& engine = **retained;
        return engine.release(reinterpret_cast<uint64_t>(memory),
                              Deadline::after(engine.operation_timeout()));
    }));
}

char* mf_private_trans_counters_json(smem_trans_t handle) {
    return guarded_text([&]() -> Result<std::string> {
        MF_ASSIGN_OR_RETURN(const auto engine, find_engine(handle, "reading a session's counters"));
        const Counters& counters = engine->counters();
        return fmt::format(
            R"({{"mapped": {}, "attach": {}, "staging": {}, "fabric": {}}})",
            reading_text(counters, PathChoice::kMapped), reading_text(counters, PathChoice::kAttach),
            reading_text(counters, PathChoice::kStaging), reading_text(counters, PathChoice::kFabric));
    });
}

int32_t mf_private_report(int32_t code, const char* text) {
    return memfabric::capi::report(Status(static_cast<Code>(code), text));
}

}  // extern "C"
