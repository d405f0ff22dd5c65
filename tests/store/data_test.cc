// SPDX-License-Identifier: Apache-2.0
// A store with a folder: what is in it outlives the store, whatever happens to the disk.
#include <sys/resource.h>

#include <csignal>
#include <fstream>
#include <sstream>

#include "store/key_journal.h"
#include "tests/store/restart_fixture.h"

namespace memfabric::store::test {
namespace {

class Data : public ::testing::Test {
 protected:
    const std::string& file() const { return file_; }
    void restart() {
        store_.restart();
        client_ = store_.client();
    }
    Folder folder_;
    const std::string file_ = (folder_.path() / "keys").string();
    MortalStore store_{MortalStore::settling("50ms"), folder_.path().string()};
    std::shared_ptr<Client> client_ = store_.client();
};

TEST_F(Data, KeysThatNobodyOwnsLiveOn) {
    MF_EXPECT_OK(client_->set("set", "old", soon()));
    MF_EXPECT_OK(client_->set("set", std::string("new\0bytes", 9), soon()));
    MF_EXPECT_OK(client_->add("counter", 40, soon()));
    MF_EXPECT_OK(client_->append("text", "ab", soon()));
    MF_EXPECT_OK(client_->append("text", "cd", soon()));
    EXPECT_TRUE(client_->compare_and_swap("swapped", "", "value", soon()).value().swapped);
    MF_EXPECT_OK(client_->set("removed", "value", soon()));
    MF_EXPECT_OK(client_->remove("removed", soon()));
    MF_EXPECT_OK(client_->set("prefix/1", "value", soon()));
    EXPECT_EQ(client_->remove_prefix("prefix/", soon()).value(), 1U);
    for (int i = 0; i < 2; ++i) {
        restart();
        EXPECT_EQ(client_->list("", soon()).value().size(), 4U);
        EXPECT_EQ(client_->get("set", soon()).value(), std::string("new\0bytes", 9));
        EXPECT_EQ(client_->add("counter", 1, soon()).value(), 41 + i);
        EXPECT_EQ(client_->get("text", soon()).value(), "abcd");
        EXPECT_EQ(client_->get("swapped", soon()).value(), "value");
    }
}

TEST_F(Data, OwnedKeysAreTheirOwnersAlone) {
    MF_EXPECT_OK(client_->set("was plain", "value", soon()));
    MF_EXPECT_OK(client_->set_owned("was plain", "mine", soon()));
    MF_EXPECT_OK(client_->set_owned("mine", "value", soon()));
    store_.restart();
    EXPECT_EQ(client_->get("mine", soon()).value(), "value");
    EXPECT_EQ(client_->get("was plain", soon()).value(), "mine");
    store_.kill();
    client_.reset();
    store_.start();
    store_.open_doors();
    EXPECT_TRUE(connect(store_.endpoint())->list("", soon()).value().empty());
}

TEST_F(Data, AStoreThatEndsInGoodOrderOnlyPauses) {
    MF_EXPECT_OK(client_->set_owned("mine", "value", soon()));
    const uint64_t instance = client_->store_instance();
    store_.stop();
    EXPECT_TRUE(client_->is_usable());
    auto waiting = in_background([&] { return client_->get("mine", soon()); });
    store_.start();
    EXPECT_EQ(waiting.get().value(), "value");
    EXPECT_EQ(client_->store_instance(), instance);
    EXPECT_EQ(connect(store_.endpoint())->store_instance(), instance);
}

TEST_F(Data, ARecordThatWasCutShortIsDropped) {
    MF_EXPECT_OK(client_->set("first", "value", soon()));
    const auto before = std::filesystem::file_size(file());
    MF_EXPECT_OK(client_->set("second", "value", soon()));
    const auto whole = std::filesystem::file_size(file());
    store_.kill();
    for (auto size = whole - 1; size > before; --size) {
        std::filesystem::resize_file(file(), size);
        store_.start();
        store_.kill();
        EXPECT_EQ(std::filesystem::file_size(file()), before);
        std::filesystem::resize_file(file(), size);  // zeros behind, as some file systems leave them
    }
    std::filesystem::resize_file(file(), before);
    store_.start();
    const auto other = connect(store_.endpoint());
    EXPECT_EQ(other->get("first", soon()).value(), "value");
    EXPECT_EQ(other->find("second", soon()).value(), std::nullopt);
}

TEST_F(Data, ADamagedFileIsRefused) {
    MF_EXPECT_OK(client_->set("first", "value", soon()));
    const auto place = std::filesystem::file_size(file()) - 1;
    MF_EXPECT_OK(client_->set("second", "value", soon()));
    store_.stop();
    std::fstream damaged(file(), std::ios::in | std::ios::out | std::ios::binary);
    damaged.seekp(static_cast<std::streamoff>(place));
    damaged.put('X');
    damaged.close();
    MF_EXPECT_FAILURE(store_.try_start(), Code::kError, "damaged at byte 16", file().c_str());
    std::ofstream(file()) << "something else";
    MF_EXPECT_FAILURE(store_.try_start(), Code::kError, "no file of a config store's keys", file().c_str());
}

TEST_F(Data, NoBitOfARecordChangesUnseen) {
    constexpr size_t kHead = 16;  // the magic and the identity, which nothing in the file proves
    std::vector<uint64_t> ends;
    for (const char* key : {"first", "second", "third"}) {
        MF_EXPECT_OK(client_->set(key, "value", soon()));
        ends.push_back(std::filesystem::file_size(file()));
    }
    store_.stop();
    std::ostringstream content;
    content << std::ifstream(file()).rdbuf();
    const std::string sound = content.str();
    for (size_t bit = kHead * 8; bit < sound.size() * 8; ++bit) {
        std::string damaged = sound;
        damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << bit % 8));
        std::ofstream(file(), std::ios::binary) << damaged;
        const auto opened = KeyJournal::open(folder_.path().string(), 1);
        if (bit / 8 < ends[1] || !opened.is_ok()) {
            MF_EXPECT_FAILURE(opened, Code::kError, "damaged at byte", file().c_str());
        } else {
            EXPECT_EQ((*opened)->take_values().size(), 2U) << "bit " << bit;  // as if it had been cut short
        }
    }
}

TEST_F(Data, TwoStoresCannotHaveOneFolder) {
    MortalStore other{MortalStore::settling("50ms")};
    other.stop();
    other.keep_data_in(folder_.path().string());
    MF_EXPECT_FAILURE(other.try_start(), Code::kResourceInUse, folder_.path().c_str(), "in use");
}

TEST_F(Data, AFullDiskIsAnErrorAndNothingIsLost) {
    MF_EXPECT_OK(client_->set("key", "before", soon()));
    // As the limit of a file's size does, a full disk lets a part of the record through.
    rlimit limit{};
    ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &limit), 0);
    const rlimit full{std::filesystem::file_size(file()) + 50, limit.rlim_max};
    const auto handler = std::signal(SIGXFSZ, SIG_IGN);
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &full), 0);
    const std::string large(10000, 'x');
    const Status set = client_->set("key", large, soon());
    const auto added = client_->append("key", large, soon());
    const auto size = std::filesystem::file_size(file());
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &limit), 0);
    std::signal(SIGXFSZ, handler);
    MF_EXPECT_FAILURE(set, Code::kError, "'key'", file().c_str(), "nothing was changed", "too large");
    MF_EXPECT_FAILURE(added, Code::kError, "nothing was changed");
    EXPECT_EQ(size + 50, full.rlim_cur);
    EXPECT_EQ(client_->get("key", soon()).value(), "before");
    MF_EXPECT_OK(client_->append("key", " and after", soon()));
    restart();
    EXPECT_EQ(client_->get("key", soon()).value(), "before and after");
}

TEST_F(Data, TheFileDoesNotGrowForGood) {
    const std::string large(100000, 'x');
    for (int i = 0; i < 40; ++i) {
        MF_EXPECT_OK(client_->set("key", large + std::to_string(i), soon()));
    }
    EXPECT_LT(std::filesystem::file_size(file()), 2000000U);
    restart();
    EXPECT_EQ(client_->get("key", soon()).value(), large + "39");
}

TEST(DataFolder, ThatCannotBeMadeIsAnError) {
    MortalStore store;
    store.stop();
    store.keep_data_in("/proc/no/such/folder");
    MF_EXPECT_FAILURE(store.try_start(), Code::kError, "/proc/no/such/folder");
}

}  // namespace
}  // namespace memfabric::store::test
