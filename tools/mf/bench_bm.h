// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace mf {

/// What `mf bench bm` was asked to do.
struct BenchSettings {
    size_t block = size_t{1} << 20;
    size_t batch = 1;
    size_t threads = 1;
    double seconds = 3;
    size_t pool = size_t{1} << 30;  // bytes that each of the two processes contributes
    std::string direction = "h2g";
    bool verify = false;
    bool json = false;
};

/// Measures copies between two processes of this machine and prints what it found. Returns the exit code: 1
/// where the verification found a difference. Failures are exceptions. `peer_command`: see BmPair.
int bench_bm(const BenchSettings& settings, const std::vector<std::string>& peer_command);

}  // namespace mf
