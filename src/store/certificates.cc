// SPDX-License-Identifier: Apache-2.0
#include "store/certificates.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <sys/stat.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <filesystem>
#include <functional>

#include "base/endpoint.h"
#include "store/private_file.h"
#include "store/tls_files.h"

namespace memfabric::store {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kSecondsPerDay = int64_t{24} * 3600;
constexpr int64_t kClockSkew =
    3600;  // a fresh certificate works on hosts whose clocks are behind by this many seconds
constexpr int kSerialBits = 127;  // RFC 5280 allows 20 octets, positive

struct Authority {
    X509Ptr certificate;
    PkeyPtr key;
};

Status openssl_failure(std::string_view what) {
    return failure(Code::kError, "{}: {}", what, openssl_error_text());
}

Result<PkeyPtr> make_key(KeyKind kind) {
    PkeyPtr key(kind.rsa_bits > 0
                    ? EVP_PKEY_Q_keygen(nullptr, nullptr, "RSA", static_cast<size_t>(kind.rsa_bits))
                    : EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256"));
    if (!key) {
        return openssl_failure("no key pair could be made");
    }
    return key;
}

/// What `write` writes into memory, which is wiped when OpenSSL frees it.
Status write_pem(const std::string& path, mode_t mode, const std::function<int(BIO*)>& write) {
    const BioPtr buffer(BIO_new(BIO_s_secmem()));
    if (!buffer || write(buffer.get()) != 1) {
        return openssl_failure(fmt::format("no content for file '{}' could be made", path));
    }
    char* text = nullptr;
    const long size = BIO_get_mem_data(buffer.get(), &text);
    return replace_file(path, std::string_view(text, static_cast<size_t>(size)), mode);
}

Status write_key(const std::string& path, EVP_PKEY* key, const std::string& password) {
    return write_pem(path, 0600, [&](BIO* file) {
        const EVP_CIPHER* cipher = password.empty() ? nullptr : EVP_aes_256_cbc();
        return PEM_write_bio_PKCS8PrivateKey(file, key, cipher, password.data(),
                                             static_cast<int>(password.size()), nullptr, nullptr);
    });
}

Status write_certificate(const std::string& path, X509* certificate) {
    return write_pem(path, 0644, [&](BIO* file) { return PEM_write_bio_X509(file, certificate); });
}

Status add_extension(X509* certificate, X509* issuer, int kind, const std::string& value) {
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
    const ExtensionPtr extension(X509V3_EXT_conf_nid(nullptr, &context, kind, value.c_str()));
    if (!extension || X509_add_ext(certificate, extension.get(), -1) != 1) {
        return openssl_failure(fmt::format("certificate extension {} = {}", OBJ_nid2sn(kind), value));
    }
    return {};
}

bool set_random_serial(X509* certificate) {
    const BignumPtr number(BN_new());
    return number && BN_rand(number.get(), kSerialBits, BN_RAND_TOP_ANY, BN_RAND_BOTTOM_ANY) == 1 &&
           BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(certificate)) != nullptr;
}

/// Everything but extensions and signature.
Result<X509Ptr> blank_certificate(const std::string& name, EVP_PKEY* key, const X509_NAME* issuer,
                                  int64_t seconds_valid) {
    X509Ptr certificate(X509_new());
    const auto* text = reinterpret_cast<const unsigned char*>(name.c_str());
    X509_NAME* subject = certificate ? X509_get_subject_name(certificate.get()) : nullptr;
    // One that is to be expired already still begins before it ends.
    const int64_t begin = std::min<int64_t>(0, seconds_valid) - kClockSkew;
    const bool made =
        subject != nullptr && X509_set_version(certificate.get(), X509_VERSION_3) == 1 &&
        set_random_serial(certificate.get()) &&
        X509_gmtime_adj(X509_getm_notBefore(certificate.get()), begin) != nullptr &&
        X509_gmtime_adj(X509_getm_notAfter(certificate.get()), seconds_valid) != nullptr &&
        X509_set_pubkey(certificate.get(), key) == 1 &&
        X509_NAME_add_entry_by_txt(subject, "O", MBSTRING_UTF8,
                                   reinterpret_cast<const unsigned char*>("MemFabric"), -1, -1, 0) == 1 &&
        X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, text, -1, -1, 0) == 1 &&
        X509_set_issuer_name(certificate.get(), issuer != nullptr ? issuer : subject) == 1;
    if (!made) {
        return openssl_failure(fmt::format("no certificate for '{}' could be made", name));
    }
    return certificate;
}

Result<Authority> load_authority(const AuthorityFiles& files) {
    MF_ASSIGN_OR_RETURN(std::vector<LoadedCertificate> certificates, load_certificates(files.certificate()));
    MF_ASSIGN_OR_RETURN(PkeyPtr key, read_key_file(files.key(), files.password, "--password"));
    return Authority{std::move(certificates.front().object), std::move(key)};
}

Status write_crl(const AuthorityFiles& files, X509_CRL* crl, const Authority& authority) {
    const Asn1TimePtr now(X509_gmtime_adj(nullptr, -kClockSkew));
    const bool made = now && X509_CRL_set1_lastUpdate(crl, now.get()) == 1 &&
                      X509_CRL_set1_nextUpdate(crl, X509_get0_notAfter(authority.certificate.get())) == 1 &&
                      X509_CRL_sort(crl) == 1 && X509_CRL_sign(crl, authority.key.get(), EVP_sha256()) > 0;
    if (!made) {
        return openssl_failure("the revocation list could not be made");
    }
    return write_pem(files.revocation_list(), 0644,
                     [&](BIO* file) { return PEM_write_bio_X509_CRL(file, crl); });
}

Status write_empty_crl(const AuthorityFiles& files, const Authority& authority) {
    const CrlPtr crl(X509_CRL_new());
    if (!crl || X509_CRL_set_version(crl.get(), X509_CRL_VERSION_2) != 1 ||
        X509_CRL_set_issuer_name(crl.get(), X509_get_subject_name(authority.certificate.get())) != 1) {
        return openssl_failure("the revocation list could not be made");
    }
    return write_crl(files, crl.get(), authority);
}

bool is_address(const std::string& host) {
    in6_addr storage{};
    return ::inet_pton(AF_INET, host.c_str(), &storage) == 1 ||
           ::inet_pton(AF_INET6, host.c_str(), &storage) == 1;
}

std::string alternative_names(const std::vector<std::string>& hosts) {
    std::string names;
    for (const std::string& host : hosts) {
        names += fmt::format("{}{}:{}", names.empty() ? "" : ",", is_address(host) ? "IP" : "DNS", host);
    }
    return names;
}

Status check_name(const std::string& name) {
    const bool plain = !name.empty() && name.size() <= 64 && name.front() != '.' &&
                       std::all_of(name.begin(), name.end(), [](unsigned char c) {
                           return std::isalnum(c) != 0 || c == '-' || c == '_' || c == '.';
                       });
    if (!plain || name == "ca") {
        return failure(
            Code::kInvalidParam,
            "'{}' cannot name a certificate: write letters, digits, '-', '_' and '.', and not 'ca'", name);
    }
    return {};
}

Status check_folder_name(const std::string& folder) {
    if (folder.empty() || folder.find_first_of(";,") != std::string::npos) {
        return failure(
            Code::kInvalidParam,
            "'{}' cannot be the folder of certificates: a tls_info string has no way to write ';' and ','",
            folder);
    }
    return {};
}

}  // namespace

Status make_authority(const AuthorityFiles& files, uint32_t days, KeyKind key_kind, bool force) {
    MF_RETURN_IF_ERROR(check_folder_name(files.folder));
    std::error_code error;
    if (!force && (fs::exists(files.certificate(), error) || fs::exists(files.key(), error))) {
        return failure(Code::kDuplicatedObject,
                       "folder '{}' holds a certificate authority already (ca.crt, ca.key): with --force it "
                       "is replaced, and every "
                       "certificate that it signed becomes worthless",
                       files.folder);
    }
    if (!fs::exists(files.folder, error)) {
        fs::create_directories(fs::path(files.folder).parent_path(), error);
        if (::mkdir(files.folder.c_str(), 0700) != 0) {
            return failure(Code::kError, "folder '{}' cannot be made: {}", files.folder, errno_text(errno));
        }
    }
    Authority authority;
    MF_ASSIGN_OR_RETURN(authority.key, make_key(key_kind));
    MF_ASSIGN_OR_RETURN(authority.certificate, blank_certificate("MemFabric CA", authority.key.get(), nullptr,
                                                                 days * kSecondsPerDay));
    X509* certificate = authority.certificate.get();
    MF_RETURN_IF_ERROR(
        add_extension(certificate, certificate, NID_basic_constraints, "critical,CA:TRUE,pathlen:0"));
    MF_RETURN_IF_ERROR(
        add_extension(certificate, certificate, NID_key_usage, "critical,keyCertSign,cRLSign"));
    MF_RETURN_IF_ERROR(add_extension(certificate, certificate, NID_subject_key_identifier, "hash"));
    if (X509_sign(certificate, authority.key.get(), EVP_sha256()) <= 0) {
        return openssl_failure("the CA certificate could not be signed");
    }
    MF_RETURN_IF_ERROR(write_key(files.key(), authority.key.get(), files.password));
    MF_RETURN_IF_ERROR(write_certificate(files.certificate(), certificate));
    if (!files.password.empty()) {
        MF_RETURN_IF_ERROR(replace_file(files.password_file(), files.password, 0600));
    }
    return write_empty_crl(files, authority);
}

Status issue_certificate(const AuthorityFiles& files, const CertificateRequest& request) {
    MF_RETURN_IF_ERROR(check_name(request.name));
    MF_ASSIGN_OR_RETURN(const Authority authority, load_authority(files));
    X509* issuer = authority.certificate.get();
    MF_ASSIGN_OR_RETURN(const PkeyPtr key, make_key(request.key));
    MF_ASSIGN_OR_RETURN(
        const X509Ptr made,
        blank_certificate(request.name, key.get(), X509_get_subject_name(issuer), request.seconds_valid));
    X509* certificate = made.get();
    const bool server = request.use == CertificateUse::kServer;
    MF_RETURN_IF_ERROR(add_extension(certificate, issuer, NID_basic_constraints, "critical,CA:FALSE"));
    MF_RETURN_IF_ERROR(add_extension(certificate, issuer, NID_key_usage, "critical,digitalSignature"));
    MF_RETURN_IF_ERROR(add_extension(certificate, issuer, NID_ext_key_usage,
                                     server ? "serverAuth,clientAuth" : "clientAuth"));
    MF_RETURN_IF_ERROR(add_extension(certificate, issuer, NID_subject_key_identifier, "hash"));
    MF_RETURN_IF_ERROR(add_extension(certificate, issuer, NID_authority_key_identifier, "keyid:always"));
    if (!request.hosts.empty()) {
        MF_RETURN_IF_ERROR(
            add_extension(certificate, issuer, NID_subject_alt_name, alternative_names(request.hosts)));
    }
    if (X509_sign(certificate, authority.key.get(), EVP_sha256()) <= 0) {
        return openssl_failure(fmt::format("the certificate of '{}' could not be signed", request.name));
    }
    const std::string path = files.folder + "/" + request.name;
    MF_RETURN_IF_ERROR(write_key(path + ".key", key.get(), files.password));
    return write_certificate(path + ".crt", certificate);
}

Status revoke_certificate(const AuthorityFiles& files, const std::string& certificate_path) {
    MF_ASSIGN_OR_RETURN(const Authority authority, load_authority(files));
    MF_ASSIGN_OR_RETURN(const std::vector<LoadedCertificate> revoked, load_certificates(certificate_path));
    X509* certificate = revoked.front().object.get();
    if (X509_verify(certificate, authority.key.get()) != 1) {
        ERR_clear_error();
        return failure(Code::kInvalidParam, "certificate '{}' was not signed by the authority in '{}'",
                       certificate_path, files.folder);
    }
    TlsSettings list;
    list.crl_files = {files.revocation_list()};
    MF_ASSIGN_OR_RETURN(const std::vector<LoadedCrl> crls, load_crls(list));
    X509_CRL* crl = crls.front().object.get();
    X509_REVOKED* known = nullptr;
    if (X509_CRL_get0_by_cert(crl, &known, certificate) == 1) {
        return {};
    }
    RevokedPtr entry(X509_REVOKED_new());
    const Asn1TimePtr now(X509_gmtime_adj(nullptr, 0));
    if (!entry || !now ||
        X509_REVOKED_set_serialNumber(entry.get(), X509_get_serialNumber(certificate)) != 1 ||
        X509_REVOKED_set_revocationDate(entry.get(), now.get()) != 1 ||
        X509_CRL_add0_revoked(crl, entry.get()) != 1) {
        return openssl_failure(fmt::format("certificate '{}' could not be revoked", certificate_path));
    }
    entry.release();  // NOLINT(bugprone-unused-return-value): the list owns it now
    return write_crl(files, crl, authority);
}

std::string tls_info_of(const AuthorityFiles& files, const std::string& name) {
    std::error_code error;
    const fs::path absolute = fs::absolute(files.folder, error).lexically_normal();
    const std::string folder = (absolute.has_filename() ? absolute : absolute.parent_path()).string();
    std::string info = fmt::format(
        "tlsCaPath: {0}; tlsCaFile: ca.crt; tlsCert: {0}/{1}.crt; tlsPk: {0}/{1}.key; ", folder, name);
    if (!files.password.empty()) {
        info += fmt::format("tlsPkPwd: {}/key.password; ", folder);
    }
    return info + fmt::format("tlsCrlPath: {}; tlsCrlFile: ca.crl", folder);
}

Result<std::vector<std::string>> parse_host_list(const std::string& text) {
    std::vector<std::string> hosts;
    for (size_t begin = 0; begin <= text.size();) {
        const size_t comma = std::min(text.find(',', begin), text.size());
        std::string host = text.substr(begin, comma - begin);
        std::erase(host, ' ');
        begin = comma + 1;
        if (host.empty()) {
            continue;
        }
        // An address with a zone ("fe80::1%eth0") cannot stand in a certificate.
        const bool has_colon = host.find(':') != std::string::npos;
        if (has_colon ? !is_address(host) : !parse_endpoint(host + ":1").is_ok()) {
            return failure(Code::kInvalidParam, "'{}' is neither a host name nor an address", host);
        }
        hosts.push_back(std::move(host));
    }
    return hosts;
}

}  // namespace memfabric::store
