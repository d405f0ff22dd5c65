// SPDX-License-Identifier: Apache-2.0
#include "trans/session_record.h"

#include "store/messages.h"

namespace memfabric::store {

template <>
struct Fields<trans::FabricReach> {
    static auto of(auto& m) { return std::tie(m.address, m.service, m.problem); }
};

template <>
struct Fields<trans::SessionRecord> {
    static auto of(auto& m) {
        return std::tie(m.incarnation, m.instance, m.hand_over, m.token, m.nonce_address, m.nonce, m.fabric);
    }
};

}  // namespace memfabric::store

namespace memfabric::trans {

std::string SessionRecord::table_object() const {
    return fmt::format("trans/{:016x}/table", instance);
}

std::string SessionRecord::flights_object() const {
    return fmt::format("trans/{:016x}/flights", instance);
}

std::string SessionRecord::segment_object(uint32_t segment) const {
    return fmt::format("trans/{:016x}/segment/{}", instance, segment);
}

std::string SessionRecord::staging_object() const {
    return fmt::format("trans/{:016x}/staging", instance);
}

std::string session_key(const std::string& session) {
    return "trans/session/" + session;
}

std::string encode_record(const SessionRecord& record) {
    return store::encode(record);
}

Result<SessionRecord> decode_record(const std::string& bytes) {
    return store::decode<SessionRecord>(bytes);
}

}  // namespace memfabric::trans
