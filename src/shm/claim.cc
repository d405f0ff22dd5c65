// SPDX-License-Identifier: Apache-2.0
#include "shm/claim.h"

#include <charconv>
#include <set>

namespace memfabric::shm {
namespace {

constexpr size_t kQuoted = 8;  // claims that a failure's text quotes

/// The number at the front of `text`, which loses it and the space behind it.
template <typename Number>
bool take_number(std::string_view& text, Number& number) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    text.remove_prefix(static_cast<size_t>(end - text.data()));
    if (error != std::errc() || !text.starts_with(' ')) {
        return false;
    }
    text.remove_prefix(1);
    return true;
}

/// Claims that differ from the first one's, and the first: who is right is not for us to say.
std::string quote(const Claims& claims) {
    std::string text;
    std::set<std::string> statements;
    size_t left = 0;
    for (const auto& [world_rank, claim] : claims) {
        if (statements.size() < kQuoted) {
            text += (text.empty() ? "" : "; ") + claim.text();
            statements.insert(claim.text());
        } else {
            ++left;
        }
    }
    return left == 0 ? text : fmt::format("{}; and {} more", text, left);
}

}  // namespace

std::string Claim::encode() const {
    return fmt::format("{} {} {} {}", config.rank, config.rank_size, config.symmetric_size, config.problem);
}

Claim Claim::decode(uint32_t world_rank, uint64_t epoch, std::string_view payload) {
    Claim claim{world_rank, epoch, {}};
    if (take_number(payload, claim.config.rank) && take_number(payload, claim.config.rank_size) &&
        take_number(payload, claim.config.symmetric_size)) {
        claim.config.problem = payload;
    } else {
        claim.config.problem = "its message makes no sense; do all processes run the same version?";
    }
    return claim;
}

std::string Claim::text() const {
    const std::string said = fmt::format("process {} of the world says rank {} of {} with {} bytes a rank",
                                         world_rank, config.rank, config.rank_size, config.symmetric_size);
    return config.problem.empty() ? said : fmt::format("{}, which is refused: {}", said, config.problem);
}

Status check_claims(const Claims& claims) {
    std::set<uint32_t> ranks;
    const ObjectConfig& first = claims.begin()->second.config;
    for (const auto& [world_rank, claim] : claims) {
        const ObjectConfig& said = claim.config;
        if (!said.problem.empty()) {
            return failure(Code::kInvalidParam, "{}", claim.text());
        }
        const char* const what = said.rank_size != first.rank_size             ? "the number of ranks"
                                 : said.symmetric_size != first.symmetric_size ? "the size"
                                 : !ranks.insert(said.rank).second             ? "who has which rank"
                                                                               : nullptr;
        if (what != nullptr) {
            return failure(Code::kInvalidParam, "the ranks disagree about {}: {}", what, quote(claims));
        }
    }
    return {};
}

}  // namespace memfabric::shm
