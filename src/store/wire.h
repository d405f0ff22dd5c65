// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <concepts>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "base/status.h"

namespace memfabric::store {

// A message is a header and a body. All numbers are little-endian. The first 8 bytes never change, so that
// two versions can tell each other that they differ.
inline constexpr uint32_t kWireMagic = 0x3153464d;  // the bytes "MFS1"
inline constexpr char kWireFirstByte = 'M';
inline constexpr uint16_t kWireVersion = 1;
inline constexpr size_t kHeaderSize = 40;
inline constexpr uint64_t kMaxHandshakeMessage = 8192;

enum class Operation : uint16_t {
    kHello = 1,
    kWelcome,
    kRefusal,
    kGoodbye,
    kCancel,
    kReply,
    kWatchEvent,
    kMemberEvent,
    kAcknowledge,
    kPing,        // the store asks for a sign of life; the client answers with kAcknowledge
    kWaitNotice,  // for the log of a client whose request still waits: whom for
    kVouch,       // the store asks whether a process of the client's host is stopped; answered with kVouched
    kVouched,

    kSet = 32,
    kGet,
    kFind,
    kAdd,
    kAppend,
    kCompareAndSwap,
    kRemove,
    kRemovePrefix,
    kList,
    kWatch,
    kUnwatch,
    kBarrier,
    kAllGather,
    kJoin,
    kLeave,
    kAssignRank,
    kReleaseRank,
    kAgreeArena,
    kAcquireWindow,
    kPublishWindowHolder,
    kReleaseWindow,
    kSetOwned,
    kHearAll,  // answered once the client has been told all that there is to tell of its groups

    // From a client to a store that was started again: what the client holds. Not answered.
    kRestoreArena = 96,
    kRestoreWindow,
    kRestoreRank,
    kRestoreMember,
    kRestoreKey,
    kRestoreWatch,
    kRestoreRound,
    // From the store: the identity that it has taken over from clients of its predecessor.
    kIdentity,
};

struct Header {
    Operation operation = Operation::kHello;
    uint32_t length = 0;        // of the body
    uint64_t request = 0;       // of a request and its reply; of an event: its number in the session
    uint64_t acknowledged = 0;  // client: every request below it has been answered
    uint64_t events_seen = 0;   // client: every event up to it has arrived
};

using HeaderBytes = std::array<char, kHeaderSize>;

HeaderBytes encode_header(const Header& header);

/// `bytes` are the first kHeaderSize bytes of a message. Fails where they are no header of this version, or
/// announce more than `max_length`.
Result<Header> decode_header(std::string_view bytes, uint64_t max_length);

/// What bytes that are no message of ours probably are, for the text of an error.
std::string describe_foreign_bytes(std::string_view bytes);

/// Puts a body together.
class Writer {
 public:
    void put(uint8_t value) { number(value, 1); }
    void put(uint16_t value) { number(value, 2); }
    void put(uint32_t value) { number(value, 4); }
    void put(uint64_t value) { number(value, 8); }
    void put(int32_t value) { number(static_cast<uint32_t>(value), 4); }
    void put(int64_t value) { number(static_cast<uint64_t>(value), 8); }
    void put(bool value) { number(value ? 1 : 0, 1); }
    void put(std::string_view value);
    void put(const std::string& value) { put(std::string_view(value)); }
    template <typename T>
    void put(const std::optional<T>& value);
    template <typename A, typename B>
    void put(const std::pair<A, B>& value);
    template <typename T>
    void put(const std::vector<T>& values);
    template <typename T>
    void put(const T& message);

    /// For so many bytes in all.
    void reserve(size_t bytes) { bytes_.reserve(bytes); }
    std::string take() { return std::move(bytes_); }

 private:
    void number(uint64_t value, size_t width);
    std::string bytes_;
};

/// Takes a body apart and trusts nothing in it: after the first field that does not fit, all fields read as
/// empty and finish() fails.
class Reader {
 public:
    explicit Reader(std::string_view bytes) : rest_(bytes) {}

    void get(uint8_t& value) { value = static_cast<uint8_t>(number(1)); }
    void get(uint16_t& value) { value = static_cast<uint16_t>(number(2)); }
    void get(uint32_t& value) { value = static_cast<uint32_t>(number(4)); }
    void get(uint64_t& value) { value = number(8); }
    void get(int32_t& value) { value = static_cast<int32_t>(number(4)); }
    void get(int64_t& value) { value = static_cast<int64_t>(number(8)); }
    void get(bool& value);
    void get(std::string_view& value);
    void get(std::string& value);
    template <typename T>
    void get(std::optional<T>& value);
    template <typename A, typename B>
    void get(std::pair<A, B>& value);
    template <typename T>
    void get(std::vector<T>& values);
    template <typename T>
    void get(T& message);

    bool failed() const { return failed_; }
    std::string_view rest() const { return rest_; }
    /// Fails where a field did not fit or bytes are left over.
    Status finish() const;

 private:
    uint64_t number(size_t width);
    std::string_view rest_;
    bool failed_ = false;
};

/// The fields of a message type, in order: specialised in messages.h with a function `of` that returns
/// std::tie of them.
template <typename T>
struct Fields;

template <typename T>
void Writer::put(const std::optional<T>& value) {
    put(value.has_value());
    if (value) {
        put(*value);
    }
}

template <typename A, typename B>
void Writer::put(const std::pair<A, B>& value) {
    put(value.first);
    put(value.second);
}

template <typename T>
void Writer::put(const std::vector<T>& values) {
    put(static_cast<uint32_t>(values.size()));
    for (const T& value : values) {
        put(value);
    }
}

template <typename T>
void Writer::put(const T& message) {
    std::apply([this](const auto&... field) { (this->put(field), ...); }, Fields<T>::of(message));
}

template <typename T>
void Reader::get(std::optional<T>& value) {
    bool present = false;
    get(present);
    value.reset();
    if (present) {
        get(value.emplace());
    }
}

template <typename A, typename B>
void Reader::get(std::pair<A, B>& value) {
    get(value.first);
    get(value.second);
}

template <typename T>
void Reader::get(std::vector<T>& values) {
    uint32_t count = 0;
    get(count);
    values.clear();
    // Grows with what is really there: the count alone allocates nothing.
    for (uint32_t i = 0; i < count && !failed_; ++i) {
        get(values.emplace_back());
    }
}

template <typename T>
void Reader::get(T& message) {
    std::apply([this](auto&... field) { (this->get(field), ...); }, Fields<T>::of(message));
}

template <typename T>
std::string encode(const T& message) {
    Writer writer;
    writer.put(message);
    return writer.take();
}

template <typename T>
Result<T> decode(std::string_view bytes) {
    Reader reader(bytes);
    T message;
    reader.get(message);
    MF_RETURN_IF_ERROR(reader.finish());
    return message;
}

}  // namespace memfabric::store
