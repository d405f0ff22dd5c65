// SPDX-License-Identifier: Apache-2.0
#include "memory/arena.h"

#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <fstream>
#include <sstream>

namespace memfabric::memory {
namespace {

#if defined(__SANITIZE_THREAD__)
// ThreadSanitizer lets programs map windows of 64 GiB here only.
constexpr uint64_t kFirstBase = 0x7e80'0000'0000;
constexpr uint64_t kBaseStep = 0x10'0000'0000;
constexpr uint64_t kLargestArena = kBaseStep;
constexpr int kBaseCount = 7;
#elif defined(__aarch64__)
// 39 bits of address space are all that some kernels have.
constexpr uint64_t kFirstBase = 0x20'0000'0000;
constexpr uint64_t kBaseStep = 0x8'0000'0000;
constexpr uint64_t kLargestArena = uint64_t{1} << 47;
constexpr int kBaseCount = 8;
#else
constexpr uint64_t kFirstBase = 0x2000'0000'0000;
constexpr uint64_t kBaseStep = 0x0400'0000'0000;
constexpr uint64_t kLargestArena = uint64_t{1} << 47;
constexpr int kBaseCount = 8;
#endif

Result<uint64_t> parse_base(std::string_view text) {
    std::string_view digits = text;
    const bool hexadecimal = digits.starts_with("0x") || digits.starts_with("0X");
    if (hexadecimal) {
        digits.remove_prefix(2);
    }
    uint64_t base = 0;
    const auto [end, error] =
        std::from_chars(digits.data(), digits.data() + digits.size(), base, hexadecimal ? 16 : 10);
    if (digits.empty() || error != std::errc() || end != digits.data() + digits.size()) {
        return failure(Code::kInvalidParam, "option MF_GVA_BASE: '{}' is not an address", text);
    }
    if (base == 0 || base % kRegionGranularity != 0) {
        return failure(Code::kInvalidParam, "option MF_GVA_BASE: {} is not a multiple of 2 MiB above 0",
                       text);
    }
    return base;
}

}  // namespace

Result<std::vector<uint64_t>> base_candidates(const Options& options) {
    std::vector<uint64_t> bases;
    std::istringstream words(options.text(OptionId::kGvaBase));
    for (std::string word; std::getline(words, word, ',');) {
        MF_ASSIGN_OR_RETURN(const uint64_t base, parse_base(word));
        bases.push_back(base);
    }
    if (bases.empty()) {
        for (int i = 0; i < kBaseCount; ++i) {
            bases.push_back(kFirstBase + static_cast<uint64_t>(i) * kBaseStep);
        }
    }
    return bases;
}

uint64_t arena_size(const Options& options) {
    const uint64_t wanted = std::min(options.size(OptionId::kArenaSize), kLargestArena);
    return wanted / kRegionGranularity * kRegionGranularity;
}

std::vector<uint64_t> usable_bases(const std::vector<uint64_t>& candidates, uint64_t size) {
    std::vector<uint64_t> usable;
    for (const uint64_t base : candidates) {
        if (Mapping::reserve_at(base, size).is_ok()) {
            usable.push_back(base);
        }
    }
    return usable;
}

std::string occupants(AddressRange range) {
    constexpr int kMostLines = 3;
    std::ifstream maps("/proc/self/maps");
    std::string found;
    int lines = 0;
    for (std::string line; std::getline(maps, line);) {
        const size_t dash = line.find('-');
        if (dash == std::string::npos) {
            continue;
        }
        const uint64_t begin = std::strtoull(line.c_str(), nullptr, 16);
        const uint64_t end = std::strtoull(line.c_str() + dash + 1, nullptr, 16);
        if (begin < range.end() && end > range.begin) {
            if (++lines > kMostLines) {
                return found + "; ...";
            }
            found += (found.empty() ? "" : "; ") + line;
        }
    }
    return found.empty() ? "nothing in /proc/self/maps: the range is beyond this machine's address space"
                         : found;
}

Result<Arena> Arena::reserve(AddressRange range) {
    Result<Mapping> reservation = Mapping::reserve_at(range.begin, range.size);
    if (!reservation.is_ok()) {
        return failure(
            Code::kMallocFailed,
            "{}; in the way: {}; choose other candidates with MF_GVA_BASE or a smaller MF_ARENA_SIZE",
            reservation.status().message(), occupants(range));
    }
    return Arena(std::move(reservation).value());
}

Status Arena::map(AddressRange part, int descriptor, uint64_t offset) {
    void* const at = reinterpret_cast<void*>(part.begin);
    // Sparse: without MAP_NORESERVE a segment of huge pages would need all of its pages at once.
    constexpr int kFlags = MAP_SHARED | MAP_FIXED | MAP_NORESERVE;
    if (::mmap(at, part.size, PROT_READ | PROT_WRITE, kFlags, descriptor, static_cast<off_t>(offset)) ==
        MAP_FAILED) {
        return failure(Code::kMallocFailed, "mapping {} bytes of a segment at {:#x} failed ({})", part.size,
                       part.begin, errno_text(errno));
    }
    // A core dump would read, and so take memory for, every hole of the window, for all who share it.
    ::madvise(at, part.size, MADV_DONTDUMP);
    return {};
}

Status Arena::unmap(AddressRange part) {
    void* const at = reinterpret_cast<void*>(part.begin);
    constexpr int kFlags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED;
    if (::mmap(at, part.size, PROT_NONE, kFlags, -1, 0) == MAP_FAILED) {
        return failure(Code::kMallocFailed, "taking {} bytes at {:#x} back failed ({})", part.size,
                       part.begin, errno_text(errno));
    }
    return {};
}

}  // namespace memfabric::memory
