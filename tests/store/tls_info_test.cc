// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>

#include "tests/store/tls_fixture.h"

namespace memfabric::store {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST(TlsInfo, ReadsEveryKey) {
    const TlsSettings settings = parse_tls_info(
        "tlsCaPath: /etc/ca; tlsCaFile: a.crt, b.crt ,c.crt; tlsCert: /etc/own.crt; tlsPk: /etc/own.key; "
        "tlsPkPwd: /etc/pw; "
        "tlsCrlPath: /etc/crl; tlsCrlFile: x.crl,y.crl; packagePath: /usr/lib;");
    EXPECT_EQ(settings.ca_path, "/etc/ca");
    EXPECT_THAT(settings.ca_files, ElementsAre("a.crt", "b.crt", "c.crt"));
    EXPECT_EQ(settings.certificate, "/etc/own.crt");
    EXPECT_EQ(settings.private_key, "/etc/own.key");
    EXPECT_EQ(settings.private_key_password, "/etc/pw");
    EXPECT_EQ(settings.crl_path, "/etc/crl");
    EXPECT_THAT(settings.crl_files, ElementsAre("x.crl", "y.crl"));
    EXPECT_EQ(settings.package_path, "/usr/lib");
    EXPECT_FALSE(settings.decrypt);
}

TEST(TlsInfo, ForgivesWhiteSpaceAndBrokenPairs) {
    const TlsSettings settings = parse_tls_info(
        ";;\n tlsCert :\t/a.crt\r\n; no colon here ; tlsPk:/a.key;tlsCaFile: ,, one ,;: x;tlsCrlPath:");
    EXPECT_EQ(settings.certificate, "/a.crt");
    EXPECT_EQ(settings.private_key, "/a.key");
    EXPECT_THAT(settings.ca_files, ElementsAre("one"));
    EXPECT_THAT(settings.crl_path, IsEmpty());
}

TEST(TlsInfo, OnlyTheFirstColonSeparates) {
    EXPECT_EQ(parse_tls_info("tlsCert: /a:b/c.crt").certificate, "/a:b/c.crt");
}

TEST(TlsInfo, TheLastOfEqualKeysCounts) {
    EXPECT_EQ(parse_tls_info("tlsCert: a; tlsCert: b").certificate, "b");
}

TEST(TlsInfo, WarnsOfUnknownKeysAndGoesOn) {
    const test::LogCapture log;
    const TlsSettings settings = parse_tls_info("tlsCertificate: /x; tlsCert: /y");
    EXPECT_EQ(settings.certificate, "/y");
    EXPECT_THAT(log.text(), HasSubstr("'tlsCertificate' is unknown"));
}

TEST(TlsInfo, NothingAtAllIsEmptySettings) {
    EXPECT_THAT(parse_tls_info("").certificate, IsEmpty());
    EXPECT_THAT(parse_tls_info(std::string(5000, ';')).ca_path, IsEmpty());
    EXPECT_THAT(parse_tls_info(std::string("\0:\0;\xff:\xfe", 8)).ca_path, IsEmpty());
}

}  // namespace
}  // namespace memfabric::store
