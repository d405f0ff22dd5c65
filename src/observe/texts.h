// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>

#include "observe/reading.h"

namespace memfabric::observe {

/// {"pid", "started", "program", "host_id", "metrics", "counters": [{"operation", "path", "peer",
/// "operations", "bytes"}], "latencies": [{"operation", "path", "measured", "seconds", "p50_us", "p99_us",
/// "buckets": [{"below_ns", "count"}]}], "errors": [{"where", "code", "count"}]}
std::string to_json(const Reading& reading);
/// {"processes": [as above]}
std::string to_json(std::span<const Reading> readings);

/// Prometheus' text format, version 0.0.4.
std::string to_prometheus(const Reading& reading);

}  // namespace memfabric::observe
