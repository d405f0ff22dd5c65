// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <iterator>

#include "observe/texts.h"

namespace memfabric::observe {
namespace {

constexpr double kSecond = 1e9;  // in nanoseconds

/// A label's value.
std::string quoted(std::string_view text) {
    std::string value = "\"";
    for (const char c : text) {
        switch (c) {
            case '\\':
                value += "\\\\";
                break;
            case '"':
                value += "\\\"";
                break;
            case '\n':
                value += "\\n";
                break;
            default:
                value += c;
        }
    }
    return value + "\"";
}

class Page {
 public:
    void family(std::string_view name, std::string_view type, std::string_view help) {
        fmt::format_to(std::back_inserter(text_), "# HELP {} {}\n# TYPE {} {}\n", name, help, name, type);
    }
    template <typename Value>
    void sample(std::string_view name, std::string_view labels, Value value) {
        fmt::format_to(std::back_inserter(text_), "{}{{{}}} {}\n", name, labels, value);
    }
    std::string take() { return std::move(text_); }

 private:
    std::string text_;
};

std::string labels_of(const Reading::Count& count) {
    return fmt::format("operation=\"{}\",path=\"{}\",peer={}", name_of(count.operation), name_of(count.path),
                       quoted(count.peer));
}

void add_times(Page& page, const Reading& reading) {
    page.family("memfabric_latency_seconds", "histogram",
                "Time of operations; on path 'mapped' of one in 1024.");
    for (const Reading::Time& time : reading.times) {
        const std::string labels =
            fmt::format("operation=\"{}\",path=\"{}\"", name_of(time.operation), name_of(time.path));
        uint64_t sum = 0;
        // The last bucket has no bound.
        for (size_t bucket = 0; bucket + 1 < time.buckets.size(); ++bucket) {
            sum += time.buckets[bucket];
            const double bound = static_cast<double>(uint64_t{1} << bucket) / kSecond;
            page.sample("memfabric_latency_seconds_bucket", fmt::format("{},le=\"{}\"", labels, bound), sum);
        }
        page.sample("memfabric_latency_seconds_bucket", labels + ",le=\"+Inf\"", time.measured());
        page.sample("memfabric_latency_seconds_sum", labels, static_cast<double>(time.nanoseconds) / kSecond);
        page.sample("memfabric_latency_seconds_count", labels, time.measured());
    }
}

}  // namespace

std::string to_prometheus(const Reading& reading) {
    Page page;
    page.family("memfabric_process", "gauge", "The process; its value is 1.");
    page.sample("memfabric_process",
                fmt::format("pid=\"{}\",program={},host_id={}", reading.pid, quoted(reading.program),
                            quoted(reading.host_id)),
                1);
    page.family("memfabric_start_time_seconds", "gauge", "When it began to use the library, since 1970.");
    page.sample("memfabric_start_time_seconds", "", reading.started);
    page.family("memfabric_operations_total", "counter", "Operations that were done.");
    for (const Reading::Count& count : reading.counts) {
        page.sample("memfabric_operations_total", labels_of(count), count.operations);
    }
    page.family("memfabric_bytes_total", "counter", "Bytes that they moved.");
    for (const Reading::Count& count : reading.counts) {
        page.sample("memfabric_bytes_total", labels_of(count), count.bytes);
    }
    add_times(page, reading);
    page.family("memfabric_errors_total", "counter", "Failed calls by function and code.");
    for (const Reading::Error& error : reading.errors) {
        page.sample("memfabric_errors_total",
                    fmt::format("function={},code=\"{}\"", quoted(error.where), error.code), error.count);
    }
    return page.take();
}

}  // namespace memfabric::observe
