// SPDX-License-Identifier: Apache-2.0
#include "transport/mapped/hand_over.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <future>
#include <thread>

#include "base/incarnation.h"
#include "transport/mapped/mapped_transport.h"

namespace memfabric::transport {
namespace {

using std::chrono::milliseconds;

constexpr pid_t kNobody = (1 << 22) + 1;  // Linux gives no such pid

class HandOverTest : public ::testing::Test {
 protected:
    HandOverTest() : path_(fmt::format("{}/mf-test-{:016x}", ::testing::TempDir(), random_u64())) {
        EXPECT_TRUE(options_.set(OptionId::kRuntimeDir, path_).is_ok());
    }
    ~HandOverTest() override { std::filesystem::remove_all(path_); }

    size_t files() const {
        size_t count = 0;
        for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(path_)) {
            ++count;
        }
        return count;
    }

    std::string path_;
    Options options_;
};

ino_t inode(int descriptor) {
    struct stat facts {};
    EXPECT_EQ(::fstat(descriptor, &facts), 0);
    return facts.st_ino;
}

TEST_F(HandOverTest, HandsOnTheSameSegment) {
    auto owner = MappedTransport::start(options_, "h");
    ASSERT_TRUE(owner.is_ok()) << owner.status().message();
    const Fd segment(::memfd_create("segment", MFD_CLOEXEC));
    (*owner)->offer("bm/1", segment.get(), "token");
    const auto fetched = (*owner)->fetch({(*owner)->address()}, "bm/1", "token", Deadline::after_seconds(5));
    ASSERT_TRUE(fetched.is_ok()) << fetched.status().message();
    EXPECT_NE(fetched->get(), segment.get());
    EXPECT_EQ(inode(fetched->get()), inode(segment.get()));
}

TEST_F(HandOverTest, RefusesAWrongTokenAndUnknownObjects) {
    auto owner = MappedTransport::start(options_, "h");
    ASSERT_TRUE(owner.is_ok());
    const Fd segment(::memfd_create("segment", MFD_CLOEXEC));
    (*owner)->offer("bm/1", segment.get(), "token");
    const auto wrong = (*owner)->fetch({(*owner)->address()}, "bm/1", "tokem", Deadline::after_seconds(5));
    EXPECT_EQ(wrong.status().code(), Code::kRefused);
    EXPECT_NE(wrong.status().message().find("token"), std::string::npos);
    EXPECT_EQ(wrong.status().message().find("tokem"), std::string::npos) << "no secret in a text";
    const auto unknown = (*owner)->fetch({(*owner)->address()}, "bm/2", "token", Deadline::after_seconds(5));
    EXPECT_EQ(unknown.status().code(), Code::kPeerLost);
    (*owner)->withdraw("bm/1");
    EXPECT_FALSE((*owner)->fetch({(*owner)->address()}, "bm/1", "token", Deadline::after_seconds(5)).is_ok());
}

TEST_F(HandOverTest, AsksTheNextHolderWhereOneIsGone) {
    auto owner = MappedTransport::start(options_, "h");
    ASSERT_TRUE(owner.is_ok());
    const Fd segment(::memfd_create("segment", MFD_CLOEXEC));
    (*owner)->offer("bm/1", segment.get(), "token");
    EXPECT_TRUE(
        (*owner)->fetch({"gone", (*owner)->address()}, "bm/1", "token", Deadline::after_seconds(5)).is_ok());
    const auto none = (*owner)->fetch({"gone"}, "bm/1", "token", Deadline::after_seconds(5));
    EXPECT_NE(none.status().message().find("gone"), std::string::npos);
}

TEST_F(HandOverTest, AnAskerThatSaysNothingDoesNotStopTheOthers) {
    auto owner = MappedTransport::start(options_, "h");
    ASSERT_TRUE(owner.is_ok());
    const Fd segment(::memfd_create("segment", MFD_CLOEXEC));
    (*owner)->offer("bm/1", segment.get(), "token");
    const auto folder = RuntimeFolder::open(options_);
    const auto silent = folder->connect((*owner)->address());
    ASSERT_TRUE(silent.is_ok());
    EXPECT_TRUE((*owner)->fetch({(*owner)->address()}, "bm/1", "token", Deadline::after_seconds(10)).is_ok());
}

/// As a process does to an asker that was stopped between connecting and asking.
TEST_F(HandOverTest, AnAskerThatIsDroppedUnheardAsksAnew) {
    auto folder = RuntimeFolder::open(options_);
    ASSERT_TRUE(folder.is_ok());
    auto listener = folder->listen("owner");
    ASSERT_TRUE(listener.is_ok());
    const Fd segment(::memfd_create("segment", MFD_CLOEXEC));
    std::future<Result<Fd>> asked = std::async(std::launch::async, [&] {
        return fetch_segment(*folder, "owner", "bm/1", "token", Deadline::after_seconds(30));
    });
    for (int dropped = 0; dropped < 20; ++dropped) {
        pollfd asker{listener->get(), POLLIN, 0};
        ASSERT_EQ(::poll(&asker, 1, 10000), 1)
            << "it gave up, having been dropped " << dropped << " times: " << asked.get().status().message();
        EXPECT_TRUE(Fd(::accept(listener->get(), nullptr, nullptr)).is_open());
    }
    const HandOverServer owner(
        "owner", std::make_unique<ExitFile>(folder->socket_path("owner")), *std::move(listener),
        Fd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
        [&](const std::string&, const HandOverServer::Use& use) { use(segment.get(), "token"); });
    const Result<Fd> received = asked.get();
    ASSERT_TRUE(received.is_ok()) << received.status().message();
    EXPECT_EQ(inode(received->get()), inode(segment.get()));
}

TEST_F(HandOverTest, AnAskerThatIsNeverHeardEndsByItsDeadline) {
    const auto folder = RuntimeFolder::open(options_);
    ASSERT_TRUE(folder.is_ok());
    const auto listener = folder->listen("owner");
    ASSERT_TRUE(listener.is_ok());
    const std::jthread dropper([&](const std::stop_token& stop) {
        while (!stop.stop_requested()) {
            pollfd asker{listener->get(), POLLIN, 0};
            ::poll(&asker, 1, 10);
            static_cast<void>(Fd(::accept(listener->get(), nullptr, nullptr)));
        }
    });
    const auto begun = std::chrono::steady_clock::now();
    const auto asked = fetch_segment(*folder, "owner", "bm/1", "token", Deadline::after(milliseconds(300)));
    EXPECT_EQ(asked.status().code(), Code::kTimeout) << asked.status().message();
    EXPECT_NE(asked.status().message().find("'owner'"), std::string::npos);
    EXPECT_GE(std::chrono::steady_clock::now() - begun, milliseconds(300));
}

TEST_F(HandOverTest, LeavesNothingBehindAndSweepsWhatTheKilledLeft) {
    {
        auto owner = MappedTransport::start(options_, "h");
        ASSERT_TRUE(owner.is_ok());
        EXPECT_EQ(files(), 1U);
        // A socket that nobody listens on any more, as a killed process leaves it.
        { const auto dead = RuntimeFolder::open(options_)->listen("dead"); }
        EXPECT_EQ(files(), 2U);
        auto next = MappedTransport::start(options_, "h");
        ASSERT_TRUE(next.is_ok());
        EXPECT_EQ(files(), 2U) << "the dead one went, the living one stays";
    }
    EXPECT_EQ(files(), 0U);
}

TEST_F(HandOverTest, ASweepAsksNoSocketOfALivingProcess) {
    const auto folder = RuntimeFolder::open(options_);
    ASSERT_TRUE(folder.is_ok());
    const auto own = folder->listen(fmt::format("{}-0123", ::getpid()));
    ASSERT_TRUE(own.is_ok());
    { const auto dead = folder->listen(fmt::format("{}-0123", kNobody)); }
    folder->sweep();
    EXPECT_EQ(files(), 1U);
    pollfd asked{own->get(), POLLIN, 0};
    EXPECT_EQ(::poll(&asked, 1, 0), 0) << "somebody connected";
}

TEST_F(HandOverTest, ASweepTakesWhatAProcessLeftThatWasKilledBeforeItListened) {
    const auto folder = RuntimeFolder::open(options_);
    ASSERT_TRUE(folder.is_ok());
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::snprintf(address.sun_path, sizeof address.sun_path, "%s/%d-0123.new", path_.c_str(), kNobody);
    const Fd socket(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
    ASSERT_EQ(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    ASSERT_EQ(files(), 1U);
    folder->sweep();
    EXPECT_EQ(files(), 0U);
}

/// As where containers share the folder, and none knows the others' process ids.
TEST_F(HandOverTest, ASocketIsPutUpAlsoWhereOthersSweepAllTheTime) {
    const auto folder = RuntimeFolder::open(options_);
    ASSERT_TRUE(folder.is_ok());
    const std::jthread sweeper([&](const std::stop_token& stop) {
        while (!stop.stop_requested()) {
            folder->sweep();
        }
    });
    for (int i = 0; i < 500; ++i) {
        const auto socket = folder->listen(fmt::format("{}-{}", kNobody, i));
        ASSERT_TRUE(socket.is_ok()) << i << ": " << socket.status().message();
        EXPECT_TRUE(folder->connect(fmt::format("{}-{}", kNobody, i)).is_ok());
    }
}

TEST_F(HandOverTest, ALongPathWorks) {
    ASSERT_TRUE(options_.set(OptionId::kRuntimeDir, path_ + "/" + std::string(200, 'x')).is_ok());
    auto owner = MappedTransport::start(options_, "h");
    ASSERT_TRUE(owner.is_ok()) << owner.status().message();
    const Fd segment(::memfd_create("segment", MFD_CLOEXEC));
    (*owner)->offer("bm/1", segment.get(), "token");
    EXPECT_TRUE((*owner)->fetch({(*owner)->address()}, "bm/1", "token", Deadline::after_seconds(5)).is_ok());
}

TEST_F(HandOverTest, ANameThatLeadsOutOfTheFolderIsRefused) {
    const auto folder = RuntimeFolder::open(options_);
    ASSERT_TRUE(folder.is_ok());
    const std::string inner = path_ + "/inner";
    Options options;
    ASSERT_TRUE(options.set(OptionId::kRuntimeDir, inner).is_ok());
    const auto inner_folder = RuntimeFolder::open(options);
    ASSERT_TRUE(inner_folder.is_ok());
    const auto listener = folder->listen("socket");
    ASSERT_TRUE(listener.is_ok());
    const auto refused = inner_folder->connect("../socket");
    EXPECT_EQ(refused.status().code(), Code::kRefused);
    EXPECT_NE(refused.status().message().find("../socket"), std::string::npos);
}

TEST_F(HandOverTest, AFolderThatOthersMayWriteToIsRefused) {
    ASSERT_TRUE(std::filesystem::create_directory(path_));
    ASSERT_EQ(::chmod(path_.c_str(), 0777), 0);
    const auto folder = RuntimeFolder::open(options_);
    EXPECT_EQ(folder.status().code(), Code::kRefused);
    EXPECT_NE(folder.status().message().find("MF_RUNTIME_DIR"), std::string::npos);
}

TEST(MappedTransport, ReachesPeersOfItsHostOnly) {
    Options options;
    const std::string path = fmt::format("{}/mf-test-{:016x}", ::testing::TempDir(), random_u64());
    ASSERT_TRUE(options.set(OptionId::kRuntimeDir, path).is_ok());
    {
        const auto transport = MappedTransport::start(options, "here");
        ASSERT_TRUE(transport.is_ok());
        EXPECT_EQ((*transport)->reach({1, "here"}), Reach::kDirect);
        EXPECT_EQ((*transport)->reach({1, "there"}), Reach::kNone);
    }
    std::filesystem::remove_all(path);
}

}  // namespace
}  // namespace memfabric::transport
