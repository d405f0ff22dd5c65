// SPDX-License-Identifier: Apache-2.0
// Random bytes as messages of the config store: first as the wire's header and as every body, then as a
// conversation with a store's core.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "base/log.h"
#include "store/core.h"

namespace memfabric::store {
namespace {

constexpr uint64_t kMaxLength = 1 << 20;

/// What was taken for a message is one: encoding it gives the same bytes.
template <typename T>
void check(std::string_view bytes) {
    if (const Result<T> message = decode<T>(bytes); message.is_ok() && encode(*message) != bytes) {
        std::abort();
    }
}

/// A list that is read where it stands is the one that is taken apart as a whole.
void check_view(std::string_view bytes) {
    Reader reader(bytes);
    std::string group;
    reader.get(group);
    const ListView<MemberChangeView> changes(reader);
    const Result<MemberEventMessage> message = decode<MemberEventMessage>(bytes);
    if (message.is_ok() != reader.finish().is_ok()) {
        std::abort();
    }
    size_t next = 0;
    changes.for_each([&](const MemberChangeView& change) {
        if (message.is_ok()) {
            const Member& member = message->changes.at(next++).member;
            if (member.epoch != change.member.epoch || member.payload != change.member.payload) {
                std::abort();
            }
        }
    });
    if (message.is_ok() && next != message->changes.size()) {
        std::abort();
    }
}

void check_codec(std::string_view bytes) {
    if (const Result<Header> header = decode_header(bytes, kMaxLength); header.is_ok()) {
        const HeaderBytes again = encode_header(*header);
        if (std::string_view(again.data(), again.size()) != bytes.substr(0, kHeaderSize)) {
            std::abort();
        }
    }
    static_cast<void>(describe_foreign_bytes(bytes));
    check<Hello>(bytes);
    check<Welcome>(bytes);
    check<Outcome>(bytes);
    check<KeyMessage>(bytes);
    check<KeyValueMessage>(bytes);
    check<AddMessage>(bytes);
    check<SwapMessage>(bytes);
    check<FoundMessage>(bytes);
    check<WatchMessage>(bytes);
    check<WatchEventMessage>(bytes);
    check<RoundMessage>(bytes);
    check<MemberEventMessage>(bytes);
    check_view(bytes);
    check<PublishMessage>(bytes);
    check<WaitNoticeMessage>(bytes);
    check<JoinRequest>(bytes);
    check<JoinReply>(bytes);
    check<RankRequest>(bytes);
    check<RankReply>(bytes);
    check<RestoreArena>(bytes);
    check<RestoreWindow>(bytes);
    check<RestoreRank>(bytes);
    check<RestoreMember>(bytes);
    check<RestoreKey>(bytes);
    check<RestoreWatch>(bytes);
    check<RestoreRound>(bytes);
    check<GatheredMessage>(bytes);
    check<ProcessId>(bytes);
    check<VouchedMessage>(bytes);
    check<ArenaOffer>(bytes);
    check<WindowRequest>(bytes);
    check<WindowReply>(bytes);
    check<Value<std::vector<std::pair<std::string, std::string>>>>(bytes);
}

class SilentLink : public Link {
 public:
    void send(const Header&, SharedBody) override {}
    void refuse(const Status&) override {}
    std::string address() const override { return "10.0.0.7"; }
    bool host_answers(std::chrono::milliseconds) const override { return true; }
};

uint8_t take_byte(std::string_view& bytes) {
    const auto byte = static_cast<uint8_t>(bytes.front());
    bytes.remove_prefix(1);
    return byte;
}

/// The bytes as a sequence of (client, operation, length, body): a conversation of three clients with a
/// store.
void converse(std::string_view bytes) {
    Core core{Options()};
    SilentLink links[3];
    uint64_t sessions[3] = {};
    uint64_t requests = 0;
    while (bytes.size() >= 3) {
        const size_t client = take_byte(bytes) % 3;
        const auto operation = static_cast<Operation>(take_byte(bytes) % 128);
        const size_t wanted = take_byte(bytes);
        const size_t length = std::min(wanted, bytes.size());
        const std::string_view body = bytes.substr(0, length);
        bytes.remove_prefix(length);
        if (sessions[client] == 0) {
            // Each third client says that it was here before.
            const uint64_t before = client == 2 ? 1 : 0;
            const Hello hello{
                {client == 2 ? "b" : "a", static_cast<int64_t>(client), 0, client}, before, before, before};
            const Result<uint64_t> opened =
                core.welcome({Operation::kHello, 0, 0, 0, 0}, encode(hello), links[client]);
            if (!opened.is_ok()) {
                if (client != 2) {
                    std::abort();
                }
                continue;
            }
            sessions[client] = *opened;
        }
        // A cancel is of one of the last requests, whatever it was.
        const uint64_t request =
            operation == Operation::kCancel ? requests - std::min<uint64_t>(length, requests) : ++requests;
        const Header header{operation, static_cast<uint32_t>(length), request, 0, 0};
        if (!core.receive(sessions[client], header, body).is_ok() || operation == Operation::kGoodbye) {
            core.disconnect(sessions[client], links[client]);
            core.expire(Sessions::Clock::time_point::max());
            sessions[client] = 0;
        }
    }
    core.tend_waits(Sessions::Clock::now() + std::chrono::hours(1));
}

}  // namespace
}  // namespace memfabric::store

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    memfabric::set_log_level(memfabric::LogLevel::kFatal);
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    memfabric::store::check_codec(bytes);
    memfabric::store::converse(bytes);
    return 0;
}
