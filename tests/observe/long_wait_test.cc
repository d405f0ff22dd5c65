// SPDX-License-Identifier: Apache-2.0
#include "observe/long_wait.h"

#include <gtest/gtest.h>

#include <string>
#include <thread>

namespace memfabric::observe {
namespace {

std::string& logged() {
    static std::string text;
    return text;
}

class LongWaits : public testing::Test {
 protected:
    LongWaits() {
        logged().clear();
        set_external_logger([](int, const char* message) { logged() += message; });
        before_ = wait_notice_milliseconds.exchange(20);
    }
    ~LongWaits() override {
        set_external_logger(nullptr);
        wait_notice_milliseconds = before_;
    }

 private:
    int64_t before_;
};

TEST_F(LongWaits, AreToldOnceAPeriod) {
    LongWait wait;
    int asked = 0;
    const auto text = [&] {
        ++asked;
        return std::string("a session");
    };
    wait.look(text);
    EXPECT_EQ(asked, 0);
    const Deadline limit = Deadline::after_seconds(30);
    while (asked < 2 && !limit.expired()) {
        wait.look(text);
        std::this_thread::yield();
    }
    EXPECT_EQ(asked, 2);
    EXPECT_NE(logged().find("waiting for 0.0 s: a session"), std::string::npos) << logged();
}

TEST_F(LongWaits, OneInsideAnotherIsToldOnce) {
    LongWait outer;
    LongWait inner;
    int told = 0;
    int outer_told = 0;
    const auto text_of = [](int& count) {
        return [&count] {
            ++count;
            return std::string("a session");
        };
    };
    const auto begun = Deadline::Clock::now();
    while (told < 3) {
        inner.look(text_of(told));
        outer.look(text_of(outer_told));
        std::this_thread::yield();
    }
    const auto periods = (Deadline::Clock::now() - begun) / std::chrono::milliseconds(20);
    EXPECT_LE(told + outer_told, periods);
}

TEST_F(LongWaits, AThreadThatSaidNothingIsNotSilencedByOthers) {
    const auto say = [] {
        LongWait wait;
        int told = 0;
        while (told == 0) {
            wait.look([&] {
                ++told;
                return std::string("a session");
            });
            std::this_thread::yield();
        }
    };
    say();
    std::jthread other(say);
    other.join();
    EXPECT_NE(logged().find("a session"), logged().rfind("a session"));
}

TEST_F(LongWaits, AStretchOfSleepEndsWhenItIsTimeToLook) {
    const LongWait wait;
    EXPECT_LE(wait.stretch(Deadline::never()).remaining(), std::chrono::milliseconds(21));
    EXPECT_LE(wait.stretch(Deadline::after(std::chrono::milliseconds(1))).remaining(),
              std::chrono::milliseconds(1));
}

}  // namespace
}  // namespace memfabric::observe
