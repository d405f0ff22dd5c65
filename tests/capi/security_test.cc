// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>

#include <cstring>
#include <string>

#include "base/last_error.h"
#include "capi/store_security.h"
#include "smem.h"

namespace memfabric::capi {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

const Endpoint kLoopback{"127.0.0.1", 9000};
const Endpoint kRemote{"10.1.2.3", 9000};
constexpr std::string_view kInfo = "tlsCert: /x.crt";

Options with_plaintext() {
    Options options;
    EXPECT_TRUE(options.set(OptionId::kAllowPlaintext, "1").is_ok());
    return options;
}

/// "plaintext", "tls CERTIFICATE" or the failure's text.
std::string decision(const StoreSecurity& security, const Endpoint& endpoint, const Options& options = {},
                     const char* environment = nullptr) {
    const auto settings = security.settings_for(endpoint, true, options, environment);
    if (!settings.is_ok()) {
        return settings.status().message();
    }
    return settings->has_value() ? "tls " + (*settings)->certificate : "plaintext";
}

TEST(StoreSecurity, LoopbackNeedsNothing) {
    const StoreSecurity security;
    for (const char* host : {"127.0.0.1", "127.9.9.9", "::1", "localhost"}) {
        EXPECT_EQ(decision(security, {host, 1}), "plaintext") << host;
    }
}

TEST(StoreSecurity, BeyondLoopbackNeedsPermissionAndSaysWhatToSet) {
    const StoreSecurity security;
    for (const char* host : {"10.1.2.3", "0.0.0.0", "::", "fe80::1", "node1"}) {
        EXPECT_THAT(
            decision(security, {host, 9000}),
            AllOf(HasSubstr("SMEM_CONF_STORE_TLS_INFO"), HasSubstr("MF_ALLOW_PLAINTEXT=1"),
                  HasSubstr("smem_set_conf_store_tls(false"), HasSubstr("set_conf_store_tls(False, \"\")"),
                  HasSubstr("served"), HasSubstr(":9000")))
            << host;
    }
    EXPECT_THAT(security.settings_for(kRemote, false, Options(), nullptr).status().message(),
                HasSubstr("used"));
    EXPECT_EQ(decision(security, kRemote, with_plaintext()), "plaintext");
}

TEST(StoreSecurity, TheEnvironmentsStringCountsWhereNothingWasSaid) {
    StoreSecurity security;
    EXPECT_EQ(decision(security, kRemote, {}, kInfo.data()), "tls /x.crt");
    EXPECT_EQ(decision(security, kLoopback, with_plaintext(), kInfo.data()), "tls /x.crt");
    EXPECT_EQ(decision(security, kLoopback, {}, ""), "plaintext");
    security.disable_tls();
    EXPECT_EQ(decision(security, kRemote, {}, kInfo.data()), "plaintext");
    security.enable_tls("tlsCert: /y.crt");
    EXPECT_EQ(decision(security, kRemote, {}, kInfo.data()), "tls /y.crt");
    EXPECT_EQ(decision(security, kLoopback, with_plaintext(), kInfo.data()), "tls /y.crt");
}

TEST(StoreSecurity, TheHandlerComesWithTheSettings) {
    StoreSecurity security;
    security.enable_tls(kInfo);
    EXPECT_FALSE(security.settings_for(kRemote, true, Options(), nullptr).value()->decrypt);
    security.set_decrypt_handler([](std::string_view) -> Result<std::string> { return std::string("p"); });
    const auto settings = security.settings_for(kRemote, true, Options(), nullptr);
    ASSERT_TRUE(settings.value()->decrypt);
    EXPECT_EQ(settings.value()->decrypt("x").value(), "p");
}

TEST(SecurityFunctions, CheckTheirArguments) {
    const std::string long_info(10 * 1024 + 1, ';');
    EXPECT_EQ(smem_set_conf_store_tls(true, nullptr, 0), -1);
    EXPECT_THAT(last_error(), HasSubstr("NULL"));
    EXPECT_EQ(smem_set_conf_store_tls(true, long_info.data(), static_cast<uint32_t>(long_info.size())), -1);
    EXPECT_THAT(last_error(), HasSubstr("10241"));
    EXPECT_EQ(smem_set_conf_store_tls(true, long_info.data(), 10 * 1024), 0);
    EXPECT_EQ(smem_set_conf_store_tls(false, nullptr, UINT32_MAX), 0);
    EXPECT_EQ(smem_register_decrypt_handler(nullptr), -2000);
    EXPECT_EQ(smem_register_decrypt_handler_sized(nullptr), -2000);
    EXPECT_THAT(last_error(), HasSubstr("NULL"));
}

/// Drops the handler and the choice that a test leaves in the process.
class ProcessSecurity : public testing::Test {
 protected:
    ProcessSecurity() { EXPECT_EQ(smem_set_conf_store_tls(true, "tlsCert: /c.crt;tlsPk: /rubbish", 16), 0); }
    ~ProcessSecurity() override {
        process_store_security().set_decrypt_handler({});
        process_store_security().disable_tls();
    }
    static store::TlsSettings settings() {
        return store_security_for(kRemote, true, Options()).value().value();
    }
};

TEST_F(ProcessSecurity, TheStringIsCutAtItsLength) {
    EXPECT_EQ(settings().certificate, "/c.crt");
    EXPECT_EQ(settings().private_key, "");
}

int reverse(const char* cipher, int* cipher_length, char* plain, int* plain_length) {
    EXPECT_EQ(*plain_length, 2 * *cipher_length);
    EXPECT_EQ(cipher[*cipher_length], '\0');
    for (int i = 0; i < *cipher_length; ++i) {
        plain[i] = cipher[*cipher_length - 1 - i];
    }
    *plain_length = *cipher_length;
    return 0;
}

int reverse_by_reference(const char* cipher, size_t cipher_length, char* plain, size_t& plain_length) {
    EXPECT_EQ(plain_length, 2 * cipher_length);
    for (size_t i = 0; i < cipher_length; ++i) {
        plain[i] = cipher[cipher_length - 1 - i];
    }
    plain_length = cipher_length;
    return 0;
}

TEST_F(ProcessSecurity, BothFormsOfTheHandlerDecrypt) {
    ASSERT_EQ(smem_register_decrypt_handler(reverse), 0);
    EXPECT_EQ(settings().decrypt("abc").value(), "cba");
    ASSERT_EQ(smem_register_decrypt_handler(reverse_by_reference), 0);
    EXPECT_EQ(settings().decrypt("abcd").value(), "dcba");
    ASSERT_EQ(smem_register_decrypt_handler_sized([](const char*, size_t, char* plain, size_t* length) {
                  plain[0] = 'z';
                  *length = 1;
                  return 0;
              }),
              0);
    EXPECT_EQ(settings().decrypt("abcd").value(), "z");
}

TEST_F(ProcessSecurity, AHandlersFailureAndImpossibleLengthsAreFailures) {
    ASSERT_EQ(smem_register_decrypt_handler([](const char*, int*, char*, int*) { return 42; }), 0);
    EXPECT_THAT(settings().decrypt("abc").status().message(), HasSubstr("returned 42"));
    ASSERT_EQ(smem_register_decrypt_handler([](const char*, int*, char*, int* length) {
                  *length = -1;
                  return 0;
              }),
              0);
    EXPECT_THAT(settings().decrypt("abc").status().message(), StartsWith("it reported a password of"));
    ASSERT_EQ(smem_register_decrypt_handler_sized([](const char*, size_t, char*, size_t* length) {
                  *length += 1;
                  return 0;
              }),
              0);
    EXPECT_THAT(settings().decrypt("abc").status().message(), HasSubstr("7 bytes, 1 to 6"));
}

}  // namespace
}  // namespace memfabric::capi
