// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "store/client.h"

namespace memfabric {

/// What a process that other hosts can reach tells of itself at the config store, for whoever looks into the
/// state of a cluster. Nothing of the pool depends on it.
struct ProcessRecord {
    Incarnation incarnation;
    std::string host_name;
    std::string program;
    std::string fabric_address;  // as RemoteMemory::own_address
    std::string hand_over;       // where processes of its host find it
    // Memory that it offers for measurements; size 0: none.
    uint64_t key = 0;
    uint64_t base = 0;
    uint64_t size = 0;
};

/// Of the calling process, without offered memory.
ProcessRecord own_process_record(const Incarnation& incarnation);

std::string encode_process_record(const ProcessRecord& record);
/// Of whatever somebody has put into the store: trusts nothing in it.
Result<ProcessRecord> decode_process_record(std::string_view bytes);

/// Stays until the client goes. A later one replaces it.
Status announce_process(store::Client& store, const ProcessRecord& record, Deadline deadline);

/// All that are announced; what cannot be read is left out.
Result<std::vector<ProcessRecord>> list_processes(store::Client& store, Deadline deadline);

}  // namespace memfabric
