// SPDX-License-Identifier: Apache-2.0
#include "transport/fabric/refusal.h"

#include <algorithm>

#include "transport/fabric/message_format.h"
#include "transport/fabric/own_services.h"
#include "transport/fabric/page_access.h"

namespace memfabric::transport {
namespace {

constexpr size_t kPieceSize = 3 * sizeof(uint64_t);
constexpr size_t kMostPieces = 2048;
static_assert(sizeof(uint64_t) + kMostPieces * kPieceSize <= kLargestPayload);

std::string encode(FabricFlow flow, std::span<const FabricPiece> pieces) {
    std::string question;
    append_number(question, flow == FabricFlow::kPut ? 1 : 0);
    for (const FabricPiece& piece : pieces.first(std::min(pieces.size(), kMostPieces))) {
        append_number(question, piece.region.key);
        append_number(question, piece.offset);
        append_number(question, piece.size);
    }
    return question;
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
    if (question.size() % kPieceSize != sizeof(uint64_t)) {
        return {Code::kInvalidParam, fmt::format("{} bytes are no question about pieces", question.size())};
    }
    const bool to_write = load_number(question, 0) != 0;
    for (question.remove_prefix(sizeof(uint64_t)); !question.empty(); question.remove_prefix(kPieceSize)) {
        const uint64_t offset = load_number(question, 8);
        const uint64_t size = load_number(question, 16);
        const Status good = check_piece(exposures, load_number(question, 0), offset, size, to_write);
        if (!good.is_ok()) {
            return {good.code(), fmt::format("{} bytes at offset {}: {}", size, offset, good.message())};
        }
    }
    return {};
}

}  // namespace memfabric::transport
