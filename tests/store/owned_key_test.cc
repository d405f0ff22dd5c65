// SPDX-License-Identifier: Apache-2.0
#include "tests/store/store_fixture.h"
#include "tests/store/tcp_proxy.h"

namespace memfabric::store::test {
namespace {

class OwnedKey : public ::testing::Test {
 protected:
    std::unique_ptr<Server> server_ = start_server();
    std::shared_ptr<Client> one_ = connect(server_->endpoint(), "host-a", 11);
    std::shared_ptr<Client> two_ = connect(server_->endpoint(), "host-b", 22);
};

TEST_F(OwnedKey, GoesWithItsOwner) {
    MF_EXPECT_OK(one_->set_owned("mine", "value", soon()));
    MF_EXPECT_OK(one_->set("common", "value", soon()));
    EXPECT_EQ(two_->get("mine", soon()).value(), "value");
    Heard<std::optional<std::string>> heard;
    MF_EXPECT_OK(two_->watch(
        "mine", [heard](auto, const auto& value) { heard.add(value); }, soon()));
    one_.reset();
    const auto values = heard.wait_for(2);
    ASSERT_EQ(values.size(), 2U);
    EXPECT_EQ(values[0], "value");
    EXPECT_EQ(values[1], std::nullopt);
    EXPECT_EQ(two_->find("mine", soon()).value(), std::nullopt);
    EXPECT_EQ(two_->find("common", soon()).value(), "value");
}

TEST_F(OwnedKey, NobodyElseChangesIt) {
    MF_EXPECT_OK(one_->set_owned("mine", "1", soon()));
    MF_EXPECT_FAILURE(two_->set_owned("mine", "2", soon()), Code::kDuplicatedObject, "mine", "host-a", "11");
    MF_EXPECT_FAILURE(two_->set("mine", "2", soon()), Code::kDuplicatedObject, "mine");
    MF_EXPECT_FAILURE(two_->add("mine", 1, soon()), Code::kDuplicatedObject, "mine");
    MF_EXPECT_FAILURE(two_->append("mine", "2", soon()), Code::kDuplicatedObject, "mine");
    MF_EXPECT_FAILURE(two_->compare_and_swap("mine", "1", "2", soon()), Code::kDuplicatedObject, "mine");
    EXPECT_EQ(two_->get("mine", soon()).value(), "1");
    MF_EXPECT_OK(one_->set_owned("mine", "3", soon()));
    EXPECT_EQ(two_->get("mine", soon()).value(), "3");
}

TEST_F(OwnedKey, IsFreeOnceRemoved) {
    MF_EXPECT_OK(one_->set_owned("mine", "1", soon()));
    MF_EXPECT_OK(one_->remove("mine", soon()));
    MF_EXPECT_OK(two_->set_owned("mine", "2", soon()));
    one_.reset();
    EXPECT_EQ(two_->get("mine", soon()).value(), "2");
}

TEST_F(OwnedKey, ASuccessorWaitsForAnOwnerThatIsAway) {
    TcpProxy proxy(server_->endpoint());
    auto away = connect(proxy.endpoint(), "host-a", 33);
    MF_EXPECT_OK(away->set_owned("mine", "old", soon()));
    proxy.close_door(true);
    proxy.cut();
    MF_EXPECT_OK(two_->set_owned("mine", "new", soon()));
    EXPECT_EQ(one_->get("mine", soon()).value(), "new");
}

}  // namespace
}  // namespace memfabric::store::test
