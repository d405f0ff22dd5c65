// SPDX-License-Identifier: Apache-2.0
#include "transport/cma/attached_process.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>

#include <algorithm>
#include <numeric>
#include <vector>

#include "tests/transport/forked_child.h"

namespace memfabric::transport {
namespace {

using test::ForkedChild;
using ::testing::HasSubstr;

constexpr size_t kPage = 4096;
constexpr uint64_t kNonce = 0x1234567890abcdef;
uint64_t nonce = kNonce;

uint64_t address_of(const void* pointer) {
    return reinterpret_cast<uint64_t>(pointer);
}

AttachedProcess attach(const ForkedChild& child) {
    return AttachedProcess::open(child.pid(), address_of(&nonce), kNonce).value();
}

size_t total(const std::vector<RemotePiece>& pieces) {
    return std::accumulate(pieces.begin(), pieces.end(), size_t{0},
                           [](size_t sum, const RemotePiece& piece) { return sum + piece.size; });
}

Status copy_all(const AttachedProcess& process, Flow flow, const std::vector<RemotePiece>& pieces) {
    return process.describe(flow, pieces, process.copy(flow, pieces, {}, total(pieces)));
}

/// Memory whose pages can be taken away one by one.
class Pages {
 public:
    explicit Pages(size_t count)
        : size_(count * kPage),
          data_(static_cast<std::byte*>(
              ::mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0))) {}
    ~Pages() { ::munmap(data_, size_); }
    Pages(const Pages&) = delete;
    Pages& operator=(const Pages&) = delete;

    std::byte* at(size_t offset) const { return data_ + offset; }
    void fill(int value) const { std::fill_n(data_, size_, static_cast<std::byte>(value)); }
    void allow(size_t page, int protection) const { ::mprotect(data_ + page * kPage, kPage, protection); }

 private:
    size_t size_;
    std::byte* data_;
};

TEST(AttachedProcess, KnowsTheProcessByItsNonce) {
    const ForkedChild child;
    EXPECT_TRUE(AttachedProcess::open(child.pid(), address_of(&nonce), kNonce).is_ok());
    const Status other = AttachedProcess::open(child.pid(), address_of(&nonce), kNonce + 1).status();
    EXPECT_EQ(other.code(), Code::kNotSupported);
    EXPECT_THAT(other.message(), HasSubstr("another one"));
    EXPECT_EQ(AttachedProcess::open(child.pid(), 8, kNonce).status().code(), Code::kNotSupported);
    EXPECT_THAT(AttachedProcess::open(0, 8, kNonce).status().message(), HasSubstr("pid namespace"));
}

TEST(AttachedProcess, SaysThatAProcessHasEnded) {
    ForkedChild child;
    const AttachedProcess process = attach(child);
    const pid_t pid = child.pid();
    child.end();
    EXPECT_EQ(AttachedProcess::open(pid, address_of(&nonce), kNonce).status().code(), Code::kPeerLost);
    uint64_t word = 0;
    const Status lost = copy_all(process, Flow::kWrite,
                                 {{address_of(&nonce), reinterpret_cast<std::byte*>(&word), sizeof word}});
    EXPECT_EQ(lost.code(), Code::kPeerLost);
    EXPECT_THAT(lost.message(), HasSubstr(std::to_string(pid)));
}

TEST(AttachedProcess, WritesAndReadsManyPieces) {
    // More than one system call takes, of odd sizes, with empty ones between them.
    constexpr size_t kPieces = 3000;
    const Pages theirs(kPieces);
    const Pages ours(kPieces);
    const Pages back(kPieces);
    theirs.fill(0);
    const ForkedChild child;
    const AttachedProcess process = attach(child);
    std::vector<RemotePiece> writes;
    std::vector<RemotePiece> reads;
    for (size_t i = 0; i < kPieces; ++i) {
        const size_t size = i % 11 == 0 ? 0 : 1 + i * 37 % (kPage - 1);
        std::fill_n(ours.at(i * kPage), size, static_cast<std::byte>(i % 251 + 1));
        const uint64_t remote = address_of(theirs.at((kPieces - 1 - i) * kPage));
        writes.push_back({remote, ours.at(i * kPage), size});
        reads.push_back({remote, back.at(i * kPage), size});
    }
    EXPECT_TRUE(copy_all(process, Flow::kWrite, writes).is_ok());
    EXPECT_EQ(*theirs.at((kPieces - 2) * kPage), std::byte{0}) << "our own memory must stay as it was";
    EXPECT_TRUE(copy_all(process, Flow::kRead, reads).is_ok());
    EXPECT_TRUE(std::equal(ours.at(0), ours.at(kPieces * kPage), back.at(0)));
}

TEST(AttachedProcess, CopiesAnyPartOfTheSequence) {
    const Pages theirs(1);
    const Pages ours(1);
    theirs.fill(0);
    ours.fill(7);
    const ForkedChild child;
    const AttachedProcess process = attach(child);
    const std::vector<RemotePiece> pieces = {{address_of(theirs.at(0)), ours.at(0), 10},
                                             {address_of(theirs.at(100)), ours.at(10), 0},
                                             {address_of(theirs.at(200)), ours.at(10), 10}};
    EXPECT_EQ(process.copy(Flow::kWrite, pieces, {0, 8}, 5).error, 0);
    const Pages back(1);
    const std::vector<RemotePiece> whole = {{address_of(theirs.at(0)), back.at(0), kPage}};
    ASSERT_TRUE(copy_all(process, Flow::kRead, whole).is_ok());
    for (size_t i = 0; i < kPage; ++i) {
        const bool written = i == 8 || i == 9 || (i >= 200 && i < 203);
        ASSERT_EQ(*back.at(i), written ? std::byte{7} : std::byte{0}) << i;
    }
}

/// What must be said of a copy of three pages, in two pieces, whose third page misses.
void expect_bad_third_page(const AttachedProcess& process, Flow flow, const Pages& theirs, const Pages& ours,
                           const std::string& side, const std::string& why, const std::byte* where) {
    const std::vector<RemotePiece> pieces = {{address_of(theirs.at(0)), ours.at(0), 100},
                                             {address_of(theirs.at(100)), ours.at(100), 3 * kPage - 100}};
    const Status status = copy_all(process, flow, pieces);
    EXPECT_EQ(status.code(), Code::kError);
    EXPECT_THAT(status.message(), HasSubstr("piece 1"));
    EXPECT_THAT(status.message(), HasSubstr(side));
    EXPECT_THAT(status.message(), HasSubstr(why));
    EXPECT_THAT(status.message(), HasSubstr(fmt::format("{:#x}", address_of(where))));
}

TEST(AttachedProcess, SaysWhichSideHasNoMemory) {
    const Pages theirs(3);
    const Pages ours(3);
    theirs.fill(1);
    ours.fill(2);
    const ForkedChild whole;
    const ForkedChild holed([&] { theirs.allow(2, PROT_NONE); });
    const ForkedChild sealed([&] { theirs.allow(2, PROT_READ); });
    const std::byte* const their_end = theirs.at(2 * kPage);
    const std::byte* const our_end = ours.at(2 * kPage);
    expect_bad_third_page(attach(holed), Flow::kWrite, theirs, ours, "the peer's", "not mapped", their_end);
    expect_bad_third_page(attach(holed), Flow::kRead, theirs, ours, "the peer's", "not mapped", their_end);
    expect_bad_third_page(attach(sealed), Flow::kWrite, theirs, ours, "the peer's", "read-only", their_end);
    ours.allow(2, PROT_NONE);
    expect_bad_third_page(attach(whole), Flow::kWrite, theirs, ours, "this process's", "not mapped", our_end);
    expect_bad_third_page(attach(whole), Flow::kRead, theirs, ours, "this process's", "not mapped", our_end);
    ours.allow(2, PROT_READ);
    expect_bad_third_page(attach(whole), Flow::kRead, theirs, ours, "this process's", "read-only", our_end);
}

}  // namespace
}  // namespace memfabric::transport
