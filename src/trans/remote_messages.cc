// SPDX-License-Identifier: Apache-2.0
#include "trans/remote_messages.h"

#include <algorithm>
#include <tuple>

#include "store/wire.h"

namespace memfabric::trans {
namespace {

enum class Kind : uint8_t { kRegions = 1, kRevoke };

/// The longest name and address that make sense; a text of the other side is cut to it.
constexpr size_t kLongestText = 1024;
constexpr size_t kLongestAddress = 8192;

struct WireRange {
    uint64_t begin = 0;
    uint64_t size = 0;
};

struct WireRegion {
    WireRange range;
    uint64_t key = 0;
    uint64_t base = 0;
    uint64_t size = 0;
};

struct WireRegions {
    uint8_t outcome = 0;
    WireRange missing;
    int32_t code = 0;
    std::string text;
    std::vector<WireRegion> regions;
};

struct WireAsk {
    uint64_t target = 0;
    Initiator from;
    std::vector<WireRange> ranges;
};

bool is_range(const WireRange& range) {
    return range.size != 0 && range.begin + range.size > range.begin;
}

Status malformed(const char* what) {
    return failure(Code::kRefused,
                   "a message between sessions of different hosts makes no sense ({}): do both sides use one "
                   "version of the library?",
                   what);
}

template <typename Message>
std::string with_kind(Kind kind, const Message& message) {
    store::Writer writer;
    writer.put(static_cast<uint8_t>(kind));
    writer.put(message);
    return writer.take();
}

}  // namespace
}  // namespace memfabric::trans

namespace memfabric::store {

template <>
struct Fields<trans::Initiator> {
    static auto of(auto& m) { return std::tie(m.instance, m.address, m.service, m.name); }
};
template <>
struct Fields<trans::WireRange> {
    static auto of(auto& m) { return std::tie(m.begin, m.size); }
};
template <>
struct Fields<trans::WireRegion> {
    static auto of(auto& m) { return std::tie(m.range, m.key, m.base, m.size); }
};
template <>
struct Fields<trans::WireRegions> {
    static auto of(auto& m) { return std::tie(m.outcome, m.missing, m.code, m.text, m.regions); }
};
template <>
struct Fields<trans::WireAsk> {
    static auto of(auto& m) { return std::tie(m.target, m.from, m.ranges); }
};
template <>
struct Fields<trans::RevokeRequest> {
    static auto of(auto& m) { return std::tie(m.target, m.initiator, m.keys); }
};
template <>
struct Fields<trans::RevokeAnswer> {
    static auto of(auto& m) { return std::tie(m.busy, m.dirty); }
};

}  // namespace memfabric::store

namespace memfabric::trans {

std::string encode(const RegionsRequest& request) {
    WireAsk ask{request.target, request.from, {}};
    for (const memory::AddressRange& range : request.ranges) {
        ask.ranges.push_back({range.begin, range.size});
    }
    return with_kind(Kind::kRegions, ask);
}

std::string encode(const RevokeRequest& request) {
    return with_kind(Kind::kRevoke, request);
}

Result<RemoteRequest> decode_request(std::string_view bytes) {
    if (bytes.empty()) {
        return malformed("it is empty");
    }
    const auto kind = static_cast<Kind>(bytes.front());
    bytes.remove_prefix(1);
    if (kind == Kind::kRevoke) {
        MF_ASSIGN_OR_RETURN(RevokeRequest revoke, store::decode<RevokeRequest>(bytes));
        if (revoke.keys.size() > kMostRevoked) {
            return malformed("it revokes too many keys at once");
        }
        return RemoteRequest(std::move(revoke));
    }
    if (kind != Kind::kRegions) {
        return malformed("its kind is unknown");
    }
    MF_ASSIGN_OR_RETURN(WireAsk ask, store::decode<WireAsk>(bytes));
    RegionsRequest request{ask.target, std::move(ask.from), {}};
    if (request.from.address.size() > kLongestAddress || request.from.name.size() > kLongestText) {
        return malformed("who sent it is described at too great length");
    }
    if (ask.ranges.size() > kMostAsked) {
        return malformed("it asks for too many ranges at once");
    }
    for (const WireRange& range : ask.ranges) {
        if (!is_range(range)) {
            return malformed("a range is empty or goes past the end of the address space");
        }
        request.ranges.push_back({range.begin, range.size});
    }
    return RemoteRequest(std::move(request));
}

std::string encode(const RegionsAnswer& answer) {
    WireRegions wire{static_cast<uint8_t>(answer.outcome),
                     {answer.missing.begin, answer.missing.size},
                     answer.code,
                     answer.text.substr(0, kLongestText),
                     {}};
    for (const RemoteRange& known : answer.regions) {
        wire.regions.push_back(
            {{known.range.begin, known.range.size}, known.region.key, known.region.base, known.region.size});
    }
    return store::encode(wire);
}

std::string encode(const RevokeAnswer& answer) {
    return store::encode(answer);
}

Result<RegionsAnswer> decode_regions(std::string_view bytes) {
    MF_ASSIGN_OR_RETURN(WireRegions wire, store::decode<WireRegions>(bytes));
    RegionsAnswer answer;
    answer.outcome = static_cast<RegionsOutcome>(wire.outcome);
    answer.missing = {wire.missing.begin, wire.missing.size};
    answer.code = wire.code;
    answer.text = std::move(wire.text);
    if (wire.outcome > static_cast<uint8_t>(RegionsOutcome::kFailed) ||
        (answer.outcome == RegionsOutcome::kFailed && answer.code >= 0)) {
        return malformed("its outcome is unknown");
    }
    if (wire.regions.size() > kMostAnswered || answer.text.size() > kLongestText) {
        return malformed("it is longer than an answer can be");
    }
    for (const WireRegion& region : wire.regions) {
        if (!is_range(region.range) || region.range.size > region.size) {
            return malformed("a region is smaller than what it is to hold");
        }
        answer.regions.push_back(
            {{region.range.begin, region.range.size}, {region.key, region.base, region.size}});
    }
    return answer;
}

Result<RevokeAnswer> decode_revoke(std::string_view bytes) {
    return store::decode<RevokeAnswer>(bytes);
}

}  // namespace memfabric::trans
