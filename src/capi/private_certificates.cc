// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "capi/private_api.h"
#include "capi/private_text.h"
#include "capi/report.h"
#include "store/certificates.h"

namespace memfabric::capi {
namespace {

constexpr uint32_t kMaxDays = 36500;
constexpr uint32_t kAuthorityDays = 3650;  // outlives the certificates, so that these can be renewed
constexpr int64_t kSecondsPerDay = int64_t{24} * 3600;
constexpr int kRsaBits = 3072;

store::KeyKind key_kind(uint32_t flags) {
    return {(flags & MF_CERTIFICATES_RSA) != 0 ? kRsaBits : 0};
}

Status check_days(uint32_t days) {
    if (days == 0 || days > kMaxDays) {
        return failure(Code::kInvalidParam, "a certificate cannot be valid for {} days: 1 to {} are possible",
                       days, kMaxDays);
    }
    return {};
}

Status check_texts(std::initializer_list<const char*> texts) {
    const bool complete =
        std::none_of(texts.begin(), texts.end(), [](const char* text) { return text == nullptr; });
    if (!complete) {
        return failure(Code::kInvalidParam, "certificates: an argument is NULL");
    }
    return {};
}

Status issue(const store::AuthorityFiles& files, const char* name, store::CertificateUse use,
             const char* hosts, uint32_t days, uint32_t flags) {
    store::CertificateRequest request;
    request.name = name;
    MF_ASSIGN_OR_RETURN(request.hosts, store::parse_host_list(hosts));
    request.use = use;
    request.seconds_valid = days * kSecondsPerDay;
    request.key = key_kind(flags);
    return store::issue_certificate(files, request);
}

}  // namespace
}  // namespace memfabric::capi

namespace capi = memfabric::capi;
namespace store = memfabric::store;
using memfabric::Result;
using memfabric::Status;

extern "C" {

int32_t mf_private_make_certificates(const char* folder, const char* hosts, const char* password,
                                     uint32_t days, uint32_t flags) {
    return capi::guarded([&]() -> Status {
        MF_RETURN_IF_ERROR(capi::check_texts({folder, hosts, password}));
        MF_RETURN_IF_ERROR(capi::check_days(days));
        // Before anything is made: a wrong host must not leave half an authority behind.
        MF_RETURN_IF_ERROR(store::parse_host_list(hosts).status());
        const store::AuthorityFiles files{folder, password};
        const bool force = (flags & MF_CERTIFICATES_REPLACE) != 0;
        MF_RETURN_IF_ERROR(
            store::make_authority(files, std::max(days, capi::kAuthorityDays), capi::key_kind(flags), force));
        MF_RETURN_IF_ERROR(capi::issue(files, "server", store::CertificateUse::kServer, hosts, days, flags));
        return capi::issue(files, "client", store::CertificateUse::kClient, "", days, flags);
    });
}

int32_t mf_private_issue_certificate(const char* folder, const char* name, const char* hosts,
                                     const char* password, uint32_t days, uint32_t flags) {
    return capi::guarded([&]() -> Status {
        MF_RETURN_IF_ERROR(capi::check_texts({folder, name, hosts, password}));
        MF_RETURN_IF_ERROR(capi::check_days(days));
        return capi::issue({folder, password}, name, store::CertificateUse::kServer, hosts, days, flags);
    });
}

int32_t mf_private_revoke_certificate(const char* folder, const char* certificate, const char* password) {
    return capi::guarded([&]() -> Status {
        MF_RETURN_IF_ERROR(capi::check_texts({folder, certificate, password}));
        return store::revoke_certificate({folder, password}, certificate);
    });
}

char* mf_private_tls_info(const char* folder, const char* name, int encrypted) {
    return capi::guarded_text([&]() -> Result<std::string> {
        MF_RETURN_IF_ERROR(capi::check_texts({folder, name}));
        return store::tls_info_of({folder, encrypted != 0 ? "set" : ""}, name);
    });
}

}  // extern "C"
