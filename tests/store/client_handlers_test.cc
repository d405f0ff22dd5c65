// SPDX-License-Identifier: Apache-2.0
#include "store/client_handlers.h"

#include <gtest/gtest.h>

#include <utility>
#include <vector>

namespace memfabric::store {
namespace {

std::string event(MemberEventKind kind, uint64_t epoch) {
    return encode(MemberEventMessage{"group", {{static_cast<uint8_t>(kind), Member{1, epoch, "host", ""}}}});
}

TEST(ClientHandlersTest, JoinsFromBeforeTheOwnAreNotTold) {
    // A process that left and joined again, while events of its former membership were on their way.
    std::vector<std::pair<MemberEventKind, uint64_t>> heard;
    ClientHandlers handlers;
    ASSERT_TRUE(handlers.add_group(
        "group", [&](const MemberEvent& told) { heard.emplace_back(told.kind, told.member.epoch); }));
    handlers.deliver(Operation::kMemberEvent, event(MemberEventKind::kJoined, 3));
    handlers.release_group("group", 5);
    handlers.deliver(Operation::kMemberEvent, event(MemberEventKind::kJoined, 4));
    handlers.deliver(Operation::kMemberEvent, event(MemberEventKind::kLeft, 3));
    handlers.deliver(Operation::kMemberEvent, event(MemberEventKind::kJoined, 6));
    const std::vector<std::pair<MemberEventKind, uint64_t>> expected = {{MemberEventKind::kLeft, 3},
                                                                        {MemberEventKind::kJoined, 6}};
    EXPECT_EQ(heard, expected);
}

}  // namespace
}  // namespace memfabric::store
