// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "sha256.h"

namespace demo {

/// The rank's end of its channel, after exec.
inline constexpr int kControlDescriptor = 3;

/// What the launcher and its ranks say to each other, one message a packet.
enum class Kind : uint32_t {
    kReady,     // rank: joined
    kScatter,   // launcher, to rank 0
    kGather,    // launcher, to all
    kProgress,  // rank: `bytes` more are copied
    kDone,      // rank: the phase has ended, with its numbers
    kFailed,    // rank: `text` says why
    kLeave,     // launcher: the end
};

struct Message {
    Kind kind = Kind::kFailed;
    uint64_t bytes = 0;
    double pool_seconds = 0;   // of the pool's copies
    double plain_seconds = 0;  // of the fastest plain copy of the same bytes
    Digest digest = {};
    std::array<char, 512> text = {};
};

/// Owns one end of a packet socket.
class Channel {
 public:
    explicit Channel(int descriptor = -1) : descriptor_(descriptor) {}
    ~Channel() { close(); }
    Channel(Channel&& other) noexcept;
    Channel& operator=(Channel&& other) noexcept;
    Channel(const Channel&) = delete;
    Channel& operator=(const Channel&) = delete;

    void close();
    int descriptor() const { return descriptor_; }

    /// False where the other end is gone.
    bool send(const Message& message) const;
    bool send(Kind kind) const;
    /// Waits for the next; nothing where the other end is gone.
    std::optional<Message> receive() const;

 private:
    int descriptor_;
};

/// The launcher's end and the rank's end.
struct ChannelPair {
    Channel launcher;
    Channel rank;
};
ChannelPair make_channel();

Message failure_message(const std::string& text);

}  // namespace demo
