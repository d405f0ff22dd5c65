// SPDX-License-Identifier: Apache-2.0
#include "store/metrics_page.h"

#include <fmt/format.h>

#include <iterator>
#include <string_view>
#include <utility>

namespace memfabric::store {
namespace {

constexpr std::pair<Operation, std::string_view> kRequests[] = {
    {Operation::kSet, "set"},
    {Operation::kSetOwned, "set_owned"},
    {Operation::kGet, "get"},
    {Operation::kFind, "find"},
    {Operation::kAdd, "add"},
    {Operation::kAppend, "append"},
    {Operation::kCompareAndSwap, "compare_and_swap"},
    {Operation::kRemove, "remove"},
    {Operation::kRemovePrefix, "remove_prefix"},
    {Operation::kList, "list"},
    {Operation::kWatch, "watch"},
    {Operation::kUnwatch, "unwatch"},
    {Operation::kBarrier, "barrier"},
    {Operation::kAllGather, "allgather"},
    {Operation::kJoin, "join"},
    {Operation::kLeave, "leave"},
    {Operation::kHearAll, "hear_all"},
    {Operation::kAssignRank, "assign_rank"},
    {Operation::kReleaseRank, "release_rank"},
    {Operation::kAgreeArena, "agree_arena"},
    {Operation::kAcquireWindow, "acquire_window"},
    {Operation::kPublishWindowHolder, "publish_window_holder"},
    {Operation::kReleaseWindow, "release_window"},
};

class Page {
 public:
    explicit Page(const Endpoint& store) : store_(store.text()) {}

    void family(std::string_view name, std::string_view type, std::string_view help) {
        name_ = name;
        fmt::format_to(std::back_inserter(text_),
                       "# HELP memfabric_store_{0} {2}\n# TYPE memfabric_store_{0} {1}\n", name, type, help);
    }
    /// Of the last family. `label` is empty, or begins with a comma.
    void sample(uint64_t value, std::string_view label = "") {
        fmt::format_to(std::back_inserter(text_), "memfabric_store_{}{{store=\"{}\"{}}} {}\n", name_, store_,
                       label, value);
    }
    void gauge(std::string_view name, std::string_view help, uint64_t value) {
        family(name, "gauge", help);
        sample(value);
    }
    void counter(std::string_view name, std::string_view help, uint64_t value) {
        family(name, "counter", help);
        sample(value);
    }
    std::string take() { return std::move(text_); }

 private:
    const std::string store_;
    std::string_view name_;
    std::string text_;
};

void add_clients(Page& page, const Statistics& now) {
    page.gauge("connections", "Connections, those included that have not greeted.", now.connections);
    page.family("sessions", "gauge", "Clients: connected, suspect (connected, and silent), or away.");
    page.sample(now.connected, ",state=\"connected\"");
    page.sample(now.suspect, ",state=\"suspect\"");
    page.sample(now.away, ",state=\"away\"");
    page.counter("lost_total", "Clients that did not come back.", now.lost);
    page.counter("evicted_total", "Clients that were given up for another reason.", now.evicted);
    page.gauge("settling", "1 while a store that was started again waits for its clients.",
               now.is_settling ? 1 : 0);
}

void add_requests(Page& page, const Statistics& now) {
    page.counter("messages_total", "Messages received from clients.", now.messages);
    page.family("requests_total", "counter", "Requests that were begun; those sent again count once.");
    for (const auto& [operation, name] : kRequests) {
        page.sample(now.requests.of(operation), fmt::format(",operation=\"{}\"", name));
    }
    page.family("failures_total", "counter", "Requests that were answered with a failure, by its code.");
    for (const auto& [code, count] : now.failures) {
        page.sample(count, fmt::format(",code=\"{}\"", code));
    }
    page.gauge("waiting_requests", "Requests that have no answer yet.", now.waiting);
    page.family("open_rounds", "gauge", "Barriers and allgathers that some ranks wait in.");
    page.sample(now.barriers, ",kind=\"barrier\"");
    page.sample(now.all_gathers, ",kind=\"allgather\"");
}

}  // namespace

std::string metrics_page(const Endpoint& store, const Statistics& now) {
    Page page(store);
    add_clients(page, now);
    add_requests(page, now);
    page.gauge("keys", "Keys.", now.keys);
    page.gauge("key_bytes", "What keys and values take.", now.key_bytes);
    return page.take();
}

}  // namespace memfabric::store
