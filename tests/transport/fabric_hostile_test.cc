// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <array>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "base/fd.h"
#include "base/room.h"
#include "tests/base/file_limit.h"
#include "tests/transport/fabric_innocent.h"
#include "tests/transport/fabric_pair.h"
#include "tests/transport/fabric_place.h"
#include "tests/transport/forked_child.h"
#include "transport/fabric/message_format.h"

namespace memfabric::transport {
namespace {

using namespace std::chrono_literals;
using test::Bytes;
using test::kPatience;
using test::start_here;
using test::to_hex;
using test::wait_until;

constexpr size_t kSize = 1 << 16;

/// What a program that does not behave said; `more` are words for it.
std::string hostile(const std::string& what, const std::string& address, uint64_t key, uint64_t offset,
                    size_t size, const std::string& more = "") {
    const auto program =
        std::filesystem::read_symlink("/proc/self/exe").parent_path() / "memfabric_hostile_peer";
    const std::string command = program.string() + " '" + what + "' " + to_hex(address) + " " +
                                std::to_string(key) + " " + std::to_string(offset) + " " +
                                std::to_string(size) + " " + more;
    FILE* output = ::popen(command.c_str(), "re");
    EXPECT_NE(output, nullptr);
    std::string text;
    for (int byte = std::fgetc(output); byte != EOF; byte = std::fgetc(output)) {
        text.push_back(static_cast<char>(byte));
    }
    EXPECT_EQ(::pclose(output), 0) << text;
    return text;
}

/// A process that exposes the middle of its memory, another one that uses it as it should, and programs that
/// do not.
class HostilePeer : public ::testing::Test {
 protected:
    std::string engine() const { return far_->address().ports.front().endpoints.front(); }
    /// The innocent one went on, and nothing but its own memory has changed.
    void expect_no_harm() {
        const uint64_t rounds = innocent_.rounds();
        ASSERT_TRUE(wait_until([&] { return innocent_.rounds() > rounds + 5; }, kPatience));
        EXPECT_EQ(memory_, Bytes(3 * kSize, std::byte{7}));
    }

    std::unique_ptr<FabricTransport> far_ = start_here();
    Bytes memory_ = Bytes(3 * kSize, std::byte{7});
    ExposedRegion exposed_{std::move(far_->expose(std::span(memory_).subspan(kSize, kSize))).value()};
    test::Innocent innocent_{*far_};
};

TEST_F(HostilePeer, WrongKeysAreRefused) {
    const uint64_t key = exposed_.region().key;
    for (const uint64_t wrong : {key + 1, key ^ (uint64_t{1} << 63), uint64_t{0}, ~uint64_t{0}}) {
        EXPECT_EQ(hostile("put", engine(), wrong, 0, 64), "refused\n");
        EXPECT_EQ(hostile("get", engine(), wrong, 0, 64), "refused\n");
    }
    expect_no_harm();
}

TEST_F(HostilePeer, WhatLeavesTheRegionIsRefusedAsAWhole) {
    const uint64_t key = exposed_.region().key;
    struct Reach {
        uint64_t offset;
        size_t size;
    };
    for (const Reach& reach :
         {Reach{kSize - 4, 8}, Reach{0, kSize + 1}, Reach{kSize, 1}, Reach{~uint64_t{0} - 3, 8},
          Reach{uint64_t{1} << 40, 4096}, Reach{kSize - 100, 1 << 20}}) {
        EXPECT_EQ(hostile("put", engine(), key, reach.offset, reach.size), "refused\n") << reach.offset;
        EXPECT_EQ(hostile("get", engine(), key, reach.offset, reach.size), "refused\n") << reach.offset;
    }
    expect_no_harm();
}

TEST_F(HostilePeer, WhatIsNoMessageIsDropped) {
    const std::string where = far_->address().ports.front().messages;
    for (const size_t size :
         {size_t{0}, size_t{1}, size_t{48}, size_t{4096}, kLargestMessage + 1, size_t{1} << 20}) {
        const std::string said = hostile("message", where, 0, 0, size);
        EXPECT_TRUE(said == "done\n" || said == "refused\n") << size << ": " << said;
    }
    expect_no_harm();
}

/// The processor time that this process has used.
std::chrono::microseconds time_used() {
    rusage used{};
    ::getrusage(RUSAGE_SELF, &used);
    const auto of = [](const timeval& time) {
        return std::chrono::seconds(time.tv_sec) + std::chrono::microseconds(time.tv_usec);
    };
    return of(used.ru_utime) + of(used.ru_stime);
}

size_t resident_pages() {
    std::ifstream file("/proc/self/statm");
    size_t virtual_ones = 0;
    size_t resident = 0;
    file >> virtual_ones >> resident;
    return resident;
}

struct Flood {
    const char* what;
    bool at_data;
};

/// Messages without end by somebody who took the address for another one's.
class FloodedProcess : public ::testing::TestWithParam<Flood> {};

TEST_P(FloodedProcess, NeitherKeepsThemNorGoesOnWorkingAfterwards) {
    const auto far = start_here();
    const FabricPort& port = far->address().ports.front();
    const std::string& where = GetParam().at_data ? port.endpoints.front() : port.messages;
    hostile(GetParam().what, where, 0, 0, 1000, "1");  // what is needed once
    [[maybe_unused]] const size_t before = resident_pages();
    const std::string said = hostile(GetParam().what, where, 0, 0, 1000, "4");
#if !defined(__SANITIZE_ADDRESS__)  // which keeps what is freed for a while
    EXPECT_LT(resident_pages(), before + (16U << 20) / 4096) << said;
#endif
    std::this_thread::sleep_for(500ms);
    const auto used = time_used();
    std::this_thread::sleep_for(1s);
    EXPECT_LT(time_used() - used, 100ms) << said;
    const test::Innocent innocent(*far);
    EXPECT_TRUE(wait_until([&] { return innocent.rounds() > 5; }, kPatience));
}

INSTANTIATE_TEST_SUITE_P(All, FloodedProcess,
                         ::testing::Values(Flood{"message", true}, Flood{"message", false},
                                           Flood{"tag", true}, Flood{"tag", false}),
                         [](const auto& flood) {
                             return std::string(flood.param.what) +
                                    (flood.param.at_data ? "AtData" : "AtMessages");
                         });

TEST_F(HostilePeer, WhoTalksAtTheDoorIsShownOut) {
    sockaddr_storage door{};
    std::memcpy(&door, far_->address().ports.front().door.data(), far_->address().ports.front().door.size());
    const Fd visitor(::socket(door.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
    ASSERT_EQ(::connect(visitor.get(), reinterpret_cast<const sockaddr*>(&door), sizeof(sockaddr_in)), 0);
    const std::string noise(1000, 'x');
    ASSERT_EQ(::send(visitor.get(), noise.data(), noise.size(), MSG_NOSIGNAL), 1000);
    std::array<char, 64> said{};
    ssize_t total = 0;
    for (ssize_t count = 1; count > 0; total += count > 0 ? count : 0) {
        count = ::recv(visitor.get(), said.data(), said.size(), 0);
    }
    EXPECT_LE(total, 8) << "nothing but the number of the process's life";
    expect_no_harm();
}

/// Connects to each of these ports, so many times each, from a process of its own, and says nothing.
class SilentCrowd {
 public:
    SilentCrowd(const std::vector<std::string>& addresses, int of_each)
        : child_([&] {
              rlimit files{};
              ::getrlimit(RLIMIT_NOFILE, &files);
              files.rlim_cur = files.rlim_max;
              ::setrlimit(RLIMIT_NOFILE, &files);
              for (int i = 0; i < of_each; ++i) {
                  for (const std::string& address : addresses) {
                      const int caller = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
                      static_cast<void>(::connect(caller, reinterpret_cast<const sockaddr*>(address.data()),
                                                  sizeof(sockaddr_in)));
                  }
              }
          }) {}

 private:
    test::ForkedChild child_;
};

/// For a while: ended ones are followed by those that waited to be let in.
bool has_room() {
    for (int i = 0; i < 15; ++i) {
        if (!check_room(10, 0).is_ok()) {
            return false;
        }
        std::this_thread::sleep_for(100ms);
    }
    return true;
}

TEST_F(HostilePeer, WhoConnectsOftenAndSaysNothingTakesNoDescriptorForLong) {
#if defined(__SANITIZE_THREAD__)
    GTEST_SKIP() << "all descriptors are looked at by copies, which ThreadSanitizer takes for a race, and "
                    "without descriptors it finds no names that a suppression could have";
#elif defined(MEMFABRIC_SANITIZES_UNDEFINED)
    GTEST_SKIP()
        << "without a descriptor UndefinedBehaviorSanitizer takes every object for one of a wrong type";
#endif
    constexpr int kOfEach = 400;
    constexpr size_t kSpare = 100;
    const FabricPort& port = far_->address().ports.front();
    for (const auto& ports : {std::vector{port.door}, {port.messages}, {engine()}}) {
        const Fd next(::eventfd(0, EFD_CLOEXEC));
        const memfabric::test::FileLimit limit(static_cast<rlim_t>(next.get()) + kSpare);
        const SilentCrowd crowd(ports, kOfEach);
        EXPECT_TRUE(wait_until(has_room, kPatience));
        expect_no_harm();
    }
}

}  // namespace
}  // namespace memfabric::transport
