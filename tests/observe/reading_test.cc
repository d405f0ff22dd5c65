// SPDX-License-Identifier: Apache-2.0
#include "observe/reading.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <memory>
#include <nlohmann/json.hpp>
#include <random>

#include "base/fd.h"
#include "observe/texts.h"

namespace memfabric::observe {
namespace {

Fd file_with(const BoardHeader& header, uint64_t size = kBoardSize) {
    Fd file(::memfd_create("board", MFD_CLOEXEC));
    EXPECT_EQ(::ftruncate(file.get(), static_cast<off_t>(size)), 0);
    const size_t written = std::min<size_t>(sizeof header, size);
    EXPECT_EQ(::pwrite(file.get(), &header, written, 0), static_cast<ssize_t>(written));
    return file;
}

std::unique_ptr<BoardHeader> sound_header() {
    auto header = std::make_unique<BoardHeader>();
    header->magic = kBoardMagic;
    header->version = kBoardVersion;
    header->shards_used = 1;
    return header;
}

TEST(Reading, AnotherBuildsBoardIsRefused) {
    auto header = sound_header();
    header->version = kBoardVersion + 1;
    EXPECT_EQ(read_board(file_with(*header).get()).status().code(), Code::kNotSupported);
    header = sound_header();
    header->magic = 0;
    EXPECT_EQ(read_board(file_with(*header).get()).status().code(), Code::kNotSupported);
}

TEST(Reading, AShortFileIsAnError) {
    EXPECT_EQ(read_board(file_with(*sound_header(), 100).get()).status().code(), Code::kError);
    auto header = sound_header();
    header->blocks_used = 1;
    header->blocks[0].count = 1;
    header->blocks[0].first = kCells - 1;
    EXPECT_EQ(read_board(file_with(*header, sizeof *header).get()).status().code(), Code::kError);
}

TEST(Reading, BlocksThatOverlapAreRefused) {
    auto header = sound_header();
    header->blocks_used = 2;
    header->blocks[0] = Block{0, kCells, 0, 1, 0, 0, 0, {}};
    EXPECT_TRUE(read_board(file_with(*header).get()).is_ok());
    header->blocks[1] = header->blocks[0];
    EXPECT_EQ(read_board(file_with(*header).get()).status().code(), Code::kError);
    constexpr uint32_t kWithWords = kCells / 3;  // as a block of twice as many cells, and one of as many
    header->blocks[0] = Block{0, 2 * kWithWords, 0, 1, 0, 0, 1, {}};
    header->blocks[1] = Block{3 * kWithWords, 1, 0, 1, 0, 0, 0, {}};
    EXPECT_TRUE(read_board(file_with(*header).get()).is_ok());
    header->blocks[1].count = 2;
    EXPECT_EQ(read_board(file_with(*header).get()).status().code(), Code::kError);
}

TEST(Reading, WhatLiesOutsideTheBoardIsNotRead) {
    for (const Block& bad :
         {Block{0, kCells + 1, 0, 1, 0, 0, 0, {}}, Block{kCells, 1, 0, 1, 0, 0, 0, {}},
          Block{UINT32_MAX, 2, 0, 0, 0, 0, 0, {}}, Block{0, 1, 0, 0, 200, 0, 0, {}},
          Block{0, 1, 0, 0, 0, 200, 0, {}}, Block{0, kCells, 0, 1, 0, 0, 1, {}},
          Block{kCells - 1, 1, 0, 0, 0, 0, 1, {}}, Block{0, UINT32_MAX, 0, 1, 0, 0, 1, {}}}) {
        auto header = sound_header();
        header->blocks_used = UINT32_MAX;
        header->blocks[0] = bad;
        EXPECT_EQ(read_board(file_with(*header).get()).status().code(), Code::kError);
    }
}

TEST(Reading, NumbersThatMakeNoSenseDoNoHarm) {
    std::mt19937_64 random(7);
    for (int round = 0; round < 200; ++round) {
        auto header = sound_header();
        // Texts without an end, and every number.
        auto* const bytes = reinterpret_cast<unsigned char*>(header.get());
        for (size_t i = offsetof(BoardHeader, blocks_used); i < sizeof *header; ++i) {
            bytes[i] = static_cast<unsigned char>(random() | 1);
        }
        header->blocks_used = round % 3;
        header->shards_used = round % 5;
        for (Block& block : header->blocks) {
            block.count %= kCells;
            block.first %= kCells;
        }
        const Result<Reading> reading = read_board(file_with(*header).get());
        if (reading.is_ok()) {
            EXPECT_FALSE(to_json(*reading).empty());
            EXPECT_FALSE(to_prometheus(*reading).empty());
        } else {
            EXPECT_EQ(reading.status().code(), Code::kError);
        }
    }
}

Reading example() {
    Reading reading;
    reading.pid = 42;
    reading.program = "a \"name\" \xff";
    reading.counts = {{Operation::kBmPut, Path::kMapped, "BM 0 rank 1", 3, 24}};
    reading.times = {{Operation::kFabricPut, Path::kFabric, 5000, std::vector<uint64_t>(kBuckets)}};
    reading.times[0].buckets[12] = 2;
    reading.times[0].buckets.back() = 1;
    reading.errors = {{"smem_bm_copy", -2012, 7}};
    return reading;
}

TEST(Texts, JsonHasAllOfIt) {
    const auto tree = nlohmann::json::parse(to_json(example()));
    EXPECT_EQ(tree.at("pid"), 42);
    EXPECT_EQ(tree.at("counters").at(0).dump(),
              R"({"bytes":24,"operation":"bm.put","operations":3,"path":"mapped","peer":"BM 0 rank 1"})");
    EXPECT_EQ(tree.at("latencies").at(0).at("measured"), 3);
    EXPECT_EQ(tree.at("latencies").at(0).at("buckets").at(0).dump(), R"({"below_ns":4096,"count":2})");
    EXPECT_EQ(tree.at("errors").at(0).dump(), R"({"code":-2012,"count":7,"where":"smem_bm_copy"})");
    const std::vector<Reading> two = {example(), example()};
    EXPECT_EQ(nlohmann::json::parse(to_json(two)).at("processes").size(), 2U);
}

TEST(Texts, PrometheusHasAllOfIt) {
    const std::string page = to_prometheus(example());
    for (const char* line : {
             "# TYPE memfabric_operations_total counter\n",
             "memfabric_operations_total{operation=\"bm.put\",path=\"mapped\",peer=\"BM 0 rank 1\"} 3\n",
             "memfabric_bytes_total{operation=\"bm.put\",path=\"mapped\",peer=\"BM 0 rank 1\"} 24\n",
             "memfabric_latency_seconds_bucket{operation=\"fabric.put\",path=\"fabric\",le=\"+Inf\"} 3\n",
             "memfabric_latency_seconds_bucket{operation=\"fabric.put\",path=\"fabric\",le=\"4.096e-06\"} "
             "2\n",
             "memfabric_latency_seconds_count{operation=\"fabric.put\",path=\"fabric\"} 3\n",
             "memfabric_errors_total{function=\"smem_bm_copy\",code=\"-2012\"} 7\n",
             "program=\"a \\\"name\\\" ",
         }) {
        EXPECT_NE(page.find(line), std::string::npos) << line << "is not in\n" << page;
    }
}

}  // namespace
}  // namespace memfabric::observe
