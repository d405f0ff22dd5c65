// SPDX-License-Identifier: Apache-2.0
#include "fabric_meter.h"

#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <exception>
#include <functional>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "measure/histogram.h"
#include "measure/statistics.h"

namespace mf {
namespace {

using nlohmann::ordered_json;
namespace measure = memfabric::measure;

constexpr double kNanosecondsPerMicrosecond = 1000;

ordered_json latency_row(const char* operation, uint32_t count, const std::function<void()>& once) {
    measure::Histogram times;
    double sum = 0;  // exact, where the histogram has steps of some percent
    once();          // with the connection
    for (uint32_t i = 0; i < count; ++i) {
        const double seconds = measure::seconds_of(once);
        sum += seconds;
        times.add(static_cast<uint64_t>(seconds * 1e9));
    }
    const auto micro = [&](double share) {
        return static_cast<double>(times.quantile(share)) / kNanosecondsPerMicrosecond;
    };
    return {{"operation", operation},
            {"min_us", micro(0)},
            {"p50_us", micro(0.5)},
            {"p99_us", micro(0.99)},
            {"mean_us", count == 0 ? 0 : sum / count * 1e6}};
}

/// Blocks of one call, in the opposite order there, so that neighbours cannot be joined into one piece.
std::vector<mf_private_piece_t> pieces_at(std::byte* local, size_t place, size_t size, size_t blocks) {
    std::vector<mf_private_piece_t> pieces;
    pieces.reserve(blocks);
    for (size_t i = 0; i < blocks; ++i) {
        pieces.push_back({local + place + i * size, place + (blocks - 1 - i) * size, size});
    }
    return pieces;
}

/// The byte that verification puts at a place.
std::byte pattern(size_t place) {
    constexpr uint64_t kMultiplier = 0x9E3779B97F4A7C15U;
    constexpr unsigned kTopByte = 56;
    return static_cast<std::byte>((place + 1) * kMultiplier >> kTopByte);
}

}  // namespace

size_t FabricShape::blocks_of(size_t size) const {
    constexpr size_t kUnderWay = size_t{32} << 20;
    constexpr size_t kMost = 16;
    return outstanding != 0 ? outstanding
                            : std::clamp<size_t>(kUnderWay / std::max<size_t>(size, 1), 1, kMost);
}

ordered_json FabricMeter::latencies(uint32_t peer) const {
    std::byte* const word = local_.data();
    const std::vector<mf_private_piece_t> single = {{word, 0, sizeof(uint64_t)}};
    ordered_json rows = ordered_json::array();
    if (shape_.puts()) {
        rows.push_back(latency_row("put 8 bytes", shape_.count, [&] { probe_.copy(peer, true, single); }));
    }
    if (shape_.gets()) {
        rows.push_back(latency_row("get 8 bytes", shape_.count, [&] { probe_.copy(peer, false, single); }));
    }
    rows.push_back(latency_row("fetch-add 8 bytes", shape_.count, [&] { probe_.add(peer, 0, 1); }));
    rows.push_back(latency_row("ping", shape_.count, [&] {
        const std::string problem = probe_.ping(peer);
        if (!problem.empty()) {
            throw std::runtime_error(problem);
        }
    }));
    return rows;
}

ordered_json FabricMeter::bandwidth(uint32_t peer, size_t memory, size_t size, bool put) const {
    const size_t blocks = shape_.blocks_of(size);
    const size_t a_call = size * blocks;
    measure::Histogram times;
    size_t place = 0;
    const auto call = [&] {
        place = place + a_call > memory ? 0 : place;
        probe_.copy(peer, put, pieces_at(local_.data(), place, size, blocks));
        place += a_call;
    };
    call();
    const auto begin = std::chrono::steady_clock::now();
    std::chrono::duration<double> passed{};
    while (passed.count() < shape_.seconds) {
        times.add(static_cast<uint64_t>(measure::seconds_of(call) * 1e9));
        passed = std::chrono::steady_clock::now() - begin;
    }
    const auto bytes = static_cast<double>(times.count()) * static_cast<double>(a_call);
    return {{"operation", put ? "put" : "get"},
            {"block", size},
            {"outstanding", blocks},
            {"gigabytes_per_second", bytes / passed.count() / 1e9},
            {"p50_us", static_cast<double>(times.quantile(0.5)) / kNanosecondsPerMicrosecond},
            {"calls", times.count()}};
}

/// Puts a pattern, gets it back into other memory, compares every byte.
bool FabricMeter::verify(uint32_t peer, size_t memory, size_t size) const {
    const size_t blocks = shape_.blocks_of(size);
    const size_t a_call = size * blocks;
    std::vector<std::byte> back(a_call);
    for (size_t place = 0; place + a_call <= memory; place += a_call) {
        for (size_t i = 0; i < a_call; ++i) {
            local_.data()[place + i] = pattern(place + i);
        }
        probe_.copy(peer, true, pieces_at(local_.data(), place, size, blocks));
        std::vector<mf_private_piece_t> home = pieces_at(local_.data(), place, size, blocks);
        for (mf_private_piece_t& piece : home) {
            piece.local = back.data() + (static_cast<std::byte*>(piece.local) - (local_.data() + place));
        }
        probe_.copy(peer, false, home);
        if (std::memcmp(back.data(), local_.data() + place, a_call) != 0) {
            return false;
        }
    }
    return true;
}

ordered_json FabricMeter::measure(const ordered_json& peer) {
    const auto number = peer.at("number").get<uint32_t>();
    const size_t memory = std::min<size_t>(local_.size(), peer.at("offers").get<uint64_t>());
    ordered_json found = {{"peer", peer}, {"path", path_text(peer)}};
    found["latencies"] = ordered_json::array();
    found["bandwidths"] = ordered_json::array();
    found["problem"] = "";
    try {
        found["latencies"] = latencies(number);
        for (const size_t size : shape_.sizes) {
            if (size * shape_.blocks_of(size) > memory) {
                throw std::runtime_error(
                    fmt::format("{} blocks of {} bytes are more than the {} bytes that are offered (--pool)",
                                shape_.blocks_of(size), size, memory));
            }
            for (const bool put : {true, false}) {
                if (put ? shape_.puts() : shape_.gets()) {
                    found["bandwidths"].push_back(bandwidth(number, memory, size, put));
                }
            }
            if (shape_.verify) {
                found["verified"] = found.value("verified", true) && verify(number, memory, size);
            }
        }
    } catch (const std::exception& error) {
        found["problem"] = error.what();
    }
    return found;
}

}  // namespace mf
