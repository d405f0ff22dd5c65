// SPDX-License-Identifier: Apache-2.0
#include "shmem/mail.h"

#include <gtest/gtest.h>
#include <sched.h>

#include <algorithm>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "shmem/fake_job.h"

namespace memfabric::shmem {
namespace {

using test::FakeJob;
using test::JobEnded;
using test::OtherPe;

constexpr int kSlots = 8;  // of a ring
constexpr uint64_t kKey = 0x1234;

std::vector<char> message(size_t bytes, int seed) {
    std::vector<char> data(bytes);
    std::minstd_rand random(static_cast<unsigned>(seed) + 1);
    std::ranges::generate(data, [&] { return static_cast<char>(random() >> 8); });
    return data;
}

void send(int pe, uint64_t key, size_t bytes, int seed) {
    const std::vector<char> data = message(bytes, seed);
    send_mail(pe, key, static_cast<uint32_t>(seed), data.data(), bytes, "send");
}

void expect_from(int pe, uint64_t key, size_t bytes, int seed) {
    std::vector<char> data(bytes);
    EXPECT_EQ(receive_mail(pe, key, data.data(), bytes, "receive"), static_cast<uint32_t>(seed));
    EXPECT_EQ(data, message(bytes, seed)) << bytes << " bytes, " << seed;
}

void wait_for_stage(const FakeJob& job, int stage) {
    while (job.shared().stage != stage) {
        sched_yield();
    }
}

/// PE `pe` looks that often at least, in vain, for something to come.
void wait_for_looks(const FakeJob& job, int pe, int count) {
    for (const int first = job.shared().looks[pe]; job.shared().looks[pe] < first + count;) {
        sched_yield();
    }
}

/// Two PEs, each on a host of its own.
class Mail : public ::testing::Test {
 protected:
    Mail() { open_mail(); }

    FakeJob job_{{0, 1}};
};

TEST_F(Mail, AllSizesArriveInTheirOrderWhileTheOtherDirectionIsBusyToo) {
    constexpr int kMessages = 500;
    const auto size = [](int i) { return static_cast<size_t>(i) * 37 % (largest_mail() + 1); };
    const auto exchange = [&](int other) {
        for (int i = 0; i < kMessages; ++i) {
            send(other, kKey, size(i), i);
            expect_from(other, kKey, size(i), i);
        }
    };
    OtherPe pe(job_, [&] { exchange(0); });
    exchange(1);
    pe.wait();
}

TEST_F(Mail, AMessageOfWhichTheEndIsMissingIsNotThere) {
    job_.put = [&](char* place, const char* source, size_t bytes) {
        const size_t half = bytes - 100;
        std::memcpy(place, source, half);
        wait_for_looks(job_, 0, 20);
        job_.shared().stage = 1;
        std::memcpy(place + half, source + half, bytes - half);
    };
    OtherPe pe(job_, [] { send(0, kKey, 3000, 7); });
    expect_from(1, kKey, 3000, 7);
    EXPECT_EQ(job_.shared().stage, 1);
}

TEST_F(Mail, AMessageWhoseHeaderComesLastIsNotThereBefore) {
    job_.put = [&](char* place, const char* source, size_t bytes) {
        for (size_t end = bytes; end > 0;) {
            const size_t begin = end > 500 ? end - 500 : 0;
            wait_for_looks(job_, 0, 5);
            job_.shared().stage = begin == 0 ? 1 : 0;
            std::memcpy(place + begin, source + begin, end - begin);
            end = begin;
        }
    };
    OtherPe pe(job_, [] { send(0, kKey, 3000, 7); });
    expect_from(1, kKey, 3000, 7);
    EXPECT_EQ(job_.shared().stage, 1);
}

TEST_F(Mail, WhatAnEarlierMessageLeftInASlotIsNoPartOfALaterOne) {
    bool tears = false;
    job_.put = [&](char* place, const char* source, size_t bytes) {
        std::memcpy(place, source, std::min<size_t>(bytes, 64));
        if (tears) {
            wait_for_looks(job_, 0, 10);
        }
        std::memcpy(place, source, bytes);
    };
    OtherPe pe(job_, [&] {
        for (int i = 0; i < 3 * kSlots; ++i) {
            tears = i >= kSlots;
            send(0, kKey, 256, i);
        }
    });
    for (int i = 0; i < 3 * kSlots; ++i) {
        expect_from(1, kKey, 256, i);
    }
}

TEST_F(Mail, MessagesUnderOtherKeysAreKept) {
    OtherPe pe(job_, [] {
        for (int i = 0; i < 3; ++i) {
            send(0, 1, 10, i);
        }
        send(0, 2, 20, 100);
        send(0, 3, 0, 200);
    });
    expect_from(1, 3, 0, 200);
    expect_from(1, 2, 20, 100);
    for (int i = 0; i < 3; ++i) {
        expect_from(1, 1, 10, i);
    }
}

TEST_F(Mail, WhoeverFindsNoRoomWaitsForIt) {
    OtherPe pe(job_, [&] {
        for (int i = 0; i < 3 * kSlots; ++i) {
            job_.shared().stage = i;
            send(0, kKey, 8, i);
        }
    });
    wait_for_stage(job_, kSlots);
    wait_for_looks(job_, 1, 20);
    EXPECT_EQ(job_.shared().stage, kSlots);
    for (int i = 0; i < 3 * kSlots; ++i) {
        expect_from(1, kKey, 8, i);
    }
}

TEST_F(Mail, TwoThatSendMoreThanThereIsRoomForDoNotWaitForEachOther) {
    constexpr int kMessages = 10 * kSlots;
    const auto exchange = [](int other) {
        for (int i = 0; i < kMessages; ++i) {
            send(other, kKey, 16, i);
        }
        for (int i = 0; i < kMessages; ++i) {
            expect_from(other, kKey, 16, i);
        }
    };
    OtherPe pe(job_, [&] { exchange(0); });
    exchange(1);
}

TEST_F(Mail, NobodyWaitsForWordThatAMessageArrivedBeforeItsSlotIsUsedAgain) {
    OtherPe pe(job_, [&] {
        job_.posts_go_on = true;
        for (int i = 0; i < kSlots; ++i) {
            send(0, kKey, 8, i);
        }
        EXPECT_EQ(job_.open_posts, kSlots);
        send(0, kKey, 8, kSlots);
        EXPECT_EQ(job_.open_posts, kSlots);
        close_mail();
        EXPECT_EQ(job_.open_posts, 0);
    });
    for (int i = 0; i <= kSlots; ++i) {
        expect_from(1, kKey, 8, i);
    }
}

TEST_F(Mail, OfMessagesThatAreKnownToBeTakenNoWordIsAwaited) {
    OtherPe pe(job_, [&] {
        job_.posts_go_on = true;
        for (int i = 0; i < 3; ++i) {
            send(0, kKey, 8, i);
        }
        expect_from(0, kKey, 8, 100);  // it was sent when all three were taken
        send(0, kKey, 8, 3);
        send(0, kKey, 8, 4);
        EXPECT_EQ(job_.ended_posts, 0);
        confirm_mail("shmem_finalize");
        EXPECT_EQ(job_.ended_posts, 2);
        EXPECT_EQ(job_.open_posts, 3);
    });
    for (int i = 0; i < 3; ++i) {
        expect_from(1, kKey, 8, i);
    }
    send(1, kKey, 8, 100);
    expect_from(1, kKey, 8, 3);
    expect_from(1, kKey, 8, 4);
}

TEST_F(Mail, WhoWaitsForAMessageHearsThatTheOwnOneFailed) {
    job_.posts_go_on = true;
    job_.outcome_of_posts = -7;
    send(1, kKey, 8, 1);
    std::vector<char> data(8);
    try {
        receive_mail(1, kKey, data.data(), data.size(), "shmem_x");
        FAIL() << "it was received";
    } catch (const JobEnded& end) {
        EXPECT_STREQ(end.what(), "shmem_x: message of 72 bytes, PE 1, failed: -7");
    }
}

std::string text_of_receiving(size_t bytes) {
    std::vector<char> data(bytes);
    try {
        receive_mail(1, kKey, data.data(), bytes, "shmem_x");
    } catch (const JobEnded& end) {
        return end.what();
    }
    return "it was received";
}

TEST_F(Mail, AnotherSizeThanIsTakenEndsTheJob) {
    OtherPe pe(job_, [] { send(0, kKey, 5, 1); });
    EXPECT_EQ(text_of_receiving(6),
              "shmem_x: PE 1 sends 5 bytes, this PE takes 6; all PEs give the same size");
}

TEST_F(Mail, AnotherSizeIsFoundAmongKeptMessagesToo) {
    OtherPe pe(job_, [] {
        send(0, kKey, 5, 1);
        send(0, kKey + 1, 8, 2);
    });
    expect_from(1, kKey + 1, 8, 2);
    EXPECT_EQ(text_of_receiving(4),
              "shmem_x: PE 1 sends 5 bytes, this PE takes 4; all PEs give the same size");
}

/// Nothing beyond the slot is read meanwhile: an address sanitizer would see it.
TEST_F(Mail, ALengthThatNoMessageHasIsNotBelieved) {
    job_.put = [&](char* place, const char* source, size_t bytes) {
        constexpr size_t kPlaceOfLength = 24;
        const uint32_t absurd = 0xffff'ff00;
        std::memcpy(place + sizeof(uint64_t), source + sizeof(uint64_t), bytes - sizeof(uint64_t));
        std::memcpy(place + kPlaceOfLength, &absurd, sizeof absurd);
        std::memcpy(place, source, sizeof(uint64_t));  // now its number is there
        wait_for_looks(job_, 0, 20);
        job_.shared().stage = 1;
        std::memcpy(place, source, bytes);
    };
    OtherPe pe(job_, [] { send(0, kKey, 8, 1); });
    expect_from(1, kKey, 8, 1);
    EXPECT_EQ(job_.shared().stage, 1);
}

TEST(MailArea, IsLargeEnoughForAllAndNotThereForOne) {
    EXPECT_EQ(mail_area_size(1), 0U);
    EXPECT_EQ(mail_area_size(2) % 4096, 0U);
    EXPECT_GE(mail_area_size(2), 2U * kSlots * (4096 + 64));
    EXPECT_GT(mail_area_size(256), mail_area_size(257)) << "slots are smaller from there on";
    EXPECT_LT(mail_area_size(1024), 5U << 20);
}

TEST(MailArea, SlotsOfManyPesAreSmaller) {
    std::vector<int> hosts(300, 0);
    hosts[1] = 1;
    FakeJob job(hosts);
    open_mail();
    EXPECT_EQ(largest_mail(), 512U - 64U);
    OtherPe pe(job, [] {
        for (int i = 0; i < 3 * kSlots; ++i) {
            send(0, kKey, largest_mail(), i);
        }
    });
    for (int i = 0; i < 3 * kSlots; ++i) {
        expect_from(1, kKey, largest_mail(), i);
    }
}

TEST(MailArea, WithoutMemoryForItTheJobEnds) {
    FakeJob job({0, 1});
    job.has_memory = false;
    try {
        open_mail();
        FAIL() << "it was opened";
    } catch (const JobEnded& end) {
        EXPECT_STREQ(end.what(), "shmem_init: no memory for messages of 2 PEs: there is none");
    }
}

TEST(MailArea, OneHostNeedsNone) {
    FakeJob job({0, 0});
    job.has_memory = false;
    open_mail();
}

}  // namespace
}  // namespace memfabric::shmem
