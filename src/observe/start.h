// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "base/options.h"
#include "base/status.h"

namespace memfabric::observe {

/// Takes the options that concern observation. The first call of a process counts, the others do nothing.
void start(const Options& options, std::string_view host_id);

/// Answers Prometheus at "host:port" from now on, there alone; the address really listened on.
Result<std::string> start_metrics(const std::string& address, const Options& options);

/// Writes the dump where one was asked for, as the process's exit does: for whoever leaves by _exit().
void write_dump();

}  // namespace memfabric::observe
