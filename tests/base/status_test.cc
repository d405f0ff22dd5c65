// SPDX-License-Identifier: Apache-2.0
#include "base/status.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <memory>
#include <utility>

#include "smem_error.h"
#include "tests/base/file_limit.h"

namespace memfabric {
namespace {

TEST(StatusTest, SuccessIsOneNullPointer) {
    const Status status;
    EXPECT_TRUE(status.is_ok());
    EXPECT_EQ(status.code(), Code::kOk);
    EXPECT_EQ(status.message(), "");
    EXPECT_EQ(sizeof(Status), sizeof(void*));
}

TEST(StatusTest, FailureKeepsCodeAndText) {
    const Status status = failure(Code::kPeerLost, "rank {} is gone", 7);
    EXPECT_FALSE(status.is_ok());
    EXPECT_EQ(status.code(), Code::kPeerLost);
    EXPECT_EQ(status.message(), "rank 7 is gone");
}

TEST(StatusTest, CopyIsIndependentOfTheOriginal) {
    Status original(Code::kTimeout, "slow");
    Status copy = original;
    original = Status::ok();
    EXPECT_TRUE(original.is_ok());
    EXPECT_EQ(copy.message(), "slow");
    const Status& same = copy;
    copy = same;
    EXPECT_EQ(copy.code(), Code::kTimeout);
}

TEST(StatusTest, MoveTakesTheFailure) {
    Status original(Code::kTimeout, "slow");
    const Status moved = std::move(original);
    EXPECT_EQ(moved.code(), Code::kTimeout);
}

TEST(StatusTest, ContextStandsInFrontOfTheText) {
    const Status status =
        failure(Code::kStoreSocket, "reset").with_context("joining bm/3").with_context("rank 1");
    EXPECT_EQ(status.code(), Code::kStoreSocket);
    EXPECT_EQ(status.message(), "rank 1: joining bm/3: reset");
    EXPECT_TRUE(Status::ok().with_context("nothing happened").is_ok());
}

TEST(StatusTest, ErrnoTextNamesNumberAndMeaning) {
    EXPECT_EQ(errno_text(ENOENT), "errno 2: No such file or directory");
}

TEST(StatusTest, ErrnoTextSaysWhatToDoWhereDescriptorsRanShort) {
    const test::FileLimit limit(100);
    const std::string text = errno_text(EMFILE);
    EXPECT_NE(text.find("Too many open files"), std::string::npos) << text;
    EXPECT_NE(text.find("may have 100"), std::string::npos) << text;
    EXPECT_NE(text.find("raise the limit (ulimit -n)"), std::string::npos) << text;
    EXPECT_NE(errno_text(ENFILE).find("file-max"), std::string::npos);
}

TEST(StatusTest, CodesAreThePublicOnes) {
    EXPECT_EQ(static_cast<int>(Code::kOk), SM_OK);
    EXPECT_EQ(static_cast<int>(Code::kError), SM_ERROR);
    EXPECT_EQ(static_cast<int>(Code::kStoreInvalidMessage), SM_STORE_INVALID_MESSAGE);
    EXPECT_EQ(static_cast<int>(Code::kStoreInvalidKey), SM_STORE_INVALID_KEY);
    EXPECT_EQ(static_cast<int>(Code::kStoreNotExist), SM_STORE_NOT_EXIST);
    EXPECT_EQ(static_cast<int>(Code::kStoreTimeout), SM_STORE_TIMEOUT);
    EXPECT_EQ(static_cast<int>(Code::kStoreSocket), SM_STORE_SOCKET);
    EXPECT_EQ(static_cast<int>(Code::kInvalidParam), SM_INVALID_PARAM);
    EXPECT_EQ(static_cast<int>(Code::kMallocFailed), SM_MALLOC_FAILED);
    EXPECT_EQ(static_cast<int>(Code::kNewObjectFailed), SM_NEW_OBJECT_FAILED);
    EXPECT_EQ(static_cast<int>(Code::kNotStarted), SM_NOT_STARTED);
    EXPECT_EQ(static_cast<int>(Code::kTimeout), SM_TIMEOUT);
    EXPECT_EQ(static_cast<int>(Code::kRepeatCall), SM_REPEAT_CALL);
    EXPECT_EQ(static_cast<int>(Code::kDuplicatedObject), SM_DUPLICATED_OBJECT);
    EXPECT_EQ(static_cast<int>(Code::kObjectNotExists), SM_OBJECT_NOT_EXISTS);
    EXPECT_EQ(static_cast<int>(Code::kNotInitialized), SM_NOT_INITIALIZED);
    EXPECT_EQ(static_cast<int>(Code::kResourceInUse), SM_RESOURCE_IN_USE);
    EXPECT_EQ(static_cast<int>(Code::kReconnect), SM_RECONNECT);
    EXPECT_EQ(static_cast<int>(Code::kGetObject), SM_GET_OBJECT);
    EXPECT_EQ(static_cast<int>(Code::kPeerLost), SM_PEER_LOST);
    EXPECT_EQ(static_cast<int>(Code::kEvicted), SM_EVICTED);
    EXPECT_EQ(static_cast<int>(Code::kNotSupported), SM_NOT_SUPPORTED);
    EXPECT_EQ(static_cast<int>(Code::kRefused), SM_REFUSED);
}

Result<int> half(int number) {
    if (number % 2 != 0) {
        return failure(Code::kInvalidParam, "{} is odd", number);
    }
    return number / 2;
}

Result<int> quarter(int number) {
    MF_ASSIGN_OR_RETURN(const int first, half(number));
    MF_ASSIGN_OR_RETURN(const int second, half(first));
    return second;
}

Status check_quarter(int number) {
    MF_RETURN_IF_ERROR(quarter(number).status());
    return {};
}

TEST(ResultTest, HoldsAValueOrAReason) {
    const Result<int> good = half(8);
    ASSERT_TRUE(good.is_ok());
    EXPECT_EQ(*good, 4);
    EXPECT_TRUE(good.status().is_ok());
    const Result<int> bad = half(7);
    EXPECT_FALSE(bad.is_ok());
    EXPECT_EQ(bad.status().message(), "7 is odd");
}

TEST(ResultTest, MacrosReturnTheFirstFailure) {
    EXPECT_EQ(quarter(12).value(), 3);
    EXPECT_EQ(quarter(6).status().message(), "3 is odd");
    EXPECT_TRUE(check_quarter(4).is_ok());
    EXPECT_EQ(check_quarter(5).code(), Code::kInvalidParam);
}

TEST(ResultTest, CarriesMoveOnlyValues) {
    Result<std::unique_ptr<int>> result(std::make_unique<int>(5));
    EXPECT_EQ(**result.operator->(), 5);
    const std::unique_ptr<int> taken = std::move(result).value();
    EXPECT_EQ(*taken, 5);
}

}  // namespace
}  // namespace memfabric
