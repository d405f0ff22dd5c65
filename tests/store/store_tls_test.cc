// SPDX-License-Identifier: Apache-2.0
#include "tests/store/store_fixture.h"
#include "tests/store/tcp_proxy.h"
#include "tests/store/tls_fixture.h"

namespace memfabric::store::test {
namespace {

class StoreTls : public ::testing::Test {
 protected:
    explicit StoreTls(const Options& options = {})
        : server_(start_at({"127.0.0.1", 0}, options, pki_.settings("server")).value()) {}
    static Result<std::shared_ptr<Client>> connect_with(const Endpoint& endpoint,
                                                        std::optional<TlsSettings> tls) {
        ClientConfig config = client_config(endpoint);
        config.tls = std::move(tls);
        return Client::connect(std::move(config), soon());
    }
    static int64_t added(Client& client) {
        const Result<int64_t> sum = client.add("counter", 1, soon());
        MF_EXPECT_OK(sum);
        return sum.is_ok() ? *sum : -1;
    }
    Result<std::shared_ptr<Client>> connect_as(const std::string& name) {
        return connect_with(server_->endpoint(), pki_.settings(name));
    }

    TemporaryFolder folder_;
    Pki pki_{folder_ / "pki"};
    std::unique_ptr<Server> server_;
};

/// A client of a store that is patient with who is away, and what lies between them.
class StoreTlsOverProxy : public StoreTls {
 protected:
    static Options patient() {
        Options options;
        MF_EXPECT_OK(options.set(OptionId::kLostAfter, "1m"));
        return options;
    }
    StoreTlsOverProxy() : StoreTls(patient()) {}

    TcpProxy proxy_{server_->endpoint()};
    std::shared_ptr<Client> client_ = connect_with(proxy_.endpoint(), pki_.settings("client")).value();
};

TEST_F(StoreTls, EverythingWorksOverTls) {
    const auto one = connect_as("client").value();
    const auto two = connect_as("client").value();
    std::string large(20 << 20, 'x');
    large[7654321] = 'y';
    MF_EXPECT_OK(one->set("large", large, soon()));
    EXPECT_TRUE(two->get("large", soon()).value() == large);
    Heard<std::string> heard;
    MF_EXPECT_OK(two->watch(
        "key", [heard](std::string_view, const auto& value) { heard.add(value.value_or("")); }, soon()));
    for (int i = 0; i < 100; ++i) {
        MF_EXPECT_OK(one->set("key", std::to_string(i), soon()));
    }
    EXPECT_EQ(heard.wait_for(100).back(), "99");
    auto other = in_background([&] { return one->barrier("group", 2, 0, soon()); });
    MF_EXPECT_OK(two->barrier("group", 2, 1, soon()));
    MF_EXPECT_OK(other.get());
}

TEST_F(StoreTlsOverProxy, ACutConnectionIsResumed) {
    for (int i = 0; i < 10; ++i) {
        proxy_.cut();
        EXPECT_EQ(added(*client_), i + 1);
    }
}

TEST_F(StoreTlsOverProxy, WhatIsChangedOrRepeatedOnTheWireBreaksTheConnectionAndIsDoneOnce) {
    int64_t sum = 0;
    for (const auto how : {TcpProxy::Spoil::kFlip, TcpProxy::Spoil::kRepeat}) {
        for (const bool of_client : {true, false}) {
            for (int i = 0; i < 5; ++i) {
                const size_t connections = proxy_.accepted();
                proxy_.spoil_next(how, of_client);
                ASSERT_EQ(added(*client_), ++sum);
                proxy_.wait_accepted(connections + 1);
                // What is spoilt next comes behind the handshake.
                ASSERT_EQ(added(*client_), ++sum);
            }
        }
    }
    const auto other = connect_with(server_->endpoint(), pki_.settings("client")).value();
    EXPECT_EQ(other->get("counter", soon()).value(), std::to_string(sum));
}

TEST_F(StoreTlsOverProxy, AGarbledHandshakeOfOneThatConnectsAgainIsTriedAgain) {
    int64_t sum = 0;
    for (const bool of_client : {true, false}) {
        for (int i = 0; i < 3; ++i) {
            proxy_.close_door(true);
            proxy_.cut();
            proxy_.spoil_next(TcpProxy::Spoil::kFlip, of_client);
            proxy_.close_door(false);
            ASSERT_EQ(added(*client_), ++sum);
        }
    }
}

TEST_F(StoreTlsOverProxy, AnotherOneInTheStoresPlaceEndsNoClient) {
    const auto plain = start_at({"127.0.0.1", 0}, {}, std::nullopt).value();
    EXPECT_EQ(added(*client_), 1);
    proxy_.lead_to(plain->endpoint());
    proxy_.cut();
    MF_EXPECT_FAILURE(client_->get("counter", briefly()), Code::kStoreSocket, "counter", "broke", "TLS");
    proxy_.lead_to(server_->endpoint());
    EXPECT_EQ(added(*client_), 2);
}

TEST_F(StoreTls, APlainClientIsToldThatTheStoreUsesTls) {
    MF_EXPECT_FAILURE(connect_with(server_->endpoint(), std::nullopt), Code::kRefused, "this store uses TLS",
                      "the client does not");
}

TEST_F(StoreTls, ATlsClientIsToldThatTheStoreUsesNone) {
    const auto plain = start_server();
    MF_EXPECT_FAILURE(connect_with(plain->endpoint(), pki_.settings("client")), Code::kRefused,
                      "does not use TLS", "the client does");
}

TEST_F(StoreTls, AForeignClientIsRefused) {
    const Pki foreign(folder_ / "foreign");
    TlsSettings settings = foreign.settings("client");
    MF_EXPECT_FAILURE(connect_with(server_->endpoint(), settings), Code::kStoreSocket, "TLS");
    settings.ca_path = pki_.settings("client").ca_path;  // accepts the store, which does not accept it
    settings.ca_files = pki_.settings("client").ca_files;
    settings.crl_path.clear();
    settings.crl_files.clear();
    MF_EXPECT_FAILURE(connect_with(server_->endpoint(), settings), Code::kStoreSocket, "TLS");
    MF_EXPECT_OK(connect_as("client"));
}

TEST_F(StoreTls, ARevokedClientIsRefused) {
    const TlsSettings before = pki_.settings("client");
    pki_.revoke("client");
    const auto server = start_at({"127.0.0.1", 0}, {}, pki_.settings("server")).value();
    MF_EXPECT_FAILURE(connect_with(server->endpoint(), before), Code::kStoreSocket, "revoked");
}

TEST_F(StoreTls, BadSettingsFailAtTheStart) {
    TlsSettings settings = pki_.settings("server");
    settings.certificate = folder_ / "missing.crt";
    MF_EXPECT_FAILURE(start_at({"127.0.0.1", 0}, {}, settings),
                      status_of(make_tls_context(settings, TlsRole::kServer)).code(), "missing.crt");
    MF_EXPECT_FAILURE(connect_with(server_->endpoint(), settings),
                      status_of(make_tls_context(settings, TlsRole::kClient)).code(), "missing.crt");
}

}  // namespace
}  // namespace memfabric::store::test
