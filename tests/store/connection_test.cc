// SPDX-License-Identifier: Apache-2.0
#include <poll.h>
#include <sys/wait.h>

#include <random>
#include <thread>

#include "store/wire.h"
#include "tests/store/raw_socket.h"

namespace memfabric::store::test {
namespace {

/// A server that takes one connection, says `greeting`, and reads until the client closes.
class OtherServer {
 public:
    explicit OtherServer(std::string greeting) {
        listener_ = listen_on(resolve({"127.0.0.1", 0}, soon()).value().front()).value();
        endpoint_ = {"127.0.0.1", local_address_of(listener_.get()).port()};
        thread_ = std::jthread([this, greeting = std::move(greeting)] {
            pollfd polled{listener_.get(), POLLIN, 0};
            ::poll(&polled, 1, 30000);
            const Fd client(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
            static_cast<void>(::send(client.get(), greeting.data(), greeting.size(), MSG_NOSIGNAL));
            char bytes[4096];
            while (::recv(client.get(), bytes, sizeof bytes, 0) > 0) {
            }
        });
    }
    const Endpoint& endpoint() const { return endpoint_; }

 private:
    Fd listener_;
    Endpoint endpoint_;
    std::jthread thread_;
};

class StoreConnection : public ::testing::Test {
 protected:
    void expect_it_serves() { MF_EXPECT_OK(connect(server_->endpoint())->set("key", "value", soon())); }
    std::unique_ptr<Server> server_ = start_server();
};

TEST_F(StoreConnection, ForeignProtocolsAreAnsweredAndClosed) {
    RawSocket http(server_->endpoint());
    http.send("GET / HTTP/1.1\r\nHost: store\r\n\r\n");
    EXPECT_NE(http.receive_all().find("This is a MemFabric config store"), std::string::npos);

    RawSocket tls(server_->endpoint());
    tls.send(std::string("\x16\x03\x01\x00\x05hello", 10));
    EXPECT_NE(tls.receive_all().find("does not use TLS"), std::string::npos);

    RawSocket random(server_->endpoint());
    random.send("\xde\xad\xbe\xef");
    EXPECT_EQ(random.receive_all(), "");
    expect_it_serves();
}

TEST_F(StoreConnection, RandomBytesDoNoHarm) {
    std::mt19937 generator(1);
    for (int i = 0; i < 50; ++i) {
        std::string bytes(1 + generator() % 300, '\0');
        for (char& byte : bytes) {
            byte = static_cast<char>(generator());
        }
        if (i % 2 == 0) {
            const HeaderBytes header =
                encode_header({Operation::kHello, static_cast<uint32_t>(bytes.size()), 0, 0, 0});
            bytes.insert(0, header.data(), header.size());
        }
        RawSocket socket(server_->endpoint());
        socket.send(bytes);
    }
    expect_it_serves();
}

TEST_F(StoreConnection, AnotherVersionIsToldBothVersions) {
    HeaderBytes header = encode_header({Operation::kHello, 0, 0, 0, 0});
    header[4] = 9;
    RawSocket socket(server_->endpoint());
    socket.send({header.data(), header.size()});
    const std::string answer = socket.receive_all();
    EXPECT_NE(answer.find("version 9"), std::string::npos);
    EXPECT_NE(answer.find("version 1"), std::string::npos);
}

TEST_F(StoreConnection, ALengthIsNotTrusted) {
    const HeaderBytes header = encode_header({Operation::kHello, 0xfffffff0, 0, 0, 0});
    RawSocket socket(server_->endpoint());
    socket.send({header.data(), header.size()});
    EXPECT_NE(socket.receive_all().find("4294967280 bytes"), std::string::npos);
}

TEST_F(StoreConnection, ClientsThatStopMidMessageHinderNobody) {
    const HeaderBytes header = encode_header({Operation::kHello, 100, 0, 0, 0});
    std::vector<std::unique_ptr<RawSocket>> stopped;
    for (const size_t length : {size_t{0}, size_t{1}, size_t{20}, kHeaderSize}) {
        stopped.push_back(std::make_unique<RawSocket>(server_->endpoint()));
        stopped.back()->send(std::string_view(header.data(), length));
    }
    expect_it_serves();
}

TEST_F(StoreConnection, WhoDoesNotGreetIsClosed) {
    RawSocket silent(server_->endpoint());
    const auto begin = std::chrono::steady_clock::now();
    EXPECT_EQ(silent.receive_all(), "");
    EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(15));
}

TEST_F(StoreConnection, AClientThatTakesNoRepliesHindersNobody) {
    const auto client = connect(server_->endpoint());
    MF_EXPECT_OK(client->set("large", std::string(1 << 20, 'x'), soon()));
    RawSocket greedy(server_->endpoint());
    const auto send = [&](Operation operation, uint64_t request, const std::string& body) {
        const HeaderBytes header =
            encode_header({operation, static_cast<uint32_t>(body.size()), request, 0, 0});
        greedy.send(std::string(header.data(), header.size()) + body);
    };
    send(Operation::kHello, 0, std::string("\x01\0\0\0h", 5) + std::string(40, '\0'));
    for (uint64_t request = 1; request <= 100; ++request) {
        send(Operation::kGet, request, std::string("\x05\0\0\0large", 9));
    }
    for (int i = 0; i < 100; ++i) {
        EXPECT_EQ(client->add("counter", 1, soon()).value(), i + 1);
    }
}

TEST_F(StoreConnection, ClientsTellOtherServers) {
    const std::pair<const char*, const char*> others[] = {{"SSH-2.0-OpenSSH_9.2\r\n", "SSH"},
                                                          {"HTTP/1.1 400 Bad Request\r\n\r\n", "HTTP"},
                                                          {"220 mail ready\r\n", "220 mail"}};
    for (const auto& [greeting, word] : others) {
        const OtherServer other(greeting);
        MF_EXPECT_FAILURE(Client::connect(client_config(other.endpoint()), soon()),
                          Code::kStoreInvalidMessage, "no config store", word);
    }
}

TEST_F(StoreConnection, AServerThatSaysNothingEndsByTheDeadline) {
    const OtherServer other("");
    MF_EXPECT_FAILURE(
        Client::connect(client_config(other.endpoint()), Deadline::after(std::chrono::milliseconds(200))),
        Code::kStoreTimeout, "does not answer");
}

TEST_F(StoreConnection, NobodyThereEndsByTheDeadline) {
    const Endpoint endpoint = server_->endpoint();
    server_.reset();
    const std::string place = endpoint.text();
    MF_EXPECT_FAILURE(
        Client::connect(client_config(endpoint), Deadline::after(std::chrono::milliseconds(100))),
        Code::kStoreSocket, place.c_str(), "no store listens");
    MF_EXPECT_FAILURE(
        Client::connect(client_config({"no-such-host.invalid", 1}), Deadline::after(std::chrono::seconds(5))),
        Code::kInvalidParam, "no-such-host.invalid");
}

TEST_F(StoreConnection, AClientWaitsForAStoreThatStartsLater) {
    const Endpoint endpoint = server_->endpoint();
    server_.reset();
    auto connecting = in_background([&] { return Client::connect(client_config(endpoint), soon()); });
    Result<std::unique_ptr<Server>> server = start_at(endpoint);
    MF_EXPECT_OK(server);
    MF_EXPECT_OK(connecting.get());
}

TEST_F(StoreConnection, ATakenPortIsTold) {
    const std::string place = server_->endpoint().text();
    MF_EXPECT_FAILURE(start_at(server_->endpoint()), Code::kResourceInUse, place.c_str(), "another port");
    MF_EXPECT_FAILURE(start_at({"192.0.2.1", 0}), Code::kStoreSocket, "no address of this machine");
}

TEST_F(StoreConnection, Ipv6AndNames) {
    for (const char* host : {"::1", "localhost"}) {
        const auto server = start_server({}, host);
        EXPECT_EQ(server->endpoint().host, host);
        EXPECT_NE(server->endpoint().port, 0);
        const auto client = connect(server->endpoint());
        MF_EXPECT_OK(client->set("key", "value", soon()));
        EXPECT_EQ(client->endpoint(), server->endpoint());
    }
    EXPECT_EQ(connect(start_server({}, "::1")->endpoint())->local_address(), "::1");
    const auto everywhere = start_server({}, "0.0.0.0");
    EXPECT_EQ(connect({"127.0.0.1", everywhere->endpoint().port})->local_address(), "127.0.0.1");
}

TEST(StoreLimits, TooManyClientsAreToldSo) {
    Options options;
    MF_EXPECT_OK(options.set(OptionId::kStoreMaxClients, "2"));
    const auto server = start_server(options);
    const auto one = connect(server->endpoint());
    auto two = connect(server->endpoint());
    MF_EXPECT_FAILURE(Client::connect(client_config(server->endpoint()), soon()), Code::kRefused, "2 clients",
                      "MF_STORE_MAX_CLIENTS");
    two.reset();
    Result<std::shared_ptr<Client>> three = Status(Code::kRefused, "");
    while (!three.is_ok() && three.status().code() == Code::kRefused) {
        three = Client::connect(client_config(server->endpoint()),
                                soon());  // until the server has seen the end of the other
    }
    MF_EXPECT_OK(three);
}

TEST_F(StoreConnection, StoresDifferByTheirInstance) {
    const auto other = start_server();
    const auto client = connect(server_->endpoint());
    EXPECT_EQ(client->store_instance(), connect(server_->endpoint())->store_instance());
    EXPECT_NE(client->store_instance(), connect(other->endpoint())->store_instance());
}

TEST_F(StoreConnection, AForkedChildLeavesTheParentsSessionAlone) {
    auto client = connect(server_->endpoint());
    const auto other = connect(server_->endpoint());
    Heard<MemberEvent> heard;
    const auto ignore = [](const MemberEvent&) {};
    MF_EXPECT_OK(client->join({"group", 0, 2, ""}, ignore, soon()));
    const pid_t child = ::fork();
    if (child == 0) {
        const bool refused = client->set("key", "value", soon()).code() == Code::kNotInitialized;
        client.reset();
        server_.reset();
        ::_exit(refused ? 0 : 1);
    }
    int status = -1;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    MF_EXPECT_OK(client->set("key", "parent", soon()));
    EXPECT_EQ(other->join({"group", 1, 2, ""}, ignore, soon()).value().members.size(), 2U);
}

}  // namespace
}  // namespace memfabric::store::test
