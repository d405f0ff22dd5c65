// SPDX-License-Identifier: Apache-2.0
#include "slurm_nodes.h"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <stdexcept>

namespace mf {
namespace {

constexpr size_t kMaxNodes = 4096;  // more than a run has ranks, and few enough for a list that is nonsense

std::optional<uint32_t> number_in(std::string_view digits) {
    uint32_t value = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    return error == std::errc() && end == digits.data() + digits.size() ? std::optional(value) : std::nullopt;
}

/// Cuts at the commas outside brackets.
std::vector<std::string_view> cut(std::string_view text) {
    std::vector<std::string_view> parts;
    size_t begin = 0;
    bool inside = false;
    for (size_t i = 0; i <= text.size(); ++i) {
        if (i == text.size() || (text[i] == ',' && !inside)) {
            parts.push_back(text.substr(begin, i - begin));
            begin = i + 1;
        } else if (text[i] == '[' || text[i] == ']') {
            inside = text[i] == '[';
        }
    }
    return parts;
}

[[noreturn]] void refuse_nodes(std::string_view text) {
    throw std::runtime_error(
        fmt::format("the node list '{}' cannot be read; name the hosts by --hosts or --hostfile", text));
}

/// "08-10": 08, 09, 10; the first number's width is that of all.
std::vector<std::string> numbers_of_range(std::string_view range, std::string_view whole) {
    const size_t dash = std::min(range.find('-'), range.size());
    const std::string_view low = range.substr(0, dash);
    const auto first = number_in(low);
    const auto last = dash == range.size() ? first : number_in(range.substr(dash + 1));
    if (!first || !last || *last < *first || *last - *first >= kMaxNodes) {
        refuse_nodes(whole);
    }
    std::vector<std::string> numbers;
    for (uint64_t number = *first; number <= *last; ++number) {
        numbers.push_back(fmt::format("{:0{}}", number, low.size()));
    }
    return numbers;
}

/// One word, whose brackets may be several: "rack[1-2]node[1-4]".
std::vector<std::string> expand_word(std::string_view word, std::string_view whole) {
    const size_t open = word.find('[');
    const size_t close = word.find(']');
    if (open == std::string_view::npos && close == std::string_view::npos && !word.empty()) {
        return {std::string(word)};
    }
    if (open == std::string_view::npos || close == std::string_view::npos || close < open) {
        refuse_nodes(whole);
    }
    const std::string_view rest = word.substr(close + 1);
    const std::vector<std::string> ends =
        rest.empty() ? std::vector<std::string>{""} : expand_word(rest, whole);
    std::vector<std::string> names;
    for (const std::string_view range : cut(word.substr(open + 1, close - open - 1))) {
        for (const std::string& number : numbers_of_range(range, whole)) {
            for (const std::string& end : ends) {
                names.push_back(fmt::format("{}{}{}", word.substr(0, open), number, end));
            }
            if (names.size() > kMaxNodes) {
                refuse_nodes(whole);
            }
        }
    }
    return names;
}

}  // namespace

std::vector<std::string> expand_node_list(std::string_view text) {
    std::vector<std::string> names;
    for (const std::string_view word : cut(text)) {
        const std::vector<std::string> expanded = expand_word(word, text);
        names.insert(names.end(), expanded.begin(), expanded.end());
    }
    return names;
}

std::vector<uint32_t> expand_task_counts(std::string_view text) {
    std::vector<uint32_t> counts;
    for (const std::string_view word : cut(text)) {
        constexpr std::string_view kTimes = "(x";
        const size_t times = word.find(kTimes);
        const bool is_repeated = times != std::string_view::npos;
        const bool is_closed = !is_repeated || word.ends_with(')');
        const uint32_t count = number_in(word.substr(0, times)).value_or(0);
        const std::string_view digits = is_repeated ? word.substr(times + kTimes.size()) : "1)";
        const uint32_t repeats =
            is_closed && !digits.empty() ? number_in(digits.substr(0, digits.size() - 1)).value_or(0) : 0;
        if (count == 0 || repeats == 0 || counts.size() + repeats > kMaxNodes) {
            throw std::runtime_error(fmt::format(
                "the tasks per node '{}' cannot be read; name the hosts by --hosts or --hostfile", text));
        }
        counts.insert(counts.end(), repeats, count);
    }
    return counts;
}

std::vector<HostSlots> slurm_hosts(std::string_view node_list, std::string_view task_counts,
                                   std::string_view own_name) {
    const std::vector<std::string> names = expand_node_list(node_list);
    const std::vector<uint32_t> counts =
        task_counts.empty() ? std::vector<uint32_t>(names.size(), 1) : expand_task_counts(task_counts);
    if (counts.size() != names.size()) {
        throw std::runtime_error(
            fmt::format("the node list '{}' has {} nodes, the tasks per node '{}' are of {}", node_list,
                        names.size(), task_counts, counts.size()));
    }
    // A node's name is the host's first label.
    const std::string_view own = own_name.substr(0, own_name.find('.'));
    std::vector<HostSlots> hosts;
    for (size_t i = 0; i < names.size(); ++i) {
        const bool is_own = names[i] == own || names[i] == own_name;
        const std::vector<HostSlots> host =
            parse_host_list(fmt::format("{}:{}", is_own ? "localhost" : names[i], counts[i]));
        hosts.insert(hosts.end(), host.begin(), host.end());
    }
    return hosts;
}

}  // namespace mf
