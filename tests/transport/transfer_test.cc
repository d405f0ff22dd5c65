// SPDX-License-Identifier: Apache-2.0
// How transfers are cut into operations, without an engine.
#include "transport/fabric/transfer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

namespace memfabric::transport {
namespace {

class TransferCut : public ::testing::Test {
 protected:
    static FabricPiece piece(uint64_t offset, size_t size) {
        return {reinterpret_cast<std::byte*>(offset), {1, 0, ~uint64_t{0}}, offset, size};
    }

    /// All operations of the pieces, finished as they come.
    std::vector<FabricOperation> cut(const std::vector<FabricPiece>& pieces, Cut how) {
        Transfer transfer(peer_, FabricFlow::kPut, pieces, how, Deadline::never(), counts_);
        std::vector<FabricOperation> all;
        for (FabricOperation operation; transfer.take(operation);) {
            EXPECT_FALSE(transfer.has_ended());
            all.push_back(operation);
            transfer.finish(operation, 0);
        }
        EXPECT_TRUE(transfer.has_ended());
        EXPECT_TRUE(transfer.outcome().is_ok());
        return all;
    }

    FabricPeer peer_{"rank 1", {}, nullptr};
    FlowCounts counts_;
};

TEST_F(TransferCut, TakesAsManyPiecesAnOperationAsItMay) {
    const auto operations =
        cut({piece(0, 8), piece(8, 8), piece(100, 8), piece(200, 8), piece(300, 8)}, {2, 4096});
    ASSERT_EQ(operations.size(), 3U);
    EXPECT_EQ(operations[0].count, 2U);
    EXPECT_EQ(operations[2].count, 1U);
    EXPECT_EQ(operations[2].pieces[0].offset, 300U);
    EXPECT_EQ(counts_.bytes, 40U);
    EXPECT_EQ(counts_.calls, 1U);
}

TEST_F(TransferCut, OnlyPiecesThatAreTooLongAloneAreCut) {
    const auto operations = cut({piece(0, 60), piece(1000, 60), piece(2000, 250)}, {4, 100});
    std::vector<size_t> sizes;
    for (const FabricOperation& operation : operations) {
        for (size_t i = 0; i < operation.count; ++i) {
            sizes.push_back(operation.pieces[i].size);
            EXPECT_EQ(reinterpret_cast<uint64_t>(operation.pieces[i].local), operation.pieces[i].offset);
        }
        EXPECT_LE(operation.size, 100U);
    }
    EXPECT_EQ(sizes, (std::vector<size_t>{60, 60, 100, 100, 50}));
}

TEST_F(TransferCut, PiecesOfNothingAreLeftOut) {
    const auto operations = cut({piece(0, 0), piece(8, 8), piece(16, 0), piece(16, 0)}, {4, 4096});
    ASSERT_EQ(operations.size(), 1U);
    EXPECT_EQ(operations[0].count, 1U);
    EXPECT_EQ(operations[0].size, 8U);
    EXPECT_TRUE(cut({piece(0, 0)}, {4, 4096}).empty());
    EXPECT_TRUE(cut({}, {4, 4096}).empty());
    EXPECT_EQ(counts_.calls, 3U);
}

TEST_F(TransferCut, AStoppedOneGivesNothingAndEndsWithItsLastOperation) {
    const std::vector<FabricPiece> pieces = {piece(0, 100), piece(100, 100)};
    Transfer transfer(peer_, FabricFlow::kGet, pieces, {1, 4096}, Deadline::never(), counts_);
    FabricOperation operation;
    ASSERT_TRUE(transfer.take(operation));
    transfer.stop(Status(Code::kTimeout, "enough"));
    FabricOperation other;
    EXPECT_FALSE(transfer.take(other));
    EXPECT_FALSE(transfer.has_ended());
    transfer.finish(operation, 0);
    EXPECT_TRUE(transfer.has_ended());
    EXPECT_EQ(transfer.outcome().code(), Code::kTimeout);
    EXPECT_EQ(counts_.calls, 0U);
}

}  // namespace
}  // namespace memfabric::transport
