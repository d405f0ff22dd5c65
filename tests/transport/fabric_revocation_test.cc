// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "tests/transport/fabric_innocent.h"
#include "tests/transport/fabric_pair.h"
#include "tests/transport/fabric_place.h"
#include "transport/fabric/fabric_transport.h"

namespace memfabric::transport {
namespace {

using namespace std::chrono_literals;
using test::Bytes;
using test::connect_to;
using test::FabricPlace;
using test::Innocent;
using test::kPatience;
using test::pattern;
using test::start_here;
using test::wait_until;

constexpr size_t kSize = size_t{64} << 20;
constexpr char kWhere[] = "MF_TEST_FABRIC_INITIATOR";
constexpr std::byte kSent{0x11};
constexpr std::byte kKept{0x55};

/// A process of its own (this program, started anew) that puts kSent over the whole region again and again
/// until that fails.
class Initiator {
 public:
    Initiator(const RemoteRegion& region, const FabricAddress& address) {
        int report[2];
        EXPECT_EQ(::pipe(report), 0);
        const std::string where = std::string(kWhere) + "=" + FabricPlace{region, address}.text();
        pid_ = ::fork();
        if (pid_ == 0) {
            ::dup2(report[1], STDOUT_FILENO);
            ::putenv(const_cast<char*>(where.c_str()));  // NOLINT(concurrency-mt-unsafe): the child is alone
            ::execl("/proc/self/exe", "initiator", "--gtest_also_run_disabled_tests", "--gtest_brief=1",
                    "--gtest_filter=FabricInitiatorProcess.*", nullptr);
            ::_exit(127);
        }
        ::close(report[1]);
        report_ = report[0];
    }
    ~Initiator() {
        if (pid_ > 0) {
            ::kill(pid_, SIGKILL);
            ::waitpid(pid_, nullptr, 0);
        }
        ::close(report_);
    }
    Initiator(const Initiator&) = delete;
    Initiator& operator=(const Initiator&) = delete;

    /// Returns when the process really stands still.
    void stop() const {
        ::kill(pid_, SIGSTOP);
        int status = 0;
        EXPECT_EQ(::waitpid(pid_, &status, WUNTRACED), pid_);
        EXPECT_TRUE(WIFSTOPPED(status));
    }
    void go_on() const { ::kill(pid_, SIGCONT); }
    /// What it said of the put that failed, and where it did not end in good order, how it did.
    std::string last_words() {
        std::string text;
        char byte = 0;
        while (::read(report_, &byte, 1) == 1) {
            text.push_back(byte);
        }
        int status = 0;
        ::waitpid(std::exchange(pid_, 0), &status, 0);
        if (WIFSIGNALED(status)) {
            text += " (ended by signal " + std::to_string(WTERMSIG(status)) + ")";
        }
        return text;
    }

 private:
    pid_t pid_ = 0;
    int report_ = -1;
};

/// The engine writes there meanwhile, which is what is looked for.
[[gnu::no_sanitize("thread")]] std::byte peek(const Bytes& memory, size_t place) {
    return *const_cast<const volatile std::byte*>(memory.data() + place);
}

[[gnu::no_sanitize("thread")]] void poke(Bytes& memory, std::byte value) {
    for (std::byte& byte : memory) {
        *const_cast<volatile std::byte*>(&byte) = value;
    }
}

TEST(FabricRevocation, APutThatStandsStillInItsMiddleWritesNothingAnyMore) {
    const auto far = start_here();
    Bytes memory(kSize);
    std::optional<ExposedRegion> exposed(std::move(far->expose(memory)).value());
    Innocent innocent(*far);
    Initiator initiator(exposed->region(), far->address());
    // Stopped while its put is under way: the beginning has arrived and the end has not.
    bool caught = false;
    for (int attempt = 0; attempt < 50 && !caught; ++attempt) {
        poke(memory, std::byte{0});
        ASSERT_TRUE(wait_until([&] { return peek(memory, 0) == kSent; }, kPatience));
        initiator.stop();
        caught = peek(memory, kSize - 1) != kSent;
        if (!caught) {
            initiator.go_on();
        }
    }
    ASSERT_TRUE(caught);

    exposed.reset();
    poke(memory, kKept);
    const uint64_t rounds = innocent.rounds();
    initiator.go_on();
    const std::string words = initiator.last_words();
    EXPECT_NE(words.find("the key is stale"), std::string::npos) << words;
    ASSERT_TRUE(wait_until([&] { return innocent.rounds() > rounds + 5; }, kPatience));
    size_t changed = 0;
    for (size_t i = 0; i < kSize; ++i) {
        changed += peek(memory, i) == kKept ? 0 : 1;
    }
    EXPECT_EQ(changed, 0U);
}

TEST(FabricRevocation, WhatIsRetiredIsRefusedAndBreaksNoConnection) {
    const auto far = start_here();
    const auto near = start_here();
    const auto peer = connect_to(*near, far->address());
    Bytes memory(4096);
    Bytes other(4096);
    Bytes sent = pattern(4096);
    auto kept = far->expose(other);
    ASSERT_TRUE(kept.is_ok());
    const FabricPiece good{sent.data(), kept->region(), 0, sent.size()};
    ASSERT_TRUE(near->put(*peer, {&good, 1}, Deadline::after(20s)).is_ok());
    RemoteRegion stale;
    {
        auto exposed = far->expose(memory);
        ASSERT_TRUE(exposed.is_ok());
        stale = exposed->region();
        exposed->retire();
    }
    EXPECT_TRUE(near->put(*peer, {&good, 1}, Deadline::after(20s)).is_ok());
    EXPECT_EQ(near->counters().retried_operations, 0U);
    const FabricPiece bad{sent.data(), stale, 0, sent.size()};
    EXPECT_EQ(near->put(*peer, {&bad, 1}, Deadline::after(20s)).code(), Code::kRefused);
    EXPECT_EQ(memory, Bytes(4096));
}

TEST(FabricInitiatorProcess, DISABLED_Put) {
    const char* where = std::getenv(kWhere);  // NOLINT(concurrency-mt-unsafe): nobody changes it
    if (where == nullptr) {
        GTEST_SKIP() << "started by FabricRevocation alone";
    }
    const FabricPlace place = FabricPlace::read(where);
    const auto transport = start_here();
    const auto peer = connect_to(*transport, place.address);
    Bytes sent(place.region.size, kSent);
    const FabricPiece piece{sent.data(), place.region, 0, sent.size()};
    Status done;
    while (done.is_ok()) {
        done = transport->put(*peer, {&piece, 1}, Deadline::after(60s));
    }
    std::fputs(done.message().c_str(), stdout);
    std::fflush(stdout);
}

}  // namespace
}  // namespace memfabric::transport
