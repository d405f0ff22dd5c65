// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace memfabric {

enum class OptionType {
    kFlag,      // 0, 1, true, false, yes, no, on, off
    kInteger,   // decimal
    kSize,      // bytes; with K, M, G, T (or KiB ...) for powers of 1024
    kDuration,  // milliseconds; with ms, s, m
    kText,
    kChoice,  // one word of the range column
};

/// Indexes the options table; the order is the table's.
enum class OptionId : size_t {
    kLogLevel,
    kHostId,
    kRuntimeDir,
    kFabric,
    kFabricProvider,
    kFabricAddress,
    kFabricEndpoints,
    kFabricCongestion,
    kFabricPeerTimeout,
    kAllowPlaintext,
    kGvaBase,
    kArenaSize,
    kMaxRegionSize,
    kHugePages,
    kNumaNode,
    kDeviceProvider,
    kCopyThreads,
    kCopyParallelMin,
    kCopyKernel,
    kCopyNontemporalMin,
    kRank,
    kWorldSize,
    kLocalRank,
    kStoreUrl,
    kStoreMaxClients,
    kStoreMaxMessage,
    kStoreMaxMemory,
    kStoreMaxClientMemory,
    kStoreData,
    kStoreSettle,
    kLostAfter,
    kEvictAfter,
    kSuspectAfter,
    kWaitNotice,
    kTransTimeout,
    kTransPath,
    kTransPtracer,
    kShmemCheck,
    kMetrics,
    kCountersDump,
    kSlowOperation,
    kCount,
};

/// One row of the table that feeds the environment, `mf options` and docs/options.md.
struct OptionEntry {
    OptionId id;
    std::string_view name;  // the environment variable
    OptionType type;
    std::string_view default_text;
    int64_t lowest;  // of numbers
    int64_t highest;
    std::string_view range;  // of texts and choices: shown; a choice's words are separated by '|'
    std::string_view text;
};

std::span<const OptionEntry> option_table();

/// The values of all options, fixed when they were read. Cheap to copy is not a goal: one a runtime.
class Options {
 public:
    using Lookup = std::function<const char*(const char* name)>;

    /// Every option at its default.
    Options();

    /// Reads the process's environment. A value outside its range is an error; a variable that begins with
    /// MF_ and is no option is a warning in the log, with the nearest name.
    static Result<Options> from_environment();

    /// The same, from any source, without the check for unknown names.
    static Result<Options> from_lookup(const Lookup& lookup);

    /// Changes one value, given as text like in the environment.
    Status set(OptionId id, std::string_view text);

    bool flag(OptionId id) const { return integer(id) != 0; }
    int64_t integer(OptionId id) const { return values_[index(id)].number; }
    uint64_t size(OptionId id) const { return static_cast<uint64_t>(integer(id)); }
    const std::string& text(OptionId id) const { return values_[index(id)].text; }
    /// Whether the value was given (and is not the default because nobody said anything).
    bool is_given(OptionId id) const { return values_[index(id)].given; }

 private:
    struct Value {
        std::string text;
        int64_t number = 0;
        bool given = false;
    };
    static size_t index(OptionId id) { return static_cast<size_t>(id); }
    std::array<Value, static_cast<size_t>(OptionId::kCount)> values_;
};

/// The names in the environment that begin with MF_ and are no option, each with the option nearest to it.
std::vector<std::pair<std::string, std::string_view>> unknown_options(std::span<const std::string> names);

/// "4G", "64 KiB", "123" -> bytes.
Result<int64_t> parse_size(std::string_view text);

/// "250", "250ms", "3s", "2m" -> milliseconds.
Result<int64_t> parse_duration(std::string_view text);

}  // namespace memfabric
