// SPDX-License-Identifier: Apache-2.0
#include "probe.h"

#include <fmt/core.h>

#include <algorithm>
#include <cstdio>
#include <stdexcept>

#include "library.h"
#include "smem.h"

namespace mf {
namespace {

void check(int32_t code, const char* what) {
    if (code != 0) {
        throw std::runtime_error(fmt::format("{}: {} (code {})", what, smem_get_last_err_msg(), code));
    }
}

}  // namespace

Probe::Probe(const std::string& store_url, uint64_t memory, std::chrono::milliseconds patience)
    : probe_(mf_private_probe_open(store_url.c_str(), memory, static_cast<uint32_t>(patience.count()))),
      patience_(static_cast<uint32_t>(patience.count())) {
    if (probe_ == nullptr) {
        throw std::runtime_error(
            fmt::format("joining the fabric of {}: {}", store_url, smem_get_last_err_msg()));
    }
}

Probe::~Probe() {
    mf_private_probe_close(probe_);
}

nlohmann::ordered_json Probe::look() const {
    const LibraryText text(mf_private_probe_json(probe_, patience_));
    if (!text.ok) {
        throw std::runtime_error(
            fmt::format("asking the config store who is there: {}", smem_get_last_err_msg()));
    }
    return nlohmann::ordered_json::parse(text.text);
}

std::string Probe::ping(uint32_t peer) const {
    char* problem = nullptr;
    if (mf_private_probe_ping(probe_, peer, patience_, &problem) == 0) {
        return "";
    }
    const LibraryText text(problem);
    return text.ok ? text.text : "no answer, and no memory for the reason";
}

void Probe::copy(uint32_t peer, bool to_peer, const std::vector<mf_private_piece_t>& pieces) const {
    check(mf_private_probe_copy(probe_, peer, to_peer ? 1 : 0, pieces.data(),
                                static_cast<uint32_t>(pieces.size()), patience_),
          to_peer ? "put" : "get");
}

uint64_t Probe::add(uint32_t peer, uint64_t offset, uint64_t value) const {
    uint64_t old = 0;
    check(mf_private_probe_add(probe_, peer, offset, value, &old, patience_), "fetch-add");
    return old;
}

std::string path_text(const nlohmann::ordered_json& peer) {
    if (peer.at("same_host").get<bool>()) {
        return "shared memory (same host)";
    }
    std::string path = peer.at("provider").get<std::string>();
    const char* separator = " ";
    for (const auto& way : peer.at("ways")) {
        const auto text = [&](const char* name) { return way.at(name).get<std::string>(); };
        path += fmt::format("{}{} {} -> {}", separator, text("interface"), text("local_address"),
                            text("address"));
        separator = ", ";
    }
    return path;
}

std::string time_text(double microseconds) {
    constexpr double kMilli = 1000;
    return microseconds < kMilli ? fmt::format("{:.1f} us", microseconds)
                                 : fmt::format("{:.2f} ms", microseconds / kMilli);
}

void print_rows(const std::vector<std::vector<std::string>>& rows) {
    std::vector<size_t> widths;
    for (const auto& row : rows) {
        widths.resize(std::max(widths.size(), row.size()));
        for (size_t i = 0; i + 1 < row.size(); ++i) {
            widths[i] = std::max(widths[i], row[i].size());
        }
    }
    for (const auto& row : rows) {
        for (size_t i = 0; i < row.size(); ++i) {
            fmt::print("{:<{}}{}", row[i], i + 1 < row.size() ? widths[i] : 0,
                       i + 1 < row.size() ? "  " : "\n");
        }
    }
}

}  // namespace mf
