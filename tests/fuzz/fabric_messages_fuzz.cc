// SPDX-License-Identifier: Apache-2.0
// What the fabric's port for messages takes: the frame, and the requests that the transport serves itself.
// And the addresses by which peers say that they are reached.
#include <array>
#include <string>

#include "tests/fuzz/fuzz.h"
#include "transport/fabric/answer_book.h"
#include "transport/fabric/atomics.h"
#include "transport/fabric/fabric_types.h"
#include "transport/fabric/message_format.h"
#include "transport/fabric/refusal.h"
#include "transport/fabric/survey.h"

using namespace memfabric;
using namespace memfabric::transport;
using fuzz::require;

namespace {

constexpr uint64_t kKey = 7;
constexpr size_t kExposed = 256;

/// Memory of which the middle is exposed.
struct Target {
    Target() {
        memory.fill(std::byte{1});
        exposures.add(kKey, std::span(memory).subspan(kExposed, kExposed));
    }
    /// Nothing but what is exposed ever changes.
    void check() const {
        for (size_t i = 0; i < kExposed; ++i) {
            require(memory[i] == std::byte{1} && memory[2 * kExposed + i] == std::byte{1});
        }
    }
    alignas(64) std::array<std::byte, 3 * kExposed> memory{};
    Exposures exposures;
};

void check_requests(Target& target, std::string_view payload) {
    fuzz::require_reason(apply_atomic(target.exposures, payload).status());
    const Answer answer = answer_refusal_question(target.exposures, payload);
    require(answer.code == Code::kOk || !answer.bytes.empty());
    target.check();
}

void check_message(Target& target, std::string_view bytes) {
    const Result<Message> message = Message::decode(bytes);
    fuzz::require_reason(message.status());
    if (!message.is_ok()) {
        return;
    }
    require(message->encoded_size() == bytes.size());
    std::string again(bytes.size(), '\0');
    message->encode(reinterpret_cast<std::byte*>(again.data()));
    require(again == bytes);
    check_requests(target, message->payload);
}

/// The bytes as requests of a few senders, some of them sent twice.
void check_answer_book(std::string_view bytes) {
    AnswerBook book;
    const auto answer = std::make_shared<const Answer>(Answer{Code::kOk, "answer"});
    for (fuzz::Input input(bytes.substr(0, 1024)); !input.is_empty();) {
        const uint64_t sender = input.take<uint8_t>() % 4;
        const uint64_t id = input.take<uint8_t>();
        const AnswerBook::Novelty novelty = book.enter(sender, id, input.take<uint8_t>());
        if (novelty == AnswerBook::Novelty::kNew) {
            book.answered(sender, id, answer);
        } else if (novelty == AnswerBook::Novelty::kAnswered) {
            require(book.answer(sender, id) == answer);
        }
    }
}

void check_address(std::string_view bytes) {
    const Result<FabricAddress> address = FabricAddress::decode(bytes);
    fuzz::require_reason(address.status());
    if (address.is_ok()) {
        require(address->encode() == bytes && !address->endpoints().empty());
        static_cast<void>(socket_address_text(address->ports.front().door));
    }
    static_cast<void>(socket_address_text(bytes));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const std::string_view bytes = fuzz::as_text(data, size);
    Target target;
    check_message(target, bytes);
    check_requests(target, bytes);
    check_answer_book(bytes);
    check_address(bytes);
    return 0;
}
