// SPDX-License-Identifier: Apache-2.0
// Any text is either refused with a reason or means the same when it is printed and parsed again.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "base/endpoint.h"

namespace {

using memfabric::Endpoint;
using memfabric::PortRule;
using memfabric::Result;

void require(bool holds) {
    if (!holds) {
        std::abort();
    }
}

void check(const Result<Endpoint>& parsed, PortRule rule) {
    if (!parsed.is_ok()) {
        require(!parsed.status().message().empty());
        return;
    }
    require(!parsed->host.empty());
    require(rule == PortRule::kAnyAllowed || parsed->port != 0);
    const Result<Endpoint> again = memfabric::parse_endpoint(parsed->text(), rule);
    require(again.is_ok() && *again == *parsed);
    require(memfabric::is_loopback(*again) == memfabric::is_loopback(*parsed));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    for (const PortRule rule : {PortRule::kFixed, PortRule::kAnyAllowed}) {
        check(memfabric::parse_endpoint(text, rule), rule);
        check(memfabric::parse_store_url(text, rule), rule);
    }
    return 0;
}
