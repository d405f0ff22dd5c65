// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>

#include "store/certificates.h"
#include "store/openssl_handles.h"
#include "store/tls.h"

namespace memfabric::store::test {

constexpr int64_t kDay = 24 * 3600;

class TemporaryFolder {
 public:
    TemporaryFolder() {
        std::string pattern = (std::filesystem::temp_directory_path() / "memfabric-tls-XXXXXX").string();
        path_ = ::mkdtemp(pattern.data());
    }
    ~TemporaryFolder() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    TemporaryFolder(const TemporaryFolder&) = delete;
    TemporaryFolder& operator=(const TemporaryFolder&) = delete;
    std::string operator/(const std::string& name) const {
        return (std::filesystem::path(path_) / name).string();
    }

 private:
    std::string path_;
};

inline void write_text(const std::string& path, const std::string& text) {
    std::ofstream(path, std::ios::binary) << text;
}

inline std::string read_text(const std::string& path) {
    std::stringstream content;
    content << std::ifstream(path, std::ios::binary).rdbuf();
    return content.str();
}

/// An authority with one certificate for a server and one for a client.
class Pki {
 public:
    explicit Pki(const std::string& folder, const std::string& password = "", uint32_t days = 365)
        : files_{folder, password} {
        must(make_authority(files_, days, {}, false));
        issue("server", CertificateUse::kServer);
        issue("client", CertificateUse::kClient);
    }

    void issue(const std::string& name, CertificateUse use, int64_t seconds = 90 * kDay, KeyKind key = {}) {
        must(issue_certificate(files_, {name, {"localhost", "127.0.0.1", "::1"}, use, seconds, key}));
    }
    void revoke(const std::string& name) { must(revoke_certificate(files_, path(name + ".crt"))); }

    TlsSettings settings(const std::string& name) const { return parse_tls_info(tls_info_of(files_, name)); }
    std::string path(const std::string& name) const { return files_.folder + "/" + name; }
    const AuthorityFiles& files() const { return files_; }

 private:
    static void must(const Status& status) { ASSERT_TRUE(status.is_ok()) << status.message(); }
    AuthorityFiles files_;
};

struct HandshakeOutcome {
    bool server_ok = false;
    bool client_ok = false;  // only known after the server's verdict was read, in TLS 1.3
    std::string server_error;
    std::string client_error;
    std::string version;
    std::string suite;
    bool ok() const { return server_ok && client_ok; }
};

/// A whole handshake in memory, and one byte from each side to the other.
HandshakeOutcome shake_hands(SSL_CTX* server, SSL_CTX* client);

/// With contexts made from settings, which must be possible.
HandshakeOutcome shake_hands(const TlsSettings& server, const TlsSettings& client);

/// Collects the log's lines while it lives.
class LogCapture {
 public:
    LogCapture();
    ~LogCapture();
    LogCapture(const LogCapture&) = delete;
    LogCapture& operator=(const LogCapture&) = delete;
    std::string text() const;
};

/// Sets an environment variable while it lives.
class ScopedVariable {
 public:
    ScopedVariable(const char* name, const char* value) : name_(name) { ::setenv(name, value, 1); }
    ~ScopedVariable() { ::unsetenv(name_); }
    ScopedVariable(const ScopedVariable&) = delete;
    ScopedVariable& operator=(const ScopedVariable&) = delete;

 private:
    const char* name_;
};

}  // namespace memfabric::store::test
