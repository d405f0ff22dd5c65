// SPDX-License-Identifier: Apache-2.0
// What a transfer session reads of others: their records in the store, their requests and their answers.
#include <string>

#include "tests/fuzz/fuzz.h"
#include "trans/remote_messages.h"
#include "trans/session_record.h"

using namespace memfabric;
using namespace memfabric::trans;
using fuzz::require;

namespace {

/// What was taken for a message is one: encoding it gives the same bytes.
template <typename T>
void check(const Result<T>& decoded, std::string_view bytes) {
    fuzz::require_reason(decoded.status());
    require(!decoded.is_ok() || encode(*decoded) == bytes);
}

void check_request(std::string_view bytes) {
    const Result<RemoteRequest> request = decode_request(bytes);
    fuzz::require_reason(request.status());
    if (!request.is_ok()) {
        return;
    }
    require(std::visit([](const auto& message) { return encode(message); }, *request) == bytes);
    if (const auto* regions = std::get_if<RegionsRequest>(&*request)) {
        require(regions->ranges.size() <= kMostAsked);
        for (const memory::AddressRange& range : regions->ranges) {
            require(range.size != 0 && range.end() > range.begin);
        }
    } else {
        require(std::get<RevokeRequest>(*request).keys.size() <= kMostRevoked);
    }
}

void check_regions(std::string_view bytes) {
    const Result<RegionsAnswer> answer = decode_regions(bytes);
    check(answer, bytes);
    if (!answer.is_ok()) {
        return;
    }
    require(answer->regions.size() <= kMostAnswered);
    for (const RemoteRange& region : answer->regions) {
        require(region.range.size != 0 && region.range.size <= region.region.size);
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const std::string_view bytes = fuzz::as_text(data, size);
    const Result<SessionRecord> record = decode_record(std::string(bytes));
    fuzz::require_reason(record.status());
    require(!record.is_ok() || encode_record(*record) == bytes);
    check_request(bytes);
    check_regions(bytes);
    check(decode_revoke(bytes), bytes);
    return 0;
}
