// SPDX-License-Identifier: Apache-2.0
#include "store/metrics_page.h"

#include <fmt/format.h>

#include <iterator>
#include <string_view>

namespace memfabric::store {

std::string metrics_page(const Endpoint& store, const Statistics& now) {
    std::string page;
    // Without HELP and TYPE lines, which may stand once a page: a process may serve several stores.
    const auto add = [&](std::string_view name, uint64_t value) {
        fmt::format_to(std::back_inserter(page), "memfabric_store_{}{{store=\"{}\"}} {}\n", name,
                       store.text(), value);
    };
    add("connections", now.connections);
    add("sessions", now.sessions);
    add("keys", now.keys);
    add("key_bytes", now.key_bytes);
    add("messages_total", now.messages);
    return page;
}

}  // namespace memfabric::store
