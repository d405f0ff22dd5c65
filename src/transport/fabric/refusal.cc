// SPDX-License-Identifier: Apache-2.0
#include "transport/fabric/refusal.h"

#include <algorithm>

#include "transport/fabric/message_format.h"
#include "transport/fabric/own_services.h"

namespace memfabric::transport {
namespace {

constexpr size_t kPieceSize = 3 * sizeof(uint64_t);
constexpr size_t kMostPieces = 2048;
static_assert(kMostPieces * kPieceSize <= kLargestPayload);

std::string encode(std::span<const FabricPiece> pieces) {
    std::string question;
    for (const FabricPiece& piece : pieces.first(std::min(pieces.size(), kMostPieces))) {
        append_number(question, piece.region.key);
        append_number(question, piece.offset);
        append_number(question, piece.size);
    }
    return question;
}

}  // namespace

RefusalQuestion::RefusalQuestion(Messenger& messenger, Messenger::Route& route,
                                 std::span<const FabricPiece> pieces)
    : question_(encode(pieces)), exchange_(messenger, route, kRefusalService, question_) {}

std::optional<Status> RefusalQuestion::verdict() {
    if (!exchange_.advance()) {
        return std::nullopt;
    }
    const Answer& answer = exchange_.answer();
    return answer.code == Code::kOk ? Status() : Status(answer.code, answer.bytes);
}

Answer answer_refusal_question(const Exposures& exposures, std::string_view question) {
    if (question.size() % kPieceSize != 0) {
        return {Code::kInvalidParam, fmt::format("{} bytes are no list of pieces", question.size())};
    }
    for (; !question.empty(); question.remove_prefix(kPieceSize)) {
        const uint64_t offset = load_number(question, 8);
        const uint64_t size = load_number(question, 16);
        const Status good = exposures.check(load_number(question, 0), offset, size);
        if (!good.is_ok()) {
            return {good.code(), fmt::format("{} bytes at offset {}: {}", size, offset, good.message())};
        }
    }
    return {};
}

}  // namespace memfabric::transport
