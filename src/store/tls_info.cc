// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "base/log.h"
#include "store/tls.h"

namespace memfabric::store {
namespace {

std::string_view trimmed(std::string_view text) {
    constexpr std::string_view kBlank = " \t\r\n";
    const size_t first = text.find_first_not_of(kBlank);
    if (first == std::string_view::npos) {
        return {};
    }
    return text.substr(first, text.find_last_not_of(kBlank) + 1 - first);
}

/// Cuts off and returns what stands before the next `separator`.
std::string_view next_piece(std::string_view& rest, char separator) {
    const size_t end = std::min(rest.find(separator), rest.size());
    const std::string_view piece = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    return trimmed(piece);
}

std::vector<std::string> list_of(std::string_view text) {
    std::vector<std::string> items;
    while (!text.empty()) {
        if (const std::string_view item = next_piece(text, ','); !item.empty()) {
            items.emplace_back(item);
        }
    }
    return items;
}

void assign(TlsSettings& settings, std::string_view key, std::string_view value) {
    if (key == "tlsCaPath") {
        settings.ca_path = value;
    } else if (key == "tlsCaFile") {
        settings.ca_files = list_of(value);
    } else if (key == "tlsCert") {
        settings.certificate = value;
    } else if (key == "tlsPk") {
        settings.private_key = value;
    } else if (key == "tlsPkPwd") {
        settings.private_key_password = value;
    } else if (key == "tlsCrlPath") {
        settings.crl_path = value;
    } else if (key == "tlsCrlFile") {
        settings.crl_files = list_of(value);
    } else if (key == "packagePath") {
        settings.package_path = value;
    } else if (!key.empty()) {
        log_warn(
            "TLS settings: the key '{}' is unknown and ignored; known are tlsCaPath, tlsCaFile, tlsCert, "
            "tlsPk, tlsPkPwd, "
            "tlsCrlPath, tlsCrlFile, packagePath",
            key);
    }
}

}  // namespace

TlsSettings parse_tls_info(std::string_view info) {
    TlsSettings settings;
    while (!info.empty()) {
        std::string_view pair = next_piece(info, ';');
        if (pair.find(':') == std::string_view::npos) {
            continue;
        }
        const std::string_view key = next_piece(pair, ':');
        assign(settings, key, trimmed(pair));
    }
    return settings;
}

}  // namespace memfabric::store
