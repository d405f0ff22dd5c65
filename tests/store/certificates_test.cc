// SPDX-License-Identifier: Apache-2.0
#include "store/certificates.h"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include "store/tls_files.h"
#include "tests/store/tls_fixture.h"

namespace memfabric::store {
namespace {

using test::Pki;
using test::read_text;
using test::TemporaryFolder;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

mode_t mode_of(const std::string& path) {
    struct stat status {};
    EXPECT_EQ(::stat(path.c_str(), &status), 0) << path;
    return status.st_mode & 07777;
}

TEST(Certificates, KeysAndPasswordsAreTheOwnersAlone) {
    const TemporaryFolder folder;
    const Pki pki(folder / "a/deeper/pki", "pw");
    EXPECT_EQ(mode_of(pki.files().folder), 0700U);
    for (const char* name : {"ca.key", "server.key", "client.key", "key.password"}) {
        EXPECT_EQ(mode_of(pki.path(name)), 0600U) << name;
    }
    EXPECT_EQ(mode_of(pki.path("ca.crt")), 0644U);
}

TEST(Certificates, AnAuthorityIsReplacedOnlyByForce) {
    const TemporaryFolder folder;
    const Pki pki(folder / "pki");
    const std::string before = read_text(pki.path("ca.crt"));
    const Status again = make_authority(pki.files(), 30, {}, false);
    EXPECT_EQ(again.code(), Code::kDuplicatedObject);
    EXPECT_THAT(again.message(), HasSubstr("--force"));
    EXPECT_EQ(read_text(pki.path("ca.crt")), before);
    EXPECT_TRUE(make_authority(pki.files(), 30, {}, true).is_ok());
    EXPECT_NE(read_text(pki.path("ca.crt")), before);
}

TEST(Certificates, HostsBecomeAlternativeNames) {
    const TemporaryFolder folder;
    const Pki pki(folder / "pki");
    ASSERT_TRUE(
        issue_certificate(
            pki.files(), {"many", {"node-1.example", "10.1.2.3", "fe80::1"}, CertificateUse::kServer, 60, {}})
            .is_ok());
    const auto loaded = load_certificates(pki.path("many.crt"));
    ASSERT_TRUE(loaded.is_ok());
    X509* certificate = loaded->front().object.get();
    EXPECT_EQ(X509_check_host(certificate, "node-1.example", 0, 0, nullptr), 1);
    EXPECT_EQ(X509_check_host(certificate, "node-2.example", 0, 0, nullptr), 0);
    EXPECT_EQ(X509_check_ip_asc(certificate, "10.1.2.3", 0), 1);
    EXPECT_EQ(X509_check_ip_asc(certificate, "fe80::1", 0), 1);
    EXPECT_EQ(X509_check_ip_asc(certificate, "10.1.2.4", 0), 0);
}

TEST(Certificates, TheAuthoritysPasswordIsNeeded) {
    const TemporaryFolder folder;
    const Pki pki(folder / "pki", "right");
    const CertificateRequest request{"more", {}, CertificateUse::kClient, 60, {}};
    const Status wrong = issue_certificate({pki.files().folder, "other"}, request);
    EXPECT_THAT(wrong.message(), AllOf(HasSubstr("is wrong"), HasSubstr("ca.key")));
    EXPECT_THAT(issue_certificate({pki.files().folder, ""}, request).message(), HasSubstr("--password"));
    EXPECT_TRUE(issue_certificate(pki.files(), request).is_ok());
}

TEST(Certificates, OnlyItsOwnCertificatesAreRevoked) {
    const TemporaryFolder folder;
    const Pki pki(folder / "pki");
    const Pki foreign(folder / "foreign");
    EXPECT_THAT(revoke_certificate(pki.files(), foreign.path("client.crt")).message(),
                HasSubstr("was not signed"));
    EXPECT_THAT(revoke_certificate(pki.files(), folder / "none.crt").message(), HasSubstr("none.crt"));
}

TEST(Certificates, NamesAndFoldersThatCannotWorkAreRefused) {
    const TemporaryFolder folder;
    const Pki pki(folder / "pki");
    for (const char* name : {"", "ca", "../x", "a/b", ".x", "a b"}) {
        EXPECT_EQ(issue_certificate(pki.files(), {name, {}, CertificateUse::kClient, 60, {}}).code(),
                  Code::kInvalidParam)
            << name;
    }
    EXPECT_EQ(make_authority({folder / "a;b", ""}, 30, {}, false).code(), Code::kInvalidParam);
    EXPECT_EQ(make_authority({"", ""}, 30, {}, false).code(), Code::kInvalidParam);
    test::write_text(folder / "file", "");
    EXPECT_THAT(make_authority({folder / "file/pki", ""}, 30, {}, false).message(),
                HasSubstr("cannot be made"));
}

TEST(Certificates, HostListsAreChecked) {
    EXPECT_THAT(parse_host_list("a, b.example ,127.0.0.1,::1").value(),
                ElementsAre("a", "b.example", "127.0.0.1", "::1"));
    EXPECT_THAT(parse_host_list("").value(), IsEmpty());
    for (const char* wrong : {"a_b!", "fe80::1%eth0", "::x", "DNS:evil,x", "1.2.3", "host\n"}) {
        EXPECT_FALSE(parse_host_list(wrong).is_ok()) << wrong;
    }
}

}  // namespace
}  // namespace memfabric::store
