// SPDX-License-Identifier: Apache-2.0
#include <charconv>
#include <cstring>

#include "base/environment.h"
#include "base/log.h"
#include "store/tls.h"
#include "store/tls_files.h"

namespace memfabric::store {
namespace {

/// A number from the environment; what is outside the range is a warning and the default.
int environment_number(const char* name, int lowest, int highest, int otherwise) {
    const char* text = environment_variable(name);
    if (text == nullptr || *text == '\0') {
        return otherwise;
    }
    int value = 0;
    const char* end = text + std::strlen(text);
    const auto [stop, error] = std::from_chars(text, end, value);
    if (error != std::errc() || stop != end || value < lowest || value > highest) {
        log_warn("environment variable {}='{}' is not a number from {} to {}; {} is used", name, text, lowest,
                 highest, otherwise);
        return otherwise;
    }
    return value;
}

/// Negative where it is over; -1 also where the date cannot be read.
int days_left(const ASN1_TIME* end) {
    int days = 0;
    int seconds = 0;
    if (ASN1_TIME_diff(&days, &seconds, nullptr, end) != 1) {
        return -1;
    }
    return seconds < 0 ? days - 1 : days;
}

void warn_of(const ASN1_TIME* end, std::string_view what, const std::string& path, const std::string& name,
             int ahead) {
    const int left = days_left(end);
    if (left < 0) {
        log_warn("TLS: {} '{}' ({}) has expired", what, path, name);
    } else if (left < ahead) {
        log_warn("TLS: {} '{}' ({}) expires in {} day{}: have a new one issued", what, path, name, left,
                 left == 1 ? "" : "s");
    }
}

}  // namespace

std::chrono::hours expiry_check_period() {
    return std::chrono::hours(environment_number("ACCLINK_CHECK_PERIOD_HOURS", 24, 720, 168));
}

void warn_of_expiry(const TlsSettings& settings) {
    const int ahead = environment_number("ACCLINK_CERT_CHECK_AHEAD_DAYS", 7, 180, 30);
    const auto warn_of_all = [ahead](const Result<std::vector<LoadedCertificate>>& loaded,
                                     std::string_view what) {
        if (!loaded.is_ok()) {
            log_warn("TLS: expiry cannot be checked: {}", loaded.status().message());
            return;
        }
        for (const LoadedCertificate& certificate : *loaded) {
            const X509* object = certificate.object.get();
            warn_of(X509_get0_notAfter(object), what, certificate.path,
                    name_text(X509_get_subject_name(object)), ahead);
        }
    };
    warn_of_all(load_certificates(settings.certificate), "certificate");
    warn_of_all(load_ca_certificates(settings), "CA certificate");
    if (const Result<std::vector<LoadedCrl>> crls = load_crls(settings); crls.is_ok()) {
        for (const LoadedCrl& crl : *crls) {
            if (const ASN1_TIME* end = X509_CRL_get0_nextUpdate(crl.object.get()); end != nullptr) {
                warn_of(end, "revocation list", crl.path, name_text(X509_CRL_get_issuer(crl.object.get())),
                        ahead);
            }
        }
    } else {
        log_warn("TLS: expiry cannot be checked: {}", crls.status().message());
    }
}

}  // namespace memfabric::store
