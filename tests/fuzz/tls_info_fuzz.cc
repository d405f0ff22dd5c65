// SPDX-License-Identifier: Apache-2.0
// A text as the string of TLS settings, and as the list of hosts that `mf certs` is given.
#include "store/certificates.h"
#include "store/tls.h"
#include "tests/fuzz/fuzz.h"

using namespace memfabric;
using fuzz::require;

namespace {

/// What no value can hold, whatever the string was.
void check_value(std::string_view value) {
    constexpr std::string_view kBlank = " \t\r\n";
    require(value.find(';') == std::string_view::npos);
    require(value.empty() || (kBlank.find(value.front()) == std::string_view::npos &&
                              kBlank.find(value.back()) == std::string_view::npos));
}

void check_list(const std::vector<std::string>& items) {
    for (const std::string& item : items) {
        check_value(item);
        require(!item.empty() && item.find(',') == std::string::npos);
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    set_log_level(LogLevel::kFatal);
    const std::string_view text = fuzz::as_text(data, size);
    const store::TlsSettings settings = store::parse_tls_info(text);
    for (const std::string& value :
         {settings.ca_path, settings.certificate, settings.private_key, settings.private_key_password,
          settings.crl_path, settings.package_path}) {
        check_value(value);
    }
    check_list(settings.ca_files);
    check_list(settings.crl_files);
    const auto hosts = store::parse_host_list(std::string(text));
    fuzz::require_reason(hosts.status());
    return 0;
}
