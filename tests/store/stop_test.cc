// SPDX-License-Identifier: Apache-2.0
// A store that is stopped in good order says so: nobody waits for it.
#include <gtest/gtest.h>

#include "tests/store/store_fixture.h"

namespace memfabric::store::test {
namespace {

TEST(Stop, EndsCallsThatWaitAndLaterOnesAtOnce) {
    auto server = start_server();
    const auto client = connect(server->endpoint());
    EXPECT_TRUE(client->is_usable());
    auto waiting = in_background([&] { return client->get("never", Deadline::never()); });
    // The store has taken the request once a later one is answered.
    MF_EXPECT_OK(client->set("key", "value", soon()));
    server.reset();
    MF_EXPECT_FAILURE(waiting.get(), Code::kStoreSocket, "never", "stopped");
    EXPECT_FALSE(client->is_usable());
    MF_EXPECT_FAILURE(client->set("key", "value", Deadline::never()), Code::kStoreSocket, "stopped");
}

TEST(Stop, ANewStoreAtTheSameAddressTakesNewClients) {
    auto server = start_server();
    const Endpoint endpoint = server->endpoint();
    const auto before = connect(endpoint);
    server.reset();
    auto next = start_at(endpoint);
    ASSERT_TRUE(next.is_ok()) << next.status().message();
    const auto after = connect(endpoint);
    MF_EXPECT_OK(after->set("key", "value", soon()));
    MF_EXPECT_FAILURE(before->find("key", soon()), Code::kStoreSocket, "stopped");
}

}  // namespace
}  // namespace memfabric::store::test
