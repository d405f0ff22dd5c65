// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "base/incarnation.h"

namespace memfabric::trans {

/// How other hosts reach a session. Empty until that is known, which takes longer than opening one.
struct FabricReach {
    std::string address;   // of the fabric
    uint32_t service = 0;  // number of the session's own, for requests
    std::string problem;   // why it cannot be reached, instead

    bool is_known() const { return !address.empty() || !problem.empty(); }
    bool operator==(const FabricReach&) const = default;
};

/// What a session tells its peers through the config store, under session_key().
struct SessionRecord {
    Incarnation incarnation;  // of its process
    uint64_t instance = 0;    // random: tells an engine from its successor under the same name
    std::string hand_over;    // where its host's processes fetch its segments
    std::string token;        // what they have to show for them
    uint64_t nonce_address =
        0;  // where `nonce` lies in its memory: whoever reads it there has the right process
    uint64_t nonce = 0;
    FabricReach fabric;

    std::string table_object() const;
    std::string flights_object() const;
    std::string segment_object(uint32_t segment) const;
    std::string staging_object() const;
};

std::string session_key(const std::string& session);
std::string encode_record(const SessionRecord& record);
Result<SessionRecord> decode_record(const std::string& bytes);

}  // namespace memfabric::trans
