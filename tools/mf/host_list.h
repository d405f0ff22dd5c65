// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace mf {

/// A host and how many ranks it takes.
struct HostSlots {
    std::string host;
    uint32_t ranks = 1;
};

/// "h1:2,h2,[fd00::1]:4": hosts and their ranks, 1 where none are named. Throws std::runtime_error that
/// quotes what it cannot read.
std::vector<HostSlots> parse_host_list(std::string_view text);

/// A file of one host a line, as "host", "host:2", "host 2" or "host slots=2" (Open MPI's form); empty lines
/// and what follows '#' do not count.
std::vector<HostSlots> read_host_file(const std::string& path);

/// The first `ranks` of them, hosts filled in order; 0 takes all. Throws where there are fewer.
std::vector<HostSlots> take_ranks(std::vector<HostSlots> hosts, uint32_t ranks);

}  // namespace mf
