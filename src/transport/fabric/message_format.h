// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/status.h"

namespace memfabric::transport {

/// Requests and answers carry at most so much of their callers.
constexpr size_t kLargestPayload = size_t{64} << 10;
/// A whole message: header, the sender's engine address, payload.
constexpr size_t kLargestMessage = kLargestPayload + 512;

enum class MessageType : uint16_t { kRequest = 1, kAnswer = 2 };

/// One message between two processes. Views point into the bytes that it was read from.
struct Message {
    MessageType type = MessageType::kRequest;
    uint32_t service = 0;
    Code code = Code::kOk;      // of an answer: where not kOk, the payload is the text
    uint64_t id = 0;            // of the request, unique in the sender's life, growing
    uint64_t oldest = 0;        // the sender waits for the answer of no request below it any more
    uint64_t from = 0;          // the sender's life
    uint64_t to = 0;            // the receiver's life
    std::string_view reply_to;  // the sender's engine address
    std::string_view payload;

    size_t encoded_size() const;
    /// `place` has encoded_size() bytes.
    void encode(std::byte* place) const;
    /// Trusts no length in the bytes.
    static Result<Message> decode(std::string_view bytes);
};

}  // namespace memfabric::transport
