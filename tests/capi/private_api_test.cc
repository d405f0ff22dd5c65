// SPDX-License-Identifier: Apache-2.0
#include "capi/private_api.h"

#include <gmock/gmock.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

#include "base/fd.h"
#include "base/last_error.h"
#include "base/options.h"

namespace memfabric {
namespace {

using testing::HasSubstr;

/// Takes over a text of the interface; nullptr is a failure of the test.
std::string taken(char* text) {
    EXPECT_NE(text, nullptr) << last_error();
    std::string copy(text != nullptr ? text : "");
    mf_private_free_text(text);
    return copy;
}

TEST(PrivateApi, OptionsAreTheTable) {
    const auto rows = nlohmann::json::parse(taken(mf_private_options_json())).at("options");
    ASSERT_EQ(rows.size(), option_table().size());
    for (size_t i = 0; i < rows.size(); ++i) {
        EXPECT_EQ(rows[i].at("name"), option_table()[i].name);
        EXPECT_FALSE(rows[i].at("range").get<std::string>().empty());
        EXPECT_FALSE(rows[i].at("text").get<std::string>().empty());
    }
}

TEST(PrivateApi, InfoIsJson) {
    const auto checks = nlohmann::json::parse(taken(mf_private_info_json())).at("checks");
    EXPECT_FALSE(checks.empty());
    EXPECT_TRUE(checks[0].at("ok").is_boolean());
}

TEST(PrivateApi, FreeingNothingIsAllowed) {
    mf_private_free_text(nullptr);
}

TEST(PrivateApi, CertificatesRefuseNullAndImpossibleDays) {
    EXPECT_EQ(mf_private_make_certificates(nullptr, "", "", 1, 0), -2000);
    EXPECT_EQ(mf_private_make_certificates("folder", nullptr, "", 1, 0), -2000);
    EXPECT_EQ(mf_private_make_certificates("folder", "", nullptr, 1, 0), -2000);
    EXPECT_EQ(mf_private_issue_certificate("folder", nullptr, "", "", 1, 0), -2000);
    EXPECT_EQ(mf_private_revoke_certificate("folder", nullptr, ""), -2000);
    EXPECT_EQ(mf_private_tls_info(nullptr, "server", 0), nullptr);
    EXPECT_THAT(last_error(), HasSubstr("NULL"));
    for (const uint32_t days : {0U, 36501U, UINT32_MAX}) {
        EXPECT_EQ(mf_private_make_certificates("folder", "", "", days, 0), -2000) << days;
    }
    EXPECT_FALSE(std::filesystem::exists("folder"));
}

TEST(PrivateApi, TlsInfoNamesThePasswordFileOnlyWhereThereIsOne) {
    EXPECT_EQ(taken(mf_private_tls_info("/etc/mf/", "n1", 0)),
              "tlsCaPath: /etc/mf; tlsCaFile: ca.crt; tlsCert: /etc/mf/n1.crt; tlsPk: /etc/mf/n1.key; "
              "tlsCrlPath: /etc/mf; tlsCrlFile: ca.crl");
    EXPECT_THAT(taken(mf_private_tls_info("/etc/mf", "n1", 1)),
                HasSubstr("; tlsPkPwd: /etc/mf/key.password; "));
}

void remember(const char* url, void* context) {
    *static_cast<std::string*>(context) = url;
}

TEST(PrivateApi, AStoreServesUntilItIsStopped) {
    const Fd stop(::eventfd(1, EFD_CLOEXEC));  // readable already
    std::string url;
    EXPECT_EQ(mf_private_serve_store("tcp://127.0.0.1:0", stop.get(), remember, &url), 0) << last_error();
    EXPECT_THAT(url, testing::MatchesRegex("tcp://127\\.0\\.0\\.1:[0-9]+"));
    EXPECT_NE(url, "tcp://127.0.0.1:0");
}

TEST(PrivateApi, AStoreRefusesWhatCannotBe) {
    const Fd stop(::eventfd(1, EFD_CLOEXEC));
    std::string url;
    EXPECT_EQ(mf_private_serve_store(nullptr, stop.get(), remember, &url), -2000);
    EXPECT_EQ(mf_private_serve_store("tcp://127.0.0.1:0", stop.get(), nullptr, nullptr), -2000);
    EXPECT_EQ(mf_private_serve_store("127.0.0.1:0", stop.get(), remember, &url), -2000);
    EXPECT_TRUE(url.empty());
}

}  // namespace
}  // namespace memfabric
