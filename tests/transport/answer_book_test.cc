// SPDX-License-Identifier: Apache-2.0
#include "transport/fabric/answer_book.h"

#include <gtest/gtest.h>

namespace memfabric::transport {
namespace {

using Novelty = AnswerBook::Novelty;

TEST(AnswerBook, ARequestIsCarriedOutOnce) {
    AnswerBook book;
    EXPECT_EQ(book.enter(1, 10, 10), Novelty::kNew);
    EXPECT_EQ(book.enter(1, 10, 10), Novelty::kUnderWay);
    const auto answer = std::make_shared<const Answer>(Answer{Code::kOk, "done"});
    book.answered(1, 10, answer);
    EXPECT_EQ(book.enter(1, 10, 10), Novelty::kAnswered);
    EXPECT_EQ(book.answer(1, 10), answer);
    EXPECT_EQ(book.enter(2, 10, 10), Novelty::kNew) << "another sender's";
    EXPECT_EQ(book.enter(1, 11, 11), Novelty::kNew);
    EXPECT_EQ(book.enter(1, 10, 10), Novelty::kStale) << "its sender has said that it waits no more";
}

TEST(AnswerBook, ASenderThatNeverSaysWhatItHasCannotMakeItGrow) {
    AnswerBook book;
    uint64_t id = 1;
    while (book.enter(1, id, 0) == Novelty::kNew) {
        ASSERT_LT(++id, 10000U);
    }
    EXPECT_EQ(id, 4097U);
    EXPECT_EQ(book.enter(1, 1, 0), Novelty::kUnderWay) << "those that it has it keeps";
    EXPECT_EQ(book.enter(2, 1, 0), Novelty::kNew) << "others are not held up";
    EXPECT_EQ(book.enter(1, id, 100), Novelty::kNew) << "nor is it, once it does say so";
}

}  // namespace
}  // namespace memfabric::transport
