// SPDX-License-Identifier: Apache-2.0
#include "base/options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>

namespace memfabric {
namespace {

using testing::HasSubstr;

Options::Lookup lookup_in(std::map<std::string, std::string> values) {
    return [values = std::move(values)](const char* name) {
        const auto found = values.find(name);
        return found == values.end() ? nullptr : found->second.c_str();
    };
}

TEST(OptionTableTest, EveryRowIsNamedOnceAndExplained) {
    std::set<std::string_view> names;
    for (const OptionEntry& entry : option_table()) {
        EXPECT_TRUE(entry.name.starts_with("MF_")) << entry.name;
        EXPECT_TRUE(names.insert(entry.name).second) << entry.name;
        EXPECT_GT(entry.text.size(), 20U) << entry.name;
    }
    EXPECT_EQ(names.size(), static_cast<size_t>(OptionId::kCount));
}

TEST(OptionTableTest, EveryDefaultIsAnAcceptableValue) {
    for (const OptionEntry& entry : option_table()) {
        Options options;
        const Status status = options.set(entry.id, entry.default_text);
        EXPECT_TRUE(status.is_ok()) << status.message();
    }
}

TEST(OptionsTest, DefaultsAreThereAndNotGiven) {
    const Options options;
    EXPECT_EQ(options.size(OptionId::kArenaSize), uint64_t{16} << 40);
    EXPECT_EQ(options.integer(OptionId::kEvictAfter), 30000);
    EXPECT_EQ(options.integer(OptionId::kRank), -1);
    EXPECT_EQ(options.text(OptionId::kLogLevel), "warn");
    EXPECT_FALSE(options.flag(OptionId::kAllowPlaintext));
    EXPECT_FALSE(options.is_given(OptionId::kArenaSize));
}

TEST(OptionsTest, ReadsEveryType) {
    const Result<Options> options = Options::from_lookup(lookup_in({{"MF_ALLOW_PLAINTEXT", "yes"},
                                                                    {"MF_ARENA_SIZE", "64 GiB"},
                                                                    {"MF_LOST_AFTER", "2s"},
                                                                    {"MF_HOST_ID", "blade-7"},
                                                                    {"MF_HUGE_PAGES", "require"},
                                                                    {"MF_RANK", "1023"}}));
    ASSERT_TRUE(options.is_ok()) << options.status().message();
    EXPECT_TRUE(options->flag(OptionId::kAllowPlaintext));
    EXPECT_EQ(options->size(OptionId::kArenaSize), uint64_t{64} << 30);
    EXPECT_EQ(options->integer(OptionId::kLostAfter), 2000);
    EXPECT_EQ(options->text(OptionId::kHostId), "blade-7");
    EXPECT_EQ(options->integer(OptionId::kHugePages), 2);
    EXPECT_EQ(options->integer(OptionId::kRank), 1023);
    EXPECT_TRUE(options->is_given(OptionId::kRank));
    EXPECT_FALSE(options->is_given(OptionId::kWorldSize));
}

TEST(OptionsTest, FlagsTakeTheUsualWords) {
    for (const char* yes : {"1", "true", "yes", "on"}) {
        EXPECT_TRUE(Options::from_lookup(lookup_in({{"MF_ALLOW_PLAINTEXT", yes}}))
                        .value()
                        .flag(OptionId::kAllowPlaintext))
            << yes;
    }
    for (const char* no : {"0", "false", "no", "off", ""}) {
        EXPECT_FALSE(Options::from_lookup(lookup_in({{"MF_ALLOW_PLAINTEXT", no}}))
                         .value()
                         .flag(OptionId::kAllowPlaintext))
            << no;
    }
}

TEST(OptionsTest, EmptyNumberIsAnError) {
    EXPECT_FALSE(Options::from_lookup(lookup_in({{"MF_ARENA_SIZE", ""}})).is_ok());
}

struct BadOption {
    std::string name;
    std::string value;
    std::string reason;
};

class BadValue : public testing::TestWithParam<BadOption> {};

TEST_P(BadValue, IsRefusedByNameWithTheReason) {
    const Result<Options> options = Options::from_lookup(lookup_in({{GetParam().name, GetParam().value}}));
    ASSERT_FALSE(options.is_ok());
    EXPECT_EQ(options.status().code(), Code::kInvalidParam);
    EXPECT_THAT(options.status().message(), HasSubstr(GetParam().name));
    EXPECT_THAT(options.status().message(), HasSubstr(GetParam().reason));
}

INSTANTIATE_TEST_SUITE_P(
    All, BadValue,
    testing::Values(BadOption{"MF_ALLOW_PLAINTEXT", "maybe", "'maybe'"},
                    BadOption{"MF_ARENA_SIZE", "much", "not a number"},
                    BadOption{"MF_ARENA_SIZE", "5 parsecs", "'parsecs'"},
                    BadOption{"MF_ARENA_SIZE", "1M", "outside"}, BadOption{"MF_ARENA_SIZE", "65T", "outside"},
                    BadOption{"MF_ARENA_SIZE", "-1G", "not negative"},
                    BadOption{"MF_ARENA_SIZE", "9000000000000T", "too large"},
                    BadOption{"MF_ARENA_SIZE", "99999999999999999999", "not a number"},
                    BadOption{"MF_LOST_AFTER", "0", "outside"}, BadOption{"MF_LOST_AFTER", "2h", "'h'"},
                    BadOption{"MF_RANK", "1024", "outside"}, BadOption{"MF_RANK", "-2", "outside"},
                    BadOption{"MF_RANK", "1.5", "'.5'"},
                    BadOption{"MF_LOG_LEVEL", "loud", "debug|info|warn|error|fatal"},
                    BadOption{"MF_HUGE_PAGES", "of", "off|try|require"}));

TEST(OptionsTest, ARefusedValueChangesNothing) {
    Options options;
    EXPECT_FALSE(options.set(OptionId::kRank, "5000").is_ok());
    EXPECT_EQ(options.integer(OptionId::kEvictAfter), 30000);
    EXPECT_EQ(options.integer(OptionId::kRank), -1);
    EXPECT_FALSE(options.is_given(OptionId::kRank));
}

TEST(OptionsTest, UnknownNamesAreReportedWithTheNearest) {
    const std::vector<std::string> names = {"MF_LOGLEVEL", "MF_ARENA_SIZE", "PATH", "MF_HUGEPAGE",
                                            "XMF_RANK"};
    const auto unknown = unknown_options(names);
    ASSERT_EQ(unknown.size(), 2U);
    EXPECT_EQ(unknown[0].first, "MF_LOGLEVEL");
    EXPECT_EQ(unknown[0].second, "MF_LOG_LEVEL");
    EXPECT_EQ(unknown[1].first, "MF_HUGEPAGE");
    EXPECT_EQ(unknown[1].second, "MF_HUGE_PAGES");
}

TEST(ParseSizeTest, KnowsTheUnits) {
    EXPECT_EQ(parse_size("0").value(), 0);
    EXPECT_EQ(parse_size("123").value(), 123);
    EXPECT_EQ(parse_size("64K").value(), 65536);
    EXPECT_EQ(parse_size("64 KiB").value(), 65536);
    EXPECT_EQ(parse_size("2MB").value(), 2 << 20);
    EXPECT_EQ(parse_size("4g").value(), int64_t{4} << 30);
    EXPECT_EQ(parse_size("16T").value(), int64_t{16} << 40);
    EXPECT_FALSE(parse_size("K").is_ok());
    EXPECT_FALSE(parse_size("1 2").is_ok());
    EXPECT_FALSE(parse_size("8388608T").is_ok());
}

TEST(ParseDurationTest, KnowsTheUnits) {
    EXPECT_EQ(parse_duration("250").value(), 250);
    EXPECT_EQ(parse_duration("250ms").value(), 250);
    EXPECT_EQ(parse_duration("3s").value(), 3000);
    EXPECT_EQ(parse_duration("2 m").value(), 120000);
    EXPECT_FALSE(parse_duration("-1s").is_ok());
    EXPECT_FALSE(parse_duration("").is_ok());
}

}  // namespace
}  // namespace memfabric
