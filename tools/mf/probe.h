// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "capi/private_api.h"

namespace mf {

/// This process in the fabric of a config store. Failures are exceptions that carry the library's text.
class Probe {
 public:
    /// `memory` bytes are offered to others; 0: none.
    Probe(const std::string& store_url, uint64_t memory, std::chrono::milliseconds patience);
    ~Probe();
    Probe(const Probe&) = delete;
    Probe& operator=(const Probe&) = delete;

    /// What mf_private_probe_json() says now.
    nlohmann::ordered_json look() const;
    /// Empty where the peer has answered, else why not.
    std::string ping(uint32_t peer) const;
    void copy(uint32_t peer, bool to_peer, const std::vector<mf_private_piece_t>& pieces) const;
    uint64_t add(uint32_t peer, uint64_t offset, uint64_t value) const;

 private:
    void* probe_;
    uint32_t patience_;  // milliseconds, of every call
};

/// "fabric tcp;ofi_rxm eth0 10.0.0.1 -> 10.0.0.2:4711", or by what else the peer of Probe::look() is reached.
std::string path_text(const nlohmann::ordered_json& peer);

/// "12.3 us", "4.56 ms".
std::string time_text(double microseconds);

/// Rows of equally many cells, padded to columns; what stands in the last is not.
void print_rows(const std::vector<std::vector<std::string>>& rows);

}  // namespace mf
