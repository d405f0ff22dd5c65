// SPDX-License-Identifier: Apache-2.0
#include "capi/report.h"

#include <gmock/gmock.h>

#include <string>
#include <vector>

#include "base/last_error.h"
#include "base/log.h"

namespace memfabric::capi {
namespace {

using testing::ElementsAre;

std::vector<int>& logged_levels() {
    static std::vector<int> levels;
    return levels;
}

class Report : public testing::Test {
 protected:
    Report() {
        logged_levels().clear();
        set_log_level(LogLevel::kDebug);
        set_external_logger([](int level, const char*) { logged_levels().push_back(level); });
    }
    ~Report() override {
        set_external_logger(nullptr);
        set_log_level(LogLevel::kWarn);
    }
};

TEST_F(Report, FailuresAreLoggedOnceAsErrors) {
    EXPECT_EQ(report(Status(Code::kTimeout, "waiting for rank 7")), -2004);
    EXPECT_STREQ(last_error(), "waiting for rank 7");
    EXPECT_THAT(logged_levels(), ElementsAre(static_cast<int>(LogLevel::kError)));
}

TEST_F(Report, AnAbsentPeerIsInformation) {
    EXPECT_EQ(report(Status(Code::kPeerLost, "rank 3 has not joined")), -2012);
    EXPECT_STREQ(last_error(), "rank 3 has not joined");
    EXPECT_THAT(logged_levels(), ElementsAre(static_cast<int>(LogLevel::kInfo)));
}

TEST_F(Report, SuccessLeavesNothing) {
    static_cast<void>(take_last_error());
    EXPECT_EQ(report(Status()), 0);
    EXPECT_STREQ(last_error(), "");
    EXPECT_THAT(logged_levels(), ElementsAre());
}

}  // namespace
}  // namespace memfabric::capi
