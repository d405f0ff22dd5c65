// SPDX-License-Identifier: Apache-2.0
#include <nlohmann/json.hpp>

#include "observe/texts.h"

namespace memfabric::observe {
namespace {

using nlohmann::ordered_json;

constexpr double kMicrosecond = 1e3;  // in nanoseconds
constexpr double kSecond = 1e9;

ordered_json tree_of(const Reading::Time& time) {
    ordered_json buckets = ordered_json::array();
    for (size_t bucket = 0; bucket < time.buckets.size(); ++bucket) {
        if (time.buckets[bucket] != 0) {
            buckets.push_back({{"below_ns", uint64_t{1} << bucket}, {"count", time.buckets[bucket]}});
        }
    }
    return {{"operation", name_of(time.operation)},
            {"path", name_of(time.path)},
            {"measured", time.measured()},
            {"seconds", static_cast<double>(time.nanoseconds) / kSecond},
            {"p50_us", static_cast<double>(time.quantile(0.5)) / kMicrosecond},
            {"p99_us", static_cast<double>(time.quantile(0.99)) / kMicrosecond},
            {"buckets", std::move(buckets)}};
}

ordered_json tree_of(const Reading& reading) {
    ordered_json counters = ordered_json::array();
    for (const Reading::Count& count : reading.counts) {
        counters.push_back({{"operation", name_of(count.operation)},
                            {"path", name_of(count.path)},
                            {"peer", count.peer},
                            {"operations", count.operations},
                            {"bytes", count.bytes}});
    }
    ordered_json latencies = ordered_json::array();
    for (const Reading::Time& time : reading.times) {
        latencies.push_back(tree_of(time));
    }
    ordered_json errors = ordered_json::array();
    for (const Reading::Error& error : reading.errors) {
        errors.push_back({{"where", error.where}, {"code", error.code}, {"count", error.count}});
    }
    return {{"pid", reading.pid},
            {"started", reading.started},
            {"program", reading.program},
            {"host_id", reading.host_id},
            {"metrics", reading.metrics},
            {"counters", std::move(counters)},
            {"latencies", std::move(latencies)},
            {"errors", std::move(errors)}};
}

/// Names come from programs: what is no UTF-8 in them is replaced.
std::string text_of(const ordered_json& tree) {
    return tree.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
}

}  // namespace

std::string to_json(const Reading& reading) {
    return text_of(tree_of(reading));
}

std::string to_json(std::span<const Reading> readings) {
    ordered_json processes = ordered_json::array();
    for (const Reading& reading : readings) {
        processes.push_back(tree_of(reading));
    }
    return text_of({{"processes", std::move(processes)}});
}

}  // namespace memfabric::observe
