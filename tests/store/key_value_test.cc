// SPDX-License-Identifier: Apache-2.0
#include "tests/store/store_fixture.h"

namespace memfabric::store::test {
namespace {

class KeyValue : public ::testing::Test {
 protected:
    std::unique_ptr<Server> server_ = start_server();
    std::shared_ptr<Client> one_ = connect(server_->endpoint());
    std::shared_ptr<Client> two_ = connect(server_->endpoint());
};

using Entries = std::vector<std::pair<std::string, std::string>>;
using Change = std::pair<std::string, std::optional<std::string>>;

TEST_F(KeyValue, WhatOneSetsTheOtherGets) {
    MF_EXPECT_OK(one_->set("key", std::string("a\0b", 3), soon()));
    EXPECT_EQ(two_->get("key", soon()).value(), std::string("a\0b", 3));
    MF_EXPECT_OK(two_->set("key", "", soon()));
    EXPECT_EQ(one_->get("key", soon()).value(), "");
}

TEST_F(KeyValue, LargeValuesArrive) {
    std::string large(20 << 20, 'x');
    large[12345678] = 'y';
    MF_EXPECT_OK(one_->set("large", large, soon()));
    EXPECT_TRUE(two_->get("large", soon()).value() == large);
}

TEST_F(KeyValue, GetWaitsForTheKey) {
    auto waiting = in_background([&] { return one_->get("late", soon()); });
    MF_EXPECT_OK(two_->set("late", "here", soon()));
    EXPECT_EQ(waiting.get().value(), "here");
}

TEST_F(KeyValue, GetEndsByItsDeadline) {
    MF_EXPECT_FAILURE(one_->get("never", briefly()), Code::kStoreTimeout, "never");
    MF_EXPECT_OK(two_->set("never", "after all", soon()));
    EXPECT_EQ(one_->get("never", soon()).value(), "after all");
}

TEST_F(KeyValue, ManyThreadsShareOneClient) {
    std::vector<std::future<Result<std::string>>> waiting;
    for (int i = 0; i < 8; ++i) {
        waiting.push_back(in_background([&, i] { return one_->get("thread/" + std::to_string(i), soon()); }));
    }
    for (int i = 7; i >= 0; --i) {
        MF_EXPECT_OK(one_->set("thread/" + std::to_string(i), std::to_string(i), soon()));
    }
    for (int i = 0; i < 8; ++i) {
        EXPECT_EQ(waiting[i].get().value(), std::to_string(i));
    }
}

TEST_F(KeyValue, FindDoesNotWait) {
    EXPECT_EQ(one_->find("key", soon()).value(), std::nullopt);
    MF_EXPECT_OK(one_->set("key", "value", soon()));
    EXPECT_EQ(one_->find("key", soon()).value(), "value");
}

TEST_F(KeyValue, AddCounts) {
    EXPECT_EQ(one_->add("counter", 5, soon()).value(), 5);
    EXPECT_EQ(two_->add("counter", -7, soon()).value(), -2);
    EXPECT_EQ(one_->get("counter", soon()).value(), "-2");
    MF_EXPECT_OK(one_->set("counter", "text", soon()));
    MF_EXPECT_FAILURE(one_->add("counter", 1, soon()), Code::kInvalidParam, "counter");
    MF_EXPECT_OK(one_->set("counter", std::to_string(INT64_MAX), soon()));
    MF_EXPECT_FAILURE(one_->add("counter", 1, soon()), Code::kInvalidParam, "64 bits");
}

TEST_F(KeyValue, AppendReturnsTheSize) {
    EXPECT_EQ(one_->append("text", "abc", soon()).value(), 3U);
    EXPECT_EQ(two_->append("text", "defg", soon()).value(), 7U);
    EXPECT_EQ(one_->get("text", soon()).value(), "abcdefg");
}

TEST_F(KeyValue, AppendAnswersWhoWaits) {
    auto waiting = in_background([&] { return one_->get("text", soon()); });
    EXPECT_EQ(two_->append("text", "abc", soon()).value(), 3U);
    EXPECT_EQ(waiting.get().value(), "abc");
}

TEST_F(KeyValue, CompareAndSwap) {
    SwapResult result = one_->compare_and_swap("key", "", "first", soon()).value();
    EXPECT_TRUE(result.swapped);
    EXPECT_EQ(result.previous, "");
    result = two_->compare_and_swap("key", "", "second", soon()).value();
    EXPECT_FALSE(result.swapped);
    EXPECT_EQ(result.previous, "first");
    result = two_->compare_and_swap("key", "first", "second", soon()).value();
    EXPECT_TRUE(result.swapped);
    EXPECT_EQ(result.previous, "first");
    EXPECT_EQ(one_->get("key", soon()).value(), "second");
    result = one_->compare_and_swap("missing", "something", "other", soon()).value();
    EXPECT_FALSE(result.swapped);
    EXPECT_EQ(one_->find("missing", soon()).value(), std::nullopt);
}

TEST_F(KeyValue, RemoveAndPrefixes) {
    for (const char* key : {"a/1", "a/2", "b/1", "a"}) {
        MF_EXPECT_OK(one_->set(key, std::string("value of ") + key, soon()));
    }
    EXPECT_EQ(two_->list("a/", soon()).value(), (Entries{{"a/1", "value of a/1"}, {"a/2", "value of a/2"}}));
    EXPECT_EQ(two_->remove_prefix("a/", soon()).value(), 2U);
    EXPECT_EQ(two_->list("", soon()).value(), (Entries{{"a", "value of a"}, {"b/1", "value of b/1"}}));
    MF_EXPECT_OK(one_->remove("a", soon()));
    MF_EXPECT_FAILURE(one_->remove("a", soon()), Code::kStoreNotExist, "'a'");
}

TEST_F(KeyValue, KeysHaveALength) {
    MF_EXPECT_FAILURE(one_->set("", "value", soon()), Code::kStoreInvalidKey, "0 bytes");
    MF_EXPECT_OK(one_->set(std::string(kMaxKeyLength, 'k'), "value", soon()));
    MF_EXPECT_FAILURE(one_->set(std::string(kMaxKeyLength + 1, 'k'), "value", soon()), Code::kStoreInvalidKey,
                      "1025", "1024");
}

TEST_F(KeyValue, WatchHearsOfEveryChangeInOrder) {
    Heard<Change> heard;
    MF_EXPECT_OK(one_->set("key", "before", soon()));
    const uint64_t watch = one_->watch(
                                   "key",
                                   [heard](std::string_view key, const auto& value) {
                                       heard.add({std::string(key), value});
                                   },
                                   soon())
                               .value();
    MF_EXPECT_OK(two_->set("key", "1", soon()));
    MF_EXPECT_OK(two_->append("key", "2", soon()));
    MF_EXPECT_OK(two_->remove("key", soon()));
    EXPECT_EQ(heard.wait_for(4),
              (std::vector<Change>{{"key", "before"}, {"key", "1"}, {"key", "12"}, {"key", std::nullopt}}));
    MF_EXPECT_OK(one_->unwatch(watch, soon()));
    MF_EXPECT_OK(two_->set("key", "unheard", soon()));
    MF_EXPECT_FAILURE(one_->unwatch(watch, soon()), Code::kObjectNotExists);
    EXPECT_EQ(heard.wait_for(4).size(), 4U);
}

TEST_F(KeyValue, ManyEventsArriveAtAnIdleClient) {
    constexpr size_t kCount = 1000;
    Heard<std::string> heard;
    MF_EXPECT_OK(one_->watch(
        "key", [heard](std::string_view, const auto& value) { heard.add(value.value_or("removed")); },
        soon()));
    for (size_t i = 0; i < kCount; ++i) {
        MF_EXPECT_OK(two_->set("key", std::to_string(i), soon()));
    }
    const std::vector<std::string> values = heard.wait_for(kCount);
    ASSERT_EQ(values.size(), kCount);
    for (size_t i = 0; i < kCount; ++i) {
        EXPECT_EQ(values[i], std::to_string(i));
    }
}

TEST_F(KeyValue, LargeEventsDoNotPileUpAtTheServer) {
    Options options;
    MF_EXPECT_OK(options.set(OptionId::kStoreMaxMessage, "1M"));  // at most 4 MiB of events may wait
    const auto server = start_server(options);
    const auto watcher = connect(server->endpoint());
    const auto writer = connect(server->endpoint());
    Heard<size_t> heard;
    MF_EXPECT_OK(watcher->watch(
        "key", [heard](std::string_view, const auto& value) { heard.add(value.value_or("").size()); },
        soon()));
    constexpr size_t kSize = 500000;
    for (size_t i = 1; i <= 30; ++i) {
        MF_EXPECT_OK(writer->set("key", std::string(kSize, 'x'), soon()));
        ASSERT_EQ(heard.wait_for(i).size(), i);
    }
    EXPECT_EQ(heard.wait_for(30).back(), kSize);
    EXPECT_TRUE(watcher->is_usable());
}

TEST_F(KeyValue, AHandlerMayCallTheClient) {
    Heard<std::string> heard;
    MF_EXPECT_OK(one_->watch(
        "question",
        [this, heard](std::string_view, const auto&) { heard.add(one_->get("answer", soon()).value()); },
        soon()));
    MF_EXPECT_OK(two_->set("answer", "42", soon()));
    MF_EXPECT_OK(two_->set("question", "?", soon()));
    EXPECT_EQ(heard.wait_for(1), (std::vector<std::string>{"42"}));
}

TEST(KeyValueLimits, ValuesAndMemory) {
    Options options;
    MF_EXPECT_OK(options.set(OptionId::kStoreMaxMessage, "64K"));
    MF_EXPECT_OK(options.set(OptionId::kStoreMaxMemory, "1M"));
    const auto server = start_server(options);
    const auto client = connect(server->endpoint());
    MF_EXPECT_FAILURE(client->set("key", std::string(70000, 'x'), soon()), Code::kInvalidParam, "65536",
                      "MF_STORE_MAX_MESSAGE");
    const std::string value(60000, 'x');
    MF_EXPECT_OK(client->set("grows", value, soon()));
    MF_EXPECT_FAILURE(client->append("grows", value, soon()), Code::kInvalidParam, "MF_STORE_MAX_MESSAGE");
    Status status;
    int count = 0;
    for (; status.is_ok() && count < 100; ++count) {
        status = client->set("key/" + std::to_string(count), value, soon());
    }
    MF_EXPECT_FAILURE(status, Code::kMallocFailed, "MF_STORE_MAX_MEMORY", "1048576");
    EXPECT_EQ(count, 17);  // 16 more fit beside the first
    EXPECT_EQ(client->remove_prefix("key/", soon()).value(), 16U);
    MF_EXPECT_OK(client->set("key", value, soon()));
    MF_EXPECT_OK(client->list("key", soon()));
    MF_EXPECT_FAILURE(client->list("", soon()), Code::kInvalidParam, "longer prefix");
}

}  // namespace
}  // namespace memfabric::store::test
