// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>

#include <filesystem>
#include <stdexcept>

#include "tests/store/tls_fixture.h"

namespace memfabric::store {
namespace {

using test::LogCapture;
using test::Pki;
using test::TemporaryFolder;
using test::write_text;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

/// The text of the failure; "" where it worked.
std::string failure_of(const TlsSettings& settings) {
    const LogCapture log;
    const auto context = make_tls_context(settings, TlsRole::kServer);
    return context.is_ok() ? "" : context.status().message() + log.text();
}

TEST(TlsContext, NamesTheSettingThatIsMissing) {
    const TemporaryFolder folder;
    const Pki pki(folder / "pki");
    EXPECT_THAT(failure_of({}), HasSubstr("tlsCaPath"));
    TlsSettings settings = pki.settings("server");
    settings.certificate.clear();
    EXPECT_THAT(failure_of(settings), HasSubstr("nothing about tlsCert"));
    settings = pki.settings("server");
    settings.private_key.clear();
    EXPECT_THAT(failure_of(settings), HasSubstr("nothing about tlsPk"));
}

TEST(TlsContext, NamesTheFileThatIsMissing) {
    const TemporaryFolder folder;
    const Pki pki(folder / "pki");
    const TlsSettings good = pki.settings("server");
    for (const auto field :
         {&TlsSettings::certificate, &TlsSettings::private_key, &TlsSettings::private_key_password}) {
        TlsSettings settings = good;
        settings.*field = folder / "nowhere";
        EXPECT_THAT(failure_of(settings), AllOf(HasSubstr("nowhere"), HasSubstr("No such file")));
    }
    for (const auto field : {&TlsSettings::ca_files, &TlsSettings::crl_files}) {
        TlsSettings settings = good;
        settings.*field = {"absent.pem"};
        EXPECT_THAT(failure_of(settings), AllOf(HasSubstr("absent.pem"), HasSubstr("No such file")));
    }
    TlsSettings settings = good;
    settings.ca_path = folder / "no-such-folder";
    settings.ca_files.clear();
    EXPECT_THAT(failure_of(settings), AllOf(HasSubstr("no-such-folder"), HasSubstr("No such file")));
}

TEST(TlsContext, NamesTheFileThatIsBroken) {
    const TemporaryFolder folder;
    const Pki pki(folder / "pki");
    write_text(folder / "broken.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    write_text(folder / "text.pem", "hello");
    const TlsSettings good = pki.settings("server");
    for (const std::string name : {"broken.pem", "text.pem"}) {
        for (const auto field : {&TlsSettings::certificate, &TlsSettings::private_key}) {
            TlsSettings settings = good;
            settings.*field = folder / name;
            EXPECT_THAT(failure_of(settings), HasSubstr(name));
        }
        for (const auto field : {&TlsSettings::ca_files, &TlsSettings::crl_files}) {
            TlsSettings settings = good;
            settings.*field = {folder / name};
            EXPECT_THAT(failure_of(settings), HasSubstr(name));
        }
    }
}

TEST(TlsContext, TakesEveryAuthorityInTheFolderWhereNoneIsNamed) {
    const TemporaryFolder folder;
    const Pki pki(folder / "pki");
    std::filesystem::create_directory(folder / "cas");
    std::filesystem::copy_file(pki.path("ca.crt"), folder / "cas/one.pem");
    write_text(folder / "cas/readme.txt", "no certificate");
    TlsSettings settings = pki.settings("server");
    settings.ca_path = folder / "cas";
    settings.ca_files.clear();
    EXPECT_TRUE(test::shake_hands(settings, pki.settings("client")).ok());
    std::filesystem::remove(folder / "cas/one.pem");
    EXPECT_THAT(failure_of(settings), HasSubstr("holds none"));
}

TEST(TlsContext, RefusesAWrongPasswordWithoutSayingIt) {
    const TemporaryFolder folder;
    const Pki pki(folder / "pki", "the-right-one");
    write_text(folder / "pw", "a-wrong-secret\n");
    TlsSettings settings = pki.settings("server");
    settings.private_key_password = folder / "pw";
    EXPECT_THAT(failure_of(settings),
                AllOf(HasSubstr("is wrong"), HasSubstr("server.key"), Not(HasSubstr("a-wrong-secret"))));
}

TEST(TlsContext, AnEncryptedKeyNeedsAPasswordAndNeverAsksOnTheTerminal) {
    const TemporaryFolder folder;
    const Pki pki(folder / "pki", "the-right-one");
    TlsSettings settings = pki.settings("server");
    settings.private_key_password.clear();
    EXPECT_THAT(failure_of(settings), AllOf(HasSubstr("is encrypted"), HasSubstr("tlsPkPwd")));
    write_text(folder / "empty", " \n\t");
    settings.private_key_password = folder / "empty";
    EXPECT_THAT(failure_of(settings), HasSubstr("is empty"));
}

TEST(TlsContext, ThePasswordFilesTextIsTrimmed) {
    const TemporaryFolder folder;
    const Pki pki(folder / "pki", "two words");
    write_text(folder / "pw", "\n  two words \r\n");
    TlsSettings settings = pki.settings("server");
    settings.private_key_password = folder / "pw";
    EXPECT_EQ(failure_of(settings), "");
}

TEST(TlsContext, TheDecryptHandlerTurnsTheTextIntoThePassword) {
    const TemporaryFolder folder;
    const Pki pki(folder / "pki", "plain-password");
    write_text(folder / "pw", " drowssap-nialp\n");
    TlsSettings settings = pki.settings("server");
    settings.private_key_password = folder / "pw";
    std::string seen;
    settings.decrypt = [&seen](std::string_view cipher) -> Result<std::string> {
        seen = cipher;
        return std::string(cipher.rbegin(), cipher.rend());
    };
    EXPECT_EQ(failure_of(settings), "");
    EXPECT_EQ(seen, "drowssap-nialp");
}

TEST(TlsContext, AFailingDecryptHandlerFailsTheContext) {
    const TemporaryFolder folder;
    const Pki pki(folder / "pki", "plain-password");
    TlsSettings settings = pki.settings("server");
    settings.decrypt = [](std::string_view) -> Result<std::string> {
        return failure(Code::kError, "it returned {}", 7);
    };
    EXPECT_THAT(failure_of(settings), AllOf(HasSubstr("decrypt handler failed"), HasSubstr("it returned 7"),
                                            HasSubstr("tlsPkPwd")));
    settings.decrypt = [](std::string_view cipher) -> Result<std::string> {
        throw std::runtime_error(std::string(cipher));
    };
    EXPECT_THAT(failure_of(settings), AllOf(HasSubstr("threw"), Not(HasSubstr("plain-password"))));
    settings.decrypt = [](std::string_view) -> Result<std::string> { return std::string("something else"); };
    EXPECT_THAT(failure_of(settings),
                AllOf(HasSubstr("decrypt handler"), HasSubstr("is wrong"), Not(HasSubstr("something else"))));
}

TEST(TlsContext, RefusesAKeyOfAnotherCertificate) {
    const TemporaryFolder folder;
    const Pki pki(folder / "pki");
    TlsSettings settings = pki.settings("server");
    settings.private_key = pki.path("client.key");
    EXPECT_THAT(failure_of(settings),
                AllOf(HasSubstr("does not belong"), HasSubstr("client.key"), HasSubstr("server.crt")));
}

TEST(TlsContext, RefusesShortRsaKeys) {
    const TemporaryFolder folder;
    Pki pki(folder / "pki");
    pki.issue("short", CertificateUse::kServer, test::kDay, KeyKind{2048});
    EXPECT_THAT(failure_of(pki.settings("short")), AllOf(HasSubstr("2048 bits"), HasSubstr("3072")));
}

TEST(TlsContext, RefusesItsOwnExpiredCertificate) {
    const TemporaryFolder folder;
    Pki pki(folder / "pki");
    pki.issue("old", CertificateUse::kServer, -test::kDay);
    EXPECT_THAT(failure_of(pki.settings("old")), AllOf(HasSubstr("expired on"), HasSubstr("old.crt")));
}

TEST(TlsExpiry, WarnsAheadOfTime) {
    const TemporaryFolder folder;
    Pki pki(folder / "pki", "", 20);
    pki.issue("soon", CertificateUse::kServer, 40 * test::kDay + 60);
    const TlsSettings settings = pki.settings("soon");
    {
        const LogCapture log;
        warn_of_expiry(settings);
        EXPECT_THAT(log.text(), Not(HasSubstr("soon.crt")));
        EXPECT_THAT(log.text(), HasSubstr("ca.crt' (O = MemFabric, CN = MemFabric CA) expires in "));
    }
    const test::ScopedVariable ahead("ACCLINK_CERT_CHECK_AHEAD_DAYS", "60");
    const LogCapture log;
    warn_of_expiry(settings);
    EXPECT_THAT(log.text(), HasSubstr("soon.crt' (O = MemFabric, CN = soon) expires in 40 days"));
}

TEST(TlsExpiry, SaysWhatHasExpired) {
    const TemporaryFolder folder;
    Pki pki(folder / "pki");
    pki.issue("old", CertificateUse::kServer, -test::kDay);
    const LogCapture log;
    warn_of_expiry(pki.settings("old"));
    EXPECT_THAT(log.text(), HasSubstr("old.crt' (O = MemFabric, CN = old) has expired"));
}

TEST(TlsExpiry, NumbersOutsideTheirRangeAreAWarningAndTheDefault) {
    EXPECT_EQ(expiry_check_period().count(), 168);
    {
        const test::ScopedVariable period("ACCLINK_CHECK_PERIOD_HOURS", "24");
        EXPECT_EQ(expiry_check_period().count(), 24);
    }
    for (const char* wrong : {"23", "721", "-1", "1h", "x", "99999999999999999999"}) {
        const test::ScopedVariable period("ACCLINK_CHECK_PERIOD_HOURS", wrong);
        const LogCapture log;
        EXPECT_EQ(expiry_check_period().count(), 168) << wrong;
        EXPECT_THAT(log.text(), HasSubstr("ACCLINK_CHECK_PERIOD_HOURS"));
    }
}

}  // namespace
}  // namespace memfabric::store
