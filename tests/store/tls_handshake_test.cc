// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>

#include "tests/store/tls_fixture.h"

namespace memfabric::store {
namespace {

using test::HandshakeOutcome;
using test::Pki;
using test::shake_hands;
using test::TemporaryFolder;
using testing::AnyOf;
using testing::HasSubstr;

std::shared_ptr<SSL_CTX> context_of(const TlsSettings& settings, TlsRole role) {
    auto context = make_tls_context(settings, role);
    EXPECT_TRUE(context.is_ok()) << context.status().message();
    return context.is_ok() ? *context : nullptr;
}

TEST(TlsHandshake, BothSidesShowCertificatesAndSpeakTls13) {
    const TemporaryFolder folder;
    const Pki pki(folder / "pki");
    const HandshakeOutcome outcome = shake_hands(pki.settings("server"), pki.settings("client"));
    EXPECT_TRUE(outcome.ok()) << outcome.server_error << outcome.client_error;
    EXPECT_EQ(outcome.version, "TLSv1.3");
}

TEST(TlsHandshake, AServersCertificateServesItsOwnProcessAsClient) {
    const TemporaryFolder folder;
    const Pki pki(folder / "pki");
    EXPECT_TRUE(shake_hands(pki.settings("server"), pki.settings("server")).ok());
}

TEST(TlsHandshake, AClientsCertificateIsNoServers) {
    const TemporaryFolder folder;
    const Pki pki(folder / "pki");
    const HandshakeOutcome outcome = shake_hands(pki.settings("client"), pki.settings("client"));
    EXPECT_FALSE(outcome.ok());
    EXPECT_THAT(outcome.client_error, AnyOf(HasSubstr("purpose"), HasSubstr("suitable")));
}

TEST(TlsHandshake, RsaKeysOf3072BitsAndEncryptedKeysWork) {
    const TemporaryFolder folder;
    Pki pki(folder / "pki", "correct horse");
    pki.issue("rsa", CertificateUse::kServer, test::kDay, KeyKind{3072});
    EXPECT_TRUE(shake_hands(pki.settings("rsa"), pki.settings("client")).ok());
    EXPECT_THAT(test::read_text(pki.path("rsa.key")), HasSubstr("BEGIN ENCRYPTED PRIVATE KEY"));
}

TEST(TlsHandshake, EveryPromisedSuiteWorksAndNoOther) {
    const TemporaryFolder folder;
    const Pki pki(folder / "pki");
    const auto server = context_of(pki.settings("server"), TlsRole::kServer);
    const auto client = context_of(pki.settings("client"), TlsRole::kClient);
    for (const char* suite : {"TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384",
                              "TLS_CHACHA20_POLY1305_SHA256", "TLS_AES_128_CCM_SHA256"}) {
        ASSERT_EQ(SSL_CTX_set_ciphersuites(client.get(), suite), 1);
        const HandshakeOutcome outcome = shake_hands(server.get(), client.get());
        EXPECT_TRUE(outcome.ok()) << suite;
        EXPECT_EQ(outcome.suite, suite);
    }
    ASSERT_EQ(SSL_CTX_set_ciphersuites(client.get(), "TLS_AES_128_CCM_8_SHA256"), 1);
    SSL_CTX_set_security_level(client.get(), 0);
    EXPECT_FALSE(shake_hands(server.get(), client.get()).ok());
}

TEST(TlsHandshake, AnOlderProtocolIsRefusedOnBothSides) {
    const TemporaryFolder folder;
    const Pki pki(folder / "pki");
    for (const TlsRole old_side : {TlsRole::kServer, TlsRole::kClient}) {
        const auto server = context_of(pki.settings("server"), TlsRole::kServer);
        const auto client = context_of(pki.settings("client"), TlsRole::kClient);
        SSL_CTX* old = old_side == TlsRole::kServer ? server.get() : client.get();
        SSL_CTX_set_min_proto_version(old, TLS1_2_VERSION);
        SSL_CTX_set_max_proto_version(old, TLS1_2_VERSION);
        const HandshakeOutcome outcome = shake_hands(server.get(), client.get());
        EXPECT_FALSE(outcome.server_ok || outcome.client_ok);
        EXPECT_THAT(outcome.server_error + outcome.client_error,
                    AnyOf(HasSubstr("protocol"), HasSubstr("version")));
    }
}

TEST(TlsHandshake, AnExpiredCertificateIsRefusedByThePeer) {
    const TemporaryFolder folder;
    Pki pki(folder / "pki");
    pki.issue("client", CertificateUse::kClient, -1);
    const auto server = context_of(pki.settings("server"), TlsRole::kServer);
    // Our own context would refuse to be made: a peer that does not care is needed.
    const auto client = context_of(pki.settings("server"), TlsRole::kClient);
    ASSERT_EQ(SSL_CTX_use_certificate_file(client.get(), pki.path("client.crt").c_str(), SSL_FILETYPE_PEM),
              1);
    ASSERT_EQ(SSL_CTX_use_PrivateKey_file(client.get(), pki.path("client.key").c_str(), SSL_FILETYPE_PEM), 1);
    const HandshakeOutcome outcome = shake_hands(server.get(), client.get());
    EXPECT_FALSE(outcome.ok());
    EXPECT_THAT(outcome.server_error, HasSubstr("expired"));
}

TEST(TlsHandshake, ARevokedCertificateIsRefusedAndOthersAreNot) {
    const TemporaryFolder folder;
    Pki pki(folder / "pki");
    pki.issue("other", CertificateUse::kClient);
    pki.revoke("client");
    pki.revoke("client");  // again: no failure, no second entry
    const HandshakeOutcome outcome = shake_hands(pki.settings("server"), pki.settings("client"));
    EXPECT_FALSE(outcome.ok());
    EXPECT_THAT(outcome.server_error,
                HasSubstr("certificate 'O = MemFabric, CN = client': certificate revoked"));
    EXPECT_THAT(outcome.client_error, HasSubstr("revoked"));
    EXPECT_TRUE(shake_hands(pki.settings("server"), pki.settings("other")).ok());
    pki.revoke("server");
    EXPECT_THAT(shake_hands(pki.settings("server"), pki.settings("other")).client_error,
                HasSubstr("revoked"));
}

TEST(TlsHandshake, WithoutRevocationListsNothingIsRevoked) {
    const TemporaryFolder folder;
    Pki pki(folder / "pki");
    pki.revoke("client");
    TlsSettings server = pki.settings("server");
    server.crl_path.clear();
    server.crl_files.clear();
    EXPECT_TRUE(shake_hands(server, pki.settings("client")).ok());
}

TEST(TlsHandshake, AForeignCertificateIsRefused) {
    const TemporaryFolder folder;
    const Pki pki(folder / "pki");
    const Pki foreign(folder / "foreign");
    TlsSettings client = foreign.settings("client");
    client.ca_path =
        pki.settings("client").ca_path;  // trusts the server, but has another authority's certificate
    client.crl_path = client.ca_path;
    const HandshakeOutcome outcome = shake_hands(pki.settings("server"), client);
    EXPECT_FALSE(outcome.ok());
    EXPECT_THAT(outcome.server_error, HasSubstr("verify failed"));
    EXPECT_FALSE(shake_hands(foreign.settings("server"), pki.settings("client")).client_ok);
}

TEST(TlsHandshake, AClientWithoutCertificateIsRefused) {
    const TemporaryFolder folder;
    const Pki pki(folder / "pki");
    const auto server = context_of(pki.settings("server"), TlsRole::kServer);
    const std::shared_ptr<SSL_CTX> client(SSL_CTX_new(TLS_client_method()), SSL_CTX_free);
    const HandshakeOutcome outcome = shake_hands(server.get(), client.get());
    EXPECT_FALSE(outcome.server_ok || outcome.client_ok);
    EXPECT_THAT(outcome.server_error, HasSubstr("did not return a certificate"));
}

TEST(TlsHandshake, APeersShortRsaKeyIsRefused) {
    const TemporaryFolder folder;
    Pki pki(folder / "pki");
    pki.issue("short", CertificateUse::kClient, test::kDay, KeyKind{2048});
    pki.issue("long", CertificateUse::kClient, test::kDay, KeyKind{3072});
    const auto server = context_of(pki.settings("server"), TlsRole::kServer);
    const auto client = context_of(pki.settings("long"), TlsRole::kClient);
    ASSERT_EQ(SSL_CTX_use_certificate_file(client.get(), pki.path("short.crt").c_str(), SSL_FILETYPE_PEM), 1);
    ASSERT_EQ(SSL_CTX_use_PrivateKey_file(client.get(), pki.path("short.key").c_str(), SSL_FILETYPE_PEM), 1);
    const HandshakeOutcome outcome = shake_hands(server.get(), client.get());
    EXPECT_FALSE(outcome.ok());
    EXPECT_THAT(outcome.server_error, HasSubstr("key too weak"));
}

}  // namespace
}  // namespace memfabric::store
