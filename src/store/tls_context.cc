// SPDX-License-Identifier: Apache-2.0
#include <openssl/crypto.h>
#include <openssl/err.h>

#include <algorithm>
#include <atomic>
#include <cerrno>

#include "base/log.h"
#include "store/tls.h"
#include "store/tls_files.h"
#include "store/tls_refusal.h"

namespace memfabric::store {
namespace {

constexpr const char* kCipherSuites =
    "TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256:TLS_AES_128_CCM_SHA256";
constexpr int kSecurityLevel = 2;  // for the CAs above a certificate: RSA of 2048 bits, no SHA-1
constexpr int kMinKeyBits = 3072;  // for certificates themselves, where the bits are those of RSA or DSA

bool is_short(const EVP_PKEY* key) {
    const bool counts_like_rsa = EVP_PKEY_is_a(key, "RSA") == 1 || EVP_PKEY_is_a(key, "RSA-PSS") == 1 ||
                                 EVP_PKEY_is_a(key, "DSA") == 1;
    return counts_like_rsa && EVP_PKEY_get_bits(key) < kMinKeyBits;
}

/// On top of OpenSSL's own verification: the key of the peer itself, and a text of what was refused.
int verify_peer(int accepted, X509_STORE_CTX* verification) {
    const X509* certificate = X509_STORE_CTX_get_current_cert(verification);
    if (accepted == 1 && X509_STORE_CTX_get_error_depth(verification) == 0) {
        const EVP_PKEY* key = X509_get0_pubkey(certificate);
        if (key == nullptr || is_short(key)) {
            X509_STORE_CTX_set_error(verification, X509_V_ERR_EE_KEY_TOO_SMALL);
            accepted = 0;
        }
    }
    if (accepted != 1) {
        note_refused_certificate(
            fmt::format("certificate '{}': {}",
                        certificate != nullptr ? name_text(X509_get_subject_name(certificate)) : "unknown",
                        X509_verify_cert_error_string(X509_STORE_CTX_get_error(verification))));
    }
    return accepted;
}

Status check_required(const TlsSettings& settings) {
    const std::pair<std::string_view, bool> required[] = {
        {"tlsCaPath or tlsCaFile", !settings.ca_path.empty() || !settings.ca_files.empty()},
        {"tlsCert", !settings.certificate.empty()},
        {"tlsPk", !settings.private_key.empty()},
    };
    for (const auto& [name, given] : required) {
        if (!given) {
            return failure(
                Code::kInvalidParam,
                "the TLS settings say nothing about {}: mutual TLS needs tlsCaPath, tlsCert and tlsPk "
                "(`mf certs` makes all of them)",
                name);
        }
    }
    return {};
}

Status check_validity(X509* certificate, const std::string& path) {
    const auto date = [](const ASN1_TIME* time) {
        const BioPtr buffer(BIO_new(BIO_s_mem()));
        ASN1_TIME_print(buffer.get(), time);
        char* text = nullptr;
        const long size = BIO_get_mem_data(buffer.get(), &text);
        return std::string(text, static_cast<size_t>(std::max(size, 0L)));
    };
    if (X509_cmp_current_time(X509_get0_notAfter(certificate)) < 0) {
        return failure(Code::kInvalidParam, "certificate '{}' (tlsCert) expired on {}: have a new one issued",
                       path, date(X509_get0_notAfter(certificate)));
    }
    if (X509_cmp_current_time(X509_get0_notBefore(certificate)) > 0) {
        return failure(Code::kInvalidParam,
                       "certificate '{}' (tlsCert) is not valid before {}: check this machine's clock", path,
                       date(X509_get0_notBefore(certificate)));
    }
    return {};
}

Status use_own_certificate(SSL_CTX* context, const TlsSettings& settings) {
    const Result<std::vector<LoadedCertificate>> chain = load_certificates(settings.certificate);
    if (!chain.is_ok()) {
        return chain.status().with_context("own certificate (tlsCert)");
    }
    X509* own = chain->front().object.get();
    MF_RETURN_IF_ERROR(check_validity(own, settings.certificate));
    MF_ASSIGN_OR_RETURN(const PkeyPtr key, load_private_key(settings));
    if (is_short(key.get())) {
        return failure(Code::kInvalidParam,
                       "private key '{}' (tlsPk) has {} bits; RSA keys must have at least {}",
                       settings.private_key, EVP_PKEY_get_bits(key.get()), kMinKeyBits);
    }
    if (X509_check_private_key(own, key.get()) != 1) {
        ERR_clear_error();
        return failure(Code::kInvalidParam,
                       "private key '{}' (tlsPk) does not belong to certificate '{}' (tlsCert)",
                       settings.private_key, settings.certificate);
    }
    bool used = SSL_CTX_use_certificate(context, own) == 1 && SSL_CTX_use_PrivateKey(context, key.get()) == 1;
    for (size_t i = 1; used && i < chain->size(); ++i) {
        used = SSL_CTX_add1_chain_cert(context, (*chain)[i].object.get()) == 1;
    }
    if (!used) {
        return failure(Code::kInvalidParam,
                       "certificate '{}' (tlsCert) with private key '{}' (tlsPk) cannot be used: {}",
                       settings.certificate, settings.private_key, openssl_error_text());
    }
    return {};
}

Status trust(SSL_CTX* context, const TlsSettings& settings) {
    X509_STORE* store = SSL_CTX_get_cert_store(context);
    MF_ASSIGN_OR_RETURN(const std::vector<LoadedCertificate> authorities, load_ca_certificates(settings));
    for (const LoadedCertificate& authority : authorities) {
        if (X509_STORE_add_cert(store, authority.object.get()) != 1) {
            return failure(Code::kError, "CA certificate '{}' cannot be used: {}", authority.path,
                           openssl_error_text());
        }
    }
    MF_ASSIGN_OR_RETURN(const std::vector<LoadedCrl> crls, load_crls(settings));
    for (const LoadedCrl& crl : crls) {
        if (X509_STORE_add_crl(store, crl.object.get()) != 1) {
            return failure(Code::kError, "revocation list '{}' cannot be used: {}", crl.path,
                           openssl_error_text());
        }
    }
    if (!crls.empty()) {
        X509_STORE_set_flags(store, X509_V_FLAG_CRL_CHECK);
    }
    return {};
}

Status restrict_protocol(SSL_CTX* context, TlsRole role) {
    SSL_CTX_set_security_level(context, kSecurityLevel);
    if (SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION) != 1 ||
        SSL_CTX_set_max_proto_version(context, TLS1_3_VERSION) != 1 ||
        SSL_CTX_set_ciphersuites(context, kCipherSuites) != 1) {
        return failure(Code::kNotSupported, "OpenSSL cannot do TLS 1.3 with the suites {}: {}", kCipherSuites,
                       openssl_error_text());
    }
    const int mode = SSL_VERIFY_PEER | (role == TlsRole::kServer ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0);
    SSL_CTX_set_verify(context, mode, verify_peer);
    // No resumption: a session must not outlive the certificate that it was opened with.
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_options(context, SSL_OP_NO_TICKET);
    SSL_CTX_set_num_tickets(context, 0);
    return {};
}

void say_package_path_is_ignored(const TlsSettings& settings) {
    static std::atomic_flag said;
    if (!settings.package_path.empty() && !said.test_and_set()) {
        log_info("TLS settings: packagePath '{}' has no effect, OpenSSL is linked", settings.package_path);
    }
}

Result<std::shared_ptr<ssl_ctx_st>> make_context(const TlsSettings& settings, TlsRole role) {
    MF_RETURN_IF_ERROR(check_required(settings));
    say_package_path_is_ignored(settings);
    // A store serves until the process has ended, so OpenSSL must not take its tables down at exit. Where the
    // program uses OpenSSL itself it has decided this already, and the call changes nothing.
    OPENSSL_init_crypto(OPENSSL_INIT_NO_ATEXIT, nullptr);
    const std::shared_ptr<SSL_CTX> context(
        SSL_CTX_new(role == TlsRole::kServer ? TLS_server_method() : TLS_client_method()), SSL_CTX_free);
    if (!context) {
        return failure(Code::kMallocFailed, "OpenSSL made no TLS context: {}", openssl_error_text());
    }
    MF_RETURN_IF_ERROR(restrict_protocol(context.get(), role));
    MF_RETURN_IF_ERROR(trust(context.get(), settings));
    MF_RETURN_IF_ERROR(use_own_certificate(context.get(), settings));
    warn_of_expiry(settings);
    return context;
}

}  // namespace

Result<std::shared_ptr<ssl_ctx_st>> make_tls_context(const TlsSettings& settings, TlsRole role) {
    // Of a file that it had no memory to read OpenSSL says that it cannot be read.
    errno = 0;
    Result<std::shared_ptr<ssl_ctx_st>> made = make_context(settings, role);
    if (!made.is_ok() && errno == ENOMEM) {
        return failure(Code::kMallocFailed, "no memory for TLS: {}", made.status().message());
    }
    return made;
}

}  // namespace memfabric::store
