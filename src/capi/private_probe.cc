// SPDX-License-Identifier: Apache-2.0
#include <cstring>
#include <memory>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <vector>

#include "capi/private_api.h"
#include "capi/private_text.h"
#include "capi/process.h"
#include "capi/report.h"
#include "runtime/fabric_probe.h"

namespace memfabric::capi {
namespace {

using nlohmann::json;

Deadline within(uint32_t milliseconds) {
    return Deadline::after(std::chrono::milliseconds(milliseconds));
}

Result<std::unique_ptr<FabricProbe>> open_probe(const char* url, uint64_t memory, uint32_t timeout) {
    const Deadline deadline = within(timeout);
    MF_ASSIGN_OR_RETURN(const Endpoint endpoint, parse_store_url(url));
    MF_ASSIGN_OR_RETURN(Options options, Options::from_environment());
    if (!options.is_given(OptionId::kFabric)) {
        MF_RETURN_IF_ERROR(options.set(OptionId::kFabric, "on"));  // whoever probes it wants it
    }
    std::unique_ptr<FabricProbe> probe;
    MF_RETURN_IF_ERROR(Process::instance().on_runtime(
        endpoint, options, deadline, [&](const std::shared_ptr<Runtime>& runtime) -> Status {
            MF_ASSIGN_OR_RETURN(probe, FabricProbe::open(runtime, memory, deadline));
            return {};
        }));
    return probe;
}

json record_json(const ProcessRecord& record) {
    return {{"host", record.host_name},        {"host_id", record.incarnation.host_id},
            {"pid", record.incarnation.pid},   {"program", record.program},
            {"id", record.incarnation.text()}, {"offers", record.size}};
}

Result<std::string> probe_json(FabricProbe& probe, uint32_t timeout) {
    MF_RETURN_IF_ERROR(probe.refresh(within(timeout)));
    json peers = json::array();
    for (size_t number = 0; number < probe.peers().size(); ++number) {
        const ProbePeer& peer = probe.peers()[number];
        if (!probe.present(number)) {
            continue;
        }
        json row = record_json(peer.record);
        row["number"] = number;
        row["same_host"] = peer.same_host;
        row["provider"] = peer.provider;
        row["ways"] = json::array();
        for (const ProbeWay& way : peer.ways) {
            row["ways"].push_back({{"interface", way.interface},
                                   {"local_address", way.local_address},
                                   {"address", way.address}});
        }
        peers.push_back(std::move(row));
    }
    const json found{{"own", record_json(probe.own())}, {"peers", peers}};
    return found.dump(-1, ' ', false, json::error_handler_t::replace);
}

Result<FabricProbe*> probe_of(void* probe, uint32_t peer) {
    auto* const found = static_cast<FabricProbe*>(probe);
    if (found == nullptr || peer >= found->peers().size()) {
        return failure(Code::kInvalidParam, "no peer of the probe has number {}", peer);
    }
    return found;
}

Status copy(void* probe, uint32_t peer, int to_peer, const mf_private_piece_t* pieces, uint32_t count,
            uint32_t timeout) {
    MF_ASSIGN_OR_RETURN(FabricProbe* const found, probe_of(probe, peer));
    std::vector<FabricProbe::Piece> all;
    all.reserve(count);
    for (const mf_private_piece_t& piece : std::span(pieces, count)) {
        all.push_back({static_cast<std::byte*>(piece.local), piece.offset, piece.size});
    }
    return found->copy(peer, to_peer != 0, all, within(timeout));
}

/// The code; a text where it is not 0. Nothing is logged: the caller tells.
int32_t ping(void* probe, uint32_t peer, uint32_t timeout, char** problem) {
    Status answered;
    try {
        const Result<FabricProbe*> found = probe_of(probe, peer);
        answered = found.is_ok() ? (*found)->ping(peer, within(timeout)) : found.status();
    } catch (...) {
        answered = failure_of_exception();
    }
    *problem = answered.is_ok() ? nullptr : ::strdup(answered.message().c_str());
    return static_cast<int32_t>(answered.code());
}

}  // namespace
}  // namespace memfabric::capi

namespace capi = memfabric::capi;

extern "C" {

void* mf_private_probe_open(const char* url, uint64_t memory, uint32_t timeoutMs) {
    return capi::guarded_value<void*>(nullptr, [&]() -> memfabric::Result<void*> {
        MF_ASSIGN_OR_RETURN(std::unique_ptr<memfabric::FabricProbe> probe,
                            capi::open_probe(url, memory, timeoutMs));
        return static_cast<void*>(probe.release());
    });
}

void mf_private_probe_close(void* probe) {
    const std::unique_ptr<memfabric::FabricProbe> closing(static_cast<memfabric::FabricProbe*>(probe));
}

char* mf_private_probe_json(void* probe, uint32_t timeoutMs) {
    return capi::guarded_text(
        [&] { return capi::probe_json(*static_cast<memfabric::FabricProbe*>(probe), timeoutMs); });
}

int32_t mf_private_probe_ping(void* probe, uint32_t peer, uint32_t timeoutMs, char** problem) {
    return capi::ping(probe, peer, timeoutMs, problem);
}

int32_t mf_private_probe_copy(void* probe, uint32_t peer, int toPeer, const mf_private_piece_t* pieces,
                              uint32_t count, uint32_t timeoutMs) {
    return capi::guarded([&] { return capi::copy(probe, peer, toPeer, pieces, count, timeoutMs); });
}

int32_t mf_private_probe_add(void* probe, uint32_t peer, uint64_t offset, uint64_t value, uint64_t* old,
                             uint32_t timeoutMs) {
    return capi::guarded([&]() -> memfabric::Status {
        MF_ASSIGN_OR_RETURN(memfabric::FabricProbe* const found, capi::probe_of(probe, peer));
        MF_ASSIGN_OR_RETURN(*old, found->add(peer, offset, value, capi::within(timeoutMs)));
        return {};
    });
}

}  // extern "C"
