// SPDX-License-Identifier: Apache-2.0
#include "transport/fabric/refusal.h"

#include <algorithm>
#include <vector>

#include "store/wire.h"
#include "transport/fabric/message_format.h"
#include "transport/fabric/own_services.h"
#include "transport/fabric/page_access.h"

namespace memfabric::transport {
namespace {

struct WirePiece {
    uint64_t key = 0;
    uint64_t offset = 0;
    uint64_t size = 0;
};

struct WireQuestion {
    bool to_write = false;
    std::vector<WirePiece> pieces;
};

static_assert(sizeof(uint64_t) + RefusalQuestion::kMostPieces * sizeof(WirePiece) <= kLargestPayload);

}  // namespace
}  // namespace memfabric::transport

namespace memfabric::store {

template <>
struct Fields<transport::WirePiece> {
    static auto of(auto& m) { return std::tie(m.key, m.offset, m.size); }
};
template <>
struct Fields<transport::WireQuestion> {
    static auto of(auto& m) { return std::tie(m.to_write, m.pieces); }
};

}  // namespace memfabric::store

namespace memfabric::transport {
namespace {

std::string encode(FabricFlow flow, std::span<const FabricPiece> pieces) {
    WireQuestion question{flow == FabricFlow::kPut, {}};
    for (const FabricPiece& piece : pieces.first(std::min(pieces.size(), RefusalQuestion::kMostPieces))) {
        question.pieces.push_back({piece.region.key, piece.offset, piece.size});
    }
    return store::encode(question);
}

/// Whether a peer may be let at these bytes and the provider can get at them.
Status check_piece(const Exposures& exposures, uint64_t key, uint64_t offset, uint64_t size, bool to_write) {
    bool accessible = true;
    MF_RETURN_IF_ERROR(exposures.use(key, offset, size, [&](std::byte* place) {
        accessible = is_accessible({place, size}, to_write);
    }));
    return accessible ? Status()
                      : failure(Code::kError,
                                "the owner has freed that memory, or made it {}, without taking "
                                "it back before",
                                to_write ? "read-only" : "unreadable");
}

}  // namespace

RefusalQuestion::RefusalQuestion(Messenger& messenger, Messenger::Route& route, FabricFlow flow,
                                 std::span<const FabricPiece> pieces)
    : question_(encode(flow, pieces)), exchange_(messenger, route, kRefusalService, question_) {}

std::optional<Status> RefusalQuestion::verdict() {
    if (!exchange_.advance()) {
        return std::nullopt;
    }
    const Answer& answer = exchange_.answer();
    return answer.code == Code::kOk ? Status() : Status(answer.code, answer.bytes);
}

Answer answer_refusal_question(const Exposures& exposures, std::string_view question) {
    const Result<WireQuestion> asked = store::decode<WireQuestion>(question);
    if (!asked.is_ok()) {
        return {Code::kInvalidParam, fmt::format("{} bytes are no question about pieces", question.size())};
    }
    for (const auto& [key, offset, size] : asked->pieces) {
        const Status good = check_piece(exposures, key, offset, size, asked->to_write);
        if (!good.is_ok()) {
            return {good.code(), fmt::format("{} bytes at offset {}: {}", size, offset, good.message())};
        }
    }
    return {};
}

}  // namespace memfabric::transport
