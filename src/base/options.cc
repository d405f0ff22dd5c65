// SPDX-License-Identifier: Apache-2.0
#include "base/options.h"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <limits>
#include <numeric>

#include "base/environment.h"
#include "base/log.h"

namespace memfabric {
namespace {

constexpr int64_t kKiB = int64_t{1} << 10;
constexpr int64_t kMiB = int64_t{1} << 20;
constexpr int64_t kGiB = int64_t{1} << 30;
constexpr int64_t kTiB = int64_t{1} << 40;
constexpr int64_t kDay = int64_t{24} * 3600 * 1000;

using enum OptionType;

constexpr std::array<OptionEntry, static_cast<size_t>(OptionId::kCount)> kTable = {{
    {OptionId::kLogLevel, "MF_LOG_LEVEL", kChoice, "warn", 0, 0, "debug|info|warn|error|fatal",
     "Messages below this level are not written."},
    {OptionId::kHostId, "MF_HOST_ID", kText, "", 0, 0, "any text",
     "Identity of this host; processes with equal identities try to share memory. Default: the kernel's boot "
     "id."},
    {OptionId::kRuntimeDir, "MF_RUNTIME_DIR", kText, "", 0, 0, "a folder",
     "Where the unix sockets lie over which segments are handed on. Default: $XDG_RUNTIME_DIR/memfabric, "
     "else a 0700 folder of the "
     "user below /tmp. Containers that share it share memory."},
    {OptionId::kFabric, "MF_FABRIC", kChoice, "auto", 0, 0, "auto|on|off",
     "Reaching processes of other hosts by libfabric. 'auto': where there can be any, that is where the "
     "config store is not reached over loopback, or MF_HOST_ID is set."},
    {OptionId::kFabricProvider, "MF_FABRIC_PROVIDER", kText, "auto", 0, 0, "auto or a provider of libfabric",
     "How processes of other hosts are reached, the same on all of them: 'tcp;ofi_rxm', 'verbs;ofi_rxm', "
     "'efa', ... 'auto' takes the fastest that is there."},
    {OptionId::kFabricAddress, "MF_FABRIC_ADDRESS", kText, "", 0, 0,
     "addresses of this host, or its interfaces: 'eth0,eth1'",
     "Over which networks processes of other hosts reach this one and are reached, the best first. Default: "
     "the interface that routes to the config store, and the others of this host that can be used beside "
     "it."},
    {OptionId::kFabricEndpoints, "MF_FABRIC_ENDPOINTS", kInteger, "2", 1, 16, "",
     "Ways to processes of other hosts over each network interface, a thread each, over which long transfers "
     "are striped and which the program's threads share."},
    {OptionId::kFabricCongestion, "MF_FABRIC_CONGESTION", kText, "auto", 0, 0,
     "auto, host or a name of the kernel's",
     "TCP congestion control of what processes of other hosts get from this one. 'host': as for all that "
     "this "
     "host sends. 'auto': the same, but cubic (or reno) where that is bbr, which sends no faster than a "
     "program that waits for its answers has asked before."},
    {OptionId::kFabricPeerTimeout, "MF_FABRIC_PEER_TIMEOUT", kDuration, "10s", 2000, kDay, "",
     "Calls that wait for a process on another host fail with 'peer lost' when its host gave no sign for so "
     "long. A process that stands still is not lost: its host answers."},
    {OptionId::kAllowPlaintext, "MF_ALLOW_PLAINTEXT", kFlag, "0", 0, 1, "",
     "Lets the config store work without TLS beyond loopback. Only on a trusted network."},
    {OptionId::kGvaBase, "MF_GVA_BASE", kText, "", 0, 0, "addresses, comma-separated",
     "Candidates for the base of the global address space, tried in this order. Default: eight between "
     "0x200000000000 and "
     "0x3c0000000000 (x86-64)."},
    {OptionId::kArenaSize, "MF_ARENA_SIZE", kSize, "16T", kGiB, 64 * kTiB, "",
     "Address space that every process reserves for the pool (no memory stands behind it)."},
    {OptionId::kMaxRegionSize, "MF_MAX_REGION_SIZE", kSize, "2T", 2 * kMiB, 16 * kTiB, "",
     "Largest DRAM or HBM part that one rank may contribute to one object."},
    {OptionId::kHugePages, "MF_HUGE_PAGES", kChoice, "off", 0, 0, "off|try|require",
     "Back segments with 2 MiB pages of the kernel's pool. 'try' falls back to normal pages with one "
     "warning."},
    {OptionId::kNumaNode, "MF_NUMA_NODE", kInteger, "-1", -1, 1023, "",
     "NUMA node that a rank's memory is bound to; -1: wherever the kernel puts it."},
    {OptionId::kDeviceProvider, "MF_DEVICE_PROVIDER", kChoice, "host", 0, 0, "host",
     "What stands behind HBM. 'host' backs it with DRAM."},
    {OptionId::kCopyThreads, "MF_COPY_THREADS", kInteger, "0", 0, 64, "",
     "Threads that share one big copy, the caller included; 0: chosen from the cores of the machine, at most "
     "4."},
    {OptionId::kCopyParallelMin, "MF_COPY_PARALLEL_MIN", kSize, "1M", 64 * kKiB, kTiB, "",
     "Copies from this size on are shared between threads."},
    {OptionId::kCopyKernel, "MF_COPY_KERNEL", kChoice, "auto", 0, 0, "auto|memcpy|nontemporal",
     "Forces one copy kernel; 'auto' decides by size and by what the caller says about its data."},
    {OptionId::kCopyNontemporalMin, "MF_COPY_NONTEMPORAL_MIN", kSize, "0", 0, kTiB, "",
     "From this size on data is copied past the caches, below it through them; 0: from the cache's share of "
     "a core on, and below that where nothing was copied to the place of late."},
    {OptionId::kRank, "MF_RANK", kInteger, "-1", -1, 1023, "",
     "This process's rank, as `mf run` sets it; -1: not started by it."},
    {OptionId::kWorldSize, "MF_WORLD_SIZE", kInteger, "0", 0, 1024, "",
     "Number of ranks, as `mf run` sets it."},
    {OptionId::kLocalRank, "MF_LOCAL_RANK", kInteger, "0", 0, 1023, "",
     "This process's number among the ranks on its host, as `mf run` sets it."},
    {OptionId::kStoreUrl, "MF_STORE_URL", kText, "", 0, 0, "tcp://host:port",
     "The config store's URL, as `mf run` sets it."},
    {OptionId::kStoreMaxClients, "MF_STORE_MAX_CLIENTS", kInteger, "16384", 1, 1000000, "",
     "Connections that a config store serves at once; more are refused with a reason."},
    {OptionId::kStoreMaxMessage, "MF_STORE_MAX_MESSAGE", kSize, "64M", 64 * kKiB, kGiB, "",
     "Largest message, and so largest value, that a config store takes."},
    {OptionId::kStoreMaxMemory, "MF_STORE_MAX_MEMORY", kSize, "4G", kMiB, kTiB, "",
     "Bytes of keys and values that a config store holds; more are refused with a reason."},
    {OptionId::kStoreMaxClientMemory, "MF_STORE_MAX_CLIENT_MEMORY", kSize, "256M", kMiB, kTiB, "",
     "Bytes that a config store keeps for one client: so much of requests that wait, of replies and of "
     "events that it has not got; twice MF_STORE_MAX_MESSAGE where that is more. Further requests are "
     "refused, the oldest replies forgotten; who does not take its events is given up."},
    {OptionId::kStoreData, "MF_STORE_DATA", kText, "", 0, 0, "a folder",
     "Where a config store keeps what is to outlive it: its identity, and the keys that nobody owns. Such a "
     "store "
     "only pauses when it ends: its clients wait for it. `mf store --data` sets it."},
    {OptionId::kStoreSettle, "MF_STORE_SETTLE", kDuration, "1500ms", 1, kDay, "",
     "How long a config store that was started again after its death waits for the clients of its "
     "predecessor "
     "before it answers anybody; those that have not come by then are lost."},
    {OptionId::kLostAfter, "MF_LOST_AFTER", kDuration, "100ms", 1, kDay, "",
     "A connection that closed without a goodbye and did not come back within this time is a lost peer."},
    {OptionId::kEvictAfter, "MF_EVICT_AFTER", kDuration, "30s", 100, kDay, "",
     "A peer or store whose host was silent for this long (TCP keepalive) is given up as lost. A config "
     "store that was started again waits as long for processes that are stopped."},
    {OptionId::kSuspectAfter, "MF_SUSPECT_AFTER", kDuration, "3s", 100, kDay, "",
     "A process that others wait for and that gave no sign for this long is suspect: they are told, and wait "
     "on."},
    {OptionId::kWaitNotice, "MF_WAIT_NOTICE", kDuration, "5s", 100, kDay, "",
     "Whoever waits for others says in the log whom it waits for, each time that this time has passed. Of "
     "the processes of a host that wait for the same, one warns, the others say it as information."},
    {OptionId::kTransTimeout, "MF_TRANS_TIMEOUT", kDuration, "10s", 1, kDay, "",
     "How long a transfer waits for a session or an address that is not there yet, and a deregistration for "
     "transfers that run."},
    {OptionId::kTransPath, "MF_TRANS_PATH", kChoice, "auto", 0, 0, "auto|mapped|attach|staging|fabric",
     "Forces one way to a peer's memory; 'auto' maps what the library allocated, else attaches to the peer's "
     "process, else goes through its staging ring; sessions of other hosts are reached by the fabric."},
    {OptionId::kTransPtracer, "MF_TRANS_PTRACER", kFlag, "0", 0, 1, "",
     "Where the kernel forbids attaching to processes that are not one's children (Yama), lets every process "
     "of this user attach to this one (PR_SET_PTRACER): transfers get faster, and so could a debugger."},
    {OptionId::kShmemCheck, "MF_SHMEM_CHECK", kFlag, "0", 0, 1, "",
     "OpenSHMEM programs: also look for what costs time to find, such as PEs that call different "
     "collectives."},
    {OptionId::kMetrics, "MF_METRICS", kText, "", 0, 0, "host:port",
     "Answers Prometheus there, in each process that uses the library; MF_LOCAL_RANK is added to a port "
     "other than 0. Beyond loopback this needs MF_ALLOW_PLAINTEXT=1."},
    {OptionId::kCountersDump, "MF_COUNTERS_DUMP", kText, "", 0, 0, "a file",
     "Writes the process's counters there as JSON when it exits; %p in the name becomes its pid. A process "
     "that is killed writes none."},
    {OptionId::kSlowOperation, "MF_SLOW_OPERATION", kDuration, "0", 0, 3'600'000, "",
     "Logs each operation that takes this long or longer, with what it was about; 0: none."},
}};

constexpr bool table_is_in_order() {
    for (size_t i = 0; i < kTable.size(); ++i) {
        if (kTable.at(i).id != static_cast<OptionId>(i)) {
            return false;
        }
    }
    return true;
}
static_assert(table_is_in_order(), "the rows stand in the order of OptionId");

/// A number and the letters behind it.
Result<int64_t> parse_scaled(std::string_view text,
                             std::span<const std::pair<std::string_view, int64_t>> units) {
    int64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    std::string_view unit(end, static_cast<size_t>(text.data() + text.size() - end));
    while (unit.starts_with(' ')) {
        unit.remove_prefix(1);
    }
    if (text.empty() || error != std::errc()) {
        return failure(Code::kInvalidParam, "'{}' is not a number", text);
    }
    const auto* found = std::find_if(units.begin(), units.end(), [&](const auto& known) {
                            return known.first == unit;
                        }).base();
    if (found == units.data() + units.size()) {
        return failure(Code::kInvalidParam, "'{}': the unit '{}' is unknown", text, unit);
    }
    if (number > std::numeric_limits<int64_t>::max() / found->second ||
        number < std::numeric_limits<int64_t>::min() / found->second) {
        return failure(Code::kInvalidParam, "'{}' is too large", text);
    }
    return number * found->second;
}

Result<int64_t> parse_flag(std::string_view text) {
    for (const std::string_view yes : {"1", "true", "yes", "on"}) {
        if (text == yes) {
            return int64_t{1};
        }
    }
    for (const std::string_view no : {"0", "false", "no", "off", ""}) {
        if (text == no) {
            return int64_t{0};
        }
    }
    return failure(Code::kInvalidParam, "'{}' is neither 1 nor 0", text);
}

Result<int64_t> parse_choice(std::string_view text, std::string_view words) {
    int64_t position = 0;
    for (std::string_view rest = words;; ++position) {
        const size_t bar = rest.find('|');
        if (rest.substr(0, bar) == text) {
            return position;
        }
        if (bar == std::string_view::npos) {
            return failure(Code::kInvalidParam, "'{}' is none of {}", text, words);
        }
        rest.remove_prefix(bar + 1);
    }
}

Result<int64_t> parse_value(const OptionEntry& entry, std::string_view text) {
    switch (entry.type) {
        case kFlag:
            return parse_flag(text);
        case kInteger: {
            constexpr std::pair<std::string_view, int64_t> kPlain[] = {{"", 1}};
            return parse_scaled(text, kPlain);
        }
        case kSize:
            return parse_size(text);
        case kDuration:
            return parse_duration(text);
        case kChoice:
            return parse_choice(text, entry.range);
        case kText:
            break;
    }
    return int64_t{0};
}

bool is_number(OptionType type) {
    return type == kInteger || type == kSize || type == kDuration;
}

size_t edit_distance(std::string_view a, std::string_view b) {
    std::vector<size_t> row(b.size() + 1);
    std::iota(row.begin(), row.end(), size_t{0});
    for (size_t i = 1; i <= a.size(); ++i) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b.size(); ++j) {
            const size_t above = row[j];
            row[j] = std::min({above + 1, row[j - 1] + 1, diagonal + (a[i - 1] == b[j - 1] ? 0U : 1U)});
            diagonal = above;
        }
    }
    return row.back();
}

bool is_option(std::string_view name) {
    return std::any_of(kTable.begin(), kTable.end(),
                       [&](const OptionEntry& entry) { return entry.name == name; });
}

std::vector<std::string> environment_names() {
    std::vector<std::string> names;
    for (char** variable = environ; variable != nullptr && *variable != nullptr; ++variable) {
        const std::string_view assignment(*variable);
        names.emplace_back(assignment.substr(0, assignment.find('=')));
    }
    return names;
}

void warn_of_unknown_options() {
    for (const auto& [name, nearest] : unknown_options(environment_names())) {
        log_warn(
            "environment variable {} is no option of memfabric and has no effect; did you mean {}? `mf "
            "options` lists all",
            name, nearest);
    }
}

}  // namespace

std::span<const OptionEntry> option_table() {
    return kTable;
}

Options::Options() {
    for (const OptionEntry& entry : kTable) {
        Value& value = values_[index(entry.id)];
        value.text = entry.default_text;
        value.number = parse_value(entry, entry.default_text).value();
    }
}

Result<Options> Options::from_environment() {
    static std::atomic<bool> warned{false};
    if (!warned.exchange(true)) {
        warn_of_unknown_options();
    }
    return from_lookup(environment_variable);
}

Result<Options> Options::from_lookup(const Lookup& lookup) {
    Options options;
    for (const OptionEntry& entry : kTable) {
        if (const char* text = lookup(std::string(entry.name).c_str())) {
            MF_RETURN_IF_ERROR(options.set(entry.id, text));
        }
    }
    return options;
}

Status Options::set(OptionId id, std::string_view text) {
    const OptionEntry& entry = kTable.at(index(id));
    const Result<int64_t> number = parse_value(entry, text);
    if (!number.is_ok()) {
        return number.status().with_context(fmt::format("option {}", entry.name));
    }
    if (is_number(entry.type) && (*number < entry.lowest || *number > entry.highest)) {
        return failure(Code::kInvalidParam, "option {}: {} is outside {} to {}", entry.name, text,
                       entry.lowest, entry.highest);
    }
    values_[index(id)] = Value{std::string(text), *number, true};
    return {};
}

std::vector<std::pair<std::string, std::string_view>> unknown_options(std::span<const std::string> names) {
    std::vector<std::pair<std::string, std::string_view>> unknown;
    for (const std::string& name : names) {
        if (!name.starts_with("MF_") || is_option(name)) {
            continue;
        }
        const auto nearest =
            std::min_element(kTable.begin(), kTable.end(), [&](const OptionEntry& a, const OptionEntry& b) {
                return edit_distance(a.name, name) < edit_distance(b.name, name);
            });
        unknown.emplace_back(name, nearest->name);
    }
    return unknown;
}

Result<int64_t> parse_size(std::string_view text) {
    constexpr std::pair<std::string_view, int64_t> kUnits[] = {
        {"", 1},      {"K", 1024},   {"KB", 1024}, {"KiB", 1024}, {"k", 1024},  {"M", kMiB},
        {"MB", kMiB}, {"MiB", kMiB}, {"m", kMiB},  {"G", kGiB},   {"GB", kGiB}, {"GiB", kGiB},
        {"g", kGiB},  {"T", kTiB},   {"TB", kTiB}, {"TiB", kTiB}, {"t", kTiB},
    };
    MF_ASSIGN_OR_RETURN(const int64_t bytes, parse_scaled(text, kUnits));
    if (bytes < 0) {
        return failure(Code::kInvalidParam, "'{}': a size is not negative", text);
    }
    return bytes;
}

Result<int64_t> parse_duration(std::string_view text) {
    constexpr std::pair<std::string_view, int64_t> kUnits[] = {{"", 1}, {"ms", 1}, {"s", 1000}, {"m", 60000}};
    MF_ASSIGN_OR_RETURN(const int64_t milliseconds, parse_scaled(text, kUnits));
    if (milliseconds < 0) {
        return failure(Code::kInvalidParam, "'{}': a duration is not negative", text);
    }
    return milliseconds;
}

}  // namespace memfabric
