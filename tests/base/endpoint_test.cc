// SPDX-License-Identifier: Apache-2.0
#include "base/endpoint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace memfabric {
namespace {

using testing::HasSubstr;

struct Good {
    std::string text;
    std::string host;
    uint16_t port;
};

struct Bad {
    std::string text;
    std::string reason;  // part of the text of the failure
};

class GoodEndpoint : public testing::TestWithParam<Good> {};
class BadEndpoint : public testing::TestWithParam<Bad> {};
class GoodUrl : public testing::TestWithParam<Good> {};
class BadUrl : public testing::TestWithParam<Bad> {};

TEST_P(GoodEndpoint, IsParsedAndPrintedBack) {
    const Result<Endpoint> parsed = parse_endpoint(GetParam().text);
    ASSERT_TRUE(parsed.is_ok()) << parsed.status().message();
    EXPECT_EQ(parsed->host, GetParam().host);
    EXPECT_EQ(parsed->port, GetParam().port);
    EXPECT_EQ(parse_endpoint(parsed->text()).value(), *parsed);
}

INSTANTIATE_TEST_SUITE_P(
    All, GoodEndpoint,
    testing::Values(Good{"localhost:1", "localhost", 1}, Good{"127.0.0.1:8570", "127.0.0.1", 8570},
                    Good{"0.0.0.0:65535", "0.0.0.0", 65535},
                    Good{"node-1.rack_2.example.org:80", "node-1.rack_2.example.org", 80},
                    Good{"example.org.:80", "example.org.", 80}, Good{"1node:80", "1node", 80},
                    Good{"a:1", "a", 1}, Good{"[::1]:7", "::1", 7}, Good{"[::]:7", "::", 7},
                    Good{"[2001:db8::1:2]:443", "2001:db8::1:2", 443},
                    Good{"[::ffff:10.0.0.1]:443", "::ffff:10.0.0.1", 443},
                    Good{"[fe80::1%eth0]:443", "fe80::1%eth0", 443},
                    Good{std::string(253, 'a') + ":5", std::string(253, 'a'), 5}));

TEST_P(BadEndpoint, IsRefusedWithTheReason) {
    const Result<Endpoint> parsed = parse_endpoint(GetParam().text);
    ASSERT_FALSE(parsed.is_ok()) << "host " << parsed->host << ", port " << parsed->port;
    EXPECT_EQ(parsed.status().code(), Code::kInvalidParam);
    EXPECT_THAT(parsed.status().message(), HasSubstr(GetParam().reason));
}

INSTANTIATE_TEST_SUITE_P(
    All, BadEndpoint,
    testing::Values(Bad{"", "empty"}, Bad{"localhost", "no port"}, Bad{":80", "0 characters"},
                    Bad{"localhost:", "port ''"}, Bad{"localhost:0", "from 1 to 65535"},
                    Bad{"localhost:65536", "port '65536'"},
                    Bad{"localhost:99999999999999999999", "not a number"}, Bad{"localhost:-1", "port '-1'"},
                    Bad{"localhost:+80", "port '+80'"}, Bad{"localhost: 80", "port ' 80'"},
                    Bad{"localhost:80 ", "port '80 '"}, Bad{"localhost:8o", "port '8o'"},
                    Bad{"localhost:0x50", "port '0x50'"}, Bad{"256.0.0.1:80", "neither"},
                    Bad{"1.2.3:80", "neither"}, Bad{"1.2.3.4.5:80", "neither"}, Bad{"...:80", "neither"},
                    Bad{"-host:80", "neither"}, Bad{"host-:80", "neither"}, Bad{".host:80", "neither"},
                    Bad{"a..b:80", "neither"}, Bad{"ho st:80", "neither"}, Bad{"host\n:80", "neither"},
                    Bad{std::string("ho\0st:80", 8), "neither"}, Bad{"h\xc3\xb6st:80", "neither"},
                    Bad{"user@host:80", "neither"}, Bad{"::1:80", "[address]:port"},
                    Bad{"::1", "[address]:port"}, Bad{"2001:db8::1:80", "[address]:port"},
                    Bad{"[::1]", "[address]:port"}, Bad{"[::1]80", "[address]:port"},
                    Bad{"[::1", "[address]:port"}, Bad{"[", "[address]:port"}, Bad{"[]:80", "not an IPv6"},
                    Bad{"[1.2.3.4]:80", "not an IPv6"}, Bad{"[:::1]:80", "not an IPv6"},
                    Bad{"[12345::]:80", "not an IPv6"}, Bad{"[::1]:", "port ''"}, Bad{"[::1]:0", "from 1"},
                    Bad{"[::1]:70000", "port '70000'"}, Bad{"[localhost]:80", "not an IPv6"},
                    Bad{std::string("[::1\0]:80", 9), "not an IPv6"},
                    Bad{std::string(254, 'a') + ":80", "254 characters"}));

TEST(EndpointTest, PortZeroWhereAnyPortIsAcceptable) {
    EXPECT_EQ(parse_endpoint("localhost:0", PortRule::kAnyAllowed).value().port, 0);
    EXPECT_EQ(parse_store_url("tcp://[::1]:0", PortRule::kAnyAllowed).value().port, 0);
    EXPECT_FALSE(parse_endpoint("localhost:-0", PortRule::kAnyAllowed).is_ok());
}

TEST(EndpointTest, TextPutsBracketsAroundIpv6Only) {
    EXPECT_EQ((Endpoint{"::1", 80}).text(), "[::1]:80");
    EXPECT_EQ((Endpoint{"10.0.0.1", 80}).text(), "10.0.0.1:80");
    EXPECT_EQ((Endpoint{"node", 80}).text(), "node:80");
}

TEST_P(GoodUrl, IsParsed) {
    const Result<Endpoint> parsed = parse_store_url(GetParam().text);
    ASSERT_TRUE(parsed.is_ok()) << parsed.status().message();
    EXPECT_EQ(parsed->host, GetParam().host);
    EXPECT_EQ(parsed->port, GetParam().port);
}

INSTANTIATE_TEST_SUITE_P(All, GoodUrl,
                         testing::Values(Good{"tcp://127.0.0.1:8570", "127.0.0.1", 8570},
                                         Good{"tcp:://10.0.0.1:8570", "10.0.0.1", 8570},
                                         Good{"tcp://10.0.0.1/24:8570", "10.0.0.1", 8570},
                                         Good{"tcp://node:1", "node", 1},
                                         Good{"tcp://[::1]:8570", "::1", 8570}));

TEST_P(BadUrl, IsRefusedAndQuoted) {
    const Result<Endpoint> parsed = parse_store_url(GetParam().text);
    ASSERT_FALSE(parsed.is_ok()) << "host " << parsed->host << ", port " << parsed->port;
    EXPECT_EQ(parsed.status().code(), Code::kInvalidParam);
    EXPECT_THAT(parsed.status().message(), HasSubstr(GetParam().reason));
    EXPECT_THAT(parsed.status().message(), HasSubstr(fmt::format("'{}'", GetParam().text)));
}

INSTANTIATE_TEST_SUITE_P(
    All, BadUrl,
    testing::Values(
        Bad{"", "does not begin with tcp://"}, Bad{"127.0.0.1:8570", "does not begin with tcp://"},
        Bad{"http://127.0.0.1:8570", "does not begin with tcp://"},
        Bad{"TCP://127.0.0.1:8570", "does not begin"}, Bad{"tcp:/127.0.0.1:8570", "does not begin"},
        Bad{" tcp://127.0.0.1:8570", "does not begin"}, Bad{"tcp://", "empty"}, Bad{"tcp:://", "empty"},
        Bad{"tcp:///127.0.0.1:80", "neither"}, Bad{"tcp://127.0.0.1", "no port"},
        Bad{"tcp://127.0.0.1:0", "from 1 to 65535"}, Bad{"tcp://127.0.0.1:8570/path", "not a number"},
        Bad{"tcp://127.0.0.1:8570:1", "[address]:port"}, Bad{"tcp://node/24:80", "neither"},
        Bad{"tcp://::1:80", "[address]:port"}));

TEST(EndpointTest, Loopback) {
    EXPECT_TRUE(is_loopback({"127.0.0.1", 1}));
    EXPECT_TRUE(is_loopback({"127.255.0.9", 1}));
    EXPECT_TRUE(is_loopback({"::1", 1}));
    EXPECT_TRUE(is_loopback({"localhost", 1}));
    EXPECT_FALSE(is_loopback({"0.0.0.0", 1}));
    EXPECT_FALSE(is_loopback({"128.0.0.1", 1}));
    EXPECT_FALSE(is_loopback({"::", 1}));
    EXPECT_FALSE(is_loopback({"localhost.example.org", 1}));
}

}  // namespace
}  // namespace memfabric
