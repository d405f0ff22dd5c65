// SPDX-License-Identifier: Apache-2.0
#include "transport/fabric/own_services.h"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "store/wire.h"
#include "transport/fabric/atomics.h"
#include "transport/fabric/fabric_state.h"
#include "transport/fabric/refusal.h"

namespace memfabric::transport {
namespace {

Answer answer_ping(std::string_view /*request*/) {
    return {};
}

Answer answer_atomic(FabricState& state, std::string_view request) {
    const Result<uint64_t> before = apply_atomic(state.exposures, request);
    if (!before.is_ok()) {
        return {before.status().code(), before.status().message()};
    }
    state.activity.tell();
    return {Code::kOk, store::encode(*before)};
}

std::vector<std::string> engine_addresses(const FabricState& state) {
    std::vector<std::string> addresses;
    for (const auto& lane : state.lanes) {
        addresses.push_back(lane->target().address());
        addresses.push_back(lane->origin().address());
    }
    for (const FabricPort& port : state.address.ports) {
        addresses.push_back(port.messages);
    }
    return addresses;
}

}  // namespace

Status open_messenger(FabricState& state) {
    MF_ASSIGN_OR_RETURN(state.messenger, Messenger::open(state.rails, state.address.instance));
    state.messenger->serve_quickly(kPingService, answer_ping);
    state.messenger->serve_quickly(
        kAtomicService, [&state](std::string_view request) { return answer_atomic(state, request); });
    state.messenger->serve_quickly(kRefusalService, [&state](std::string_view question) {
        return answer_refusal_question(state.exposures, question);
    });
    for (size_t rail = 0; rail < state.rails.size(); ++rail) {
        FabricPort& port = state.address.ports[rail];
        port.messages = state.messenger->address(rail);
        MF_ASSIGN_OR_RETURN(auto door, LivenessDoor::open(port.endpoints.front(), state.address.instance));
        if (door != nullptr) {
            port.door = door->address();
            state.messenger->watch(door->descriptor(), [raw = door.get()] { raw->serve(); });
            state.doors.push_back(std::move(door));
        }
    }
    MF_ASSIGN_OR_RETURN(state.silent_callers, SilentCallers::open(engine_addresses(state), {}));
    if (state.silent_callers != nullptr) {
        state.messenger->watch(state.silent_callers->descriptor(),
                               [raw = state.silent_callers.get()] { raw->serve(); });
        state.messenger->when_listening([raw = state.silent_callers.get()](const std::string& address) {
            static_cast<void>(
                raw->listen_for_callers_at(address));  // a watch less, where descriptors are short
        });
    }
    state.messenger->start();
    return {};
}

}  // namespace memfabric::transport
