// SPDX-License-Identifier: Apache-2.0
#include "runtime/process_directory.h"

#include <unistd.h>

#include <array>
#include <fstream>
#include <utility>

#include "store/messages.h"

namespace memfabric {
namespace {

constexpr const char* kPrefix = "process/";

std::string own_host_name() {
    std::array<char, 256> name{};
    return ::gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "unknown";
}

std::string own_program() {
    std::ifstream file("/proc/self/comm");
    std::string name;
    std::getline(file, name);
    return name;
}

}  // namespace

template <>
struct store::Fields<ProcessRecord> {
    static auto of(auto& m) {
        return std::tie(m.incarnation, m.host_name, m.program, m.fabric_address, m.hand_over, m.key, m.base,
                        m.size);
    }
};

ProcessRecord own_process_record(const Incarnation& incarnation) {
    ProcessRecord record;
    record.incarnation = incarnation;
    record.host_name = own_host_name();
    record.program = own_program();
    return record;
}

std::string encode_process_record(const ProcessRecord& record) {
    return store::encode(record);
}

Result<ProcessRecord> decode_process_record(std::string_view bytes) {
    return store::decode<ProcessRecord>(bytes);
}

Status announce_process(store::Client& store, const ProcessRecord& record, Deadline deadline) {
    return store.set_owned(kPrefix + record.incarnation.text(), encode_process_record(record), deadline);
}

Result<std::vector<ProcessRecord>> list_processes(store::Client& store, Deadline deadline) {
    MF_ASSIGN_OR_RETURN(const auto entries, store.list(kPrefix, deadline));
    std::vector<ProcessRecord> records;
    for (const auto& [key, value] : entries) {
        Result<ProcessRecord> record = decode_process_record(value);
        if (record.is_ok()) {
            records.push_back(std::move(record).value());
        }
    }
    return records;
}

}  // namespace memfabric
