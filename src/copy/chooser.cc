// SPDX-License-Identifier: Apache-2.0
#include "copy/chooser.h"

#include "copy/cpu.h"

namespace memfabric::copy {
namespace {

/// Pieces below this gain nothing from going past the caches even where they are cold. Measured, walking over
/// 1 GiB: 4 KiB: memcpy 17, non-temporal 18 GB/s; 16 KiB: 20 against 24; 64 KiB and more: 20 against 27.
constexpr size_t kNontemporalPieceMin = size_t{16} * 1024;

/// Where the caller or the user asks for it, a little earlier.
constexpr size_t kForcedPieceMin = size_t{4} * 1024;

}  // namespace

Chooser::Rule Chooser::rule_of(const Options& options) {
    const std::string& kernel = options.text(OptionId::kCopyKernel);
    if (kernel == "memcpy") {
        return Rule::kPlain;
    }
    if (kernel == "nontemporal") {
        return Rule::kNontemporal;
    }
    return options.size(OptionId::kCopyNontemporalMin) > 0 ? Rule::kBySize : Rule::kByRecency;
}

Chooser::Chooser(const Options& options)
    : rule_(rule_of(options)),
      cold_from_(rule_ == Rule::kBySize ? options.size(OptionId::kCopyNontemporalMin) : cache_share()),
      plain_(plain_kernel()),
      nontemporal_(nontemporal_kernel()),
      recency_(cache_share()) {}

const Kernel& Chooser::choose(const std::byte* destination, const std::byte* source, size_t size,
                              size_t total, Temperature temperature) {
    if (size < kForcedPieceMin || rule_ == Rule::kPlain) {
        return plain_;
    }
    if (rule_ == Rule::kNontemporal) {
        return nontemporal_;
    }
    if (temperature != Temperature::kAuto) {
        return temperature == Temperature::kCold ? nontemporal_ : plain_;
    }
    if (rule_ == Rule::kBySize) {
        return total >= cold_from_ ? nontemporal_ : plain_;
    }
    if (size < kNontemporalPieceMin) {
        return plain_;
    }
    // Only where the destination lies in the caches does storing through them save the memory's bandwidth;
    // the source is touched because it may be the next copy's destination.
    const bool recent = recency_.touch(destination);
    recency_.touch(source);
    recency_.advance(size);
    return recent && total < cold_from_ ? plain_ : nontemporal_;
}

}  // namespace memfabric::copy
