// SPDX-License-Identifier: Apache-2.0
#include "observe/http_connection.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <optional>
#include <string>
#include <string_view>

namespace memfabric::observe {
namespace {

std::string page() {
    return "the page\n";
}

std::string status_of(const std::string& request) {
    const std::string answer = http_answer(request, page);
    return answer.substr(0, answer.find("\r\n"));
}

TEST(HttpAnswer, ThePageIsAtMetrics) {
    const std::string answer = http_answer("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n", page);
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 OK\r\n")) << answer;
    EXPECT_NE(answer.find("Content-Length: 9\r\n"), std::string::npos) << answer;
    EXPECT_TRUE(answer.ends_with("\r\n\r\nthe page\n")) << answer;
    EXPECT_EQ(status_of("GET /metrics?x=1 HTTP/1.0\r\n\r\n"), "HTTP/1.1 200 OK");
}

TEST(HttpAnswer, EverythingElseIsAnError) {
    EXPECT_EQ(status_of("GET / HTTP/1.1\r\n\r\n"), "HTTP/1.1 404 Not Found");
    EXPECT_EQ(status_of("GET /metrics/../etc HTTP/1.1\r\n\r\n"), "HTTP/1.1 404 Not Found");
    EXPECT_EQ(status_of("POST /metrics HTTP/1.1\r\n\r\n"), "HTTP/1.1 405 Method Not Allowed");
    for (const char* bad : {"", "\r\n\r\n", "GET\r\n\r\n", "GET /metrics\r\n\r\n",
                            "GET /metrics SPDY\r\n\r\n", "\x16\x03\x01\r\n\r\n", "  \r\n\r\n"}) {
        EXPECT_EQ(status_of(bad), "HTTP/1.1 400 Bad Request") << bad;
    }
}

class Conversation : public testing::Test {
 protected:
    Conversation() {
        std::array<int, 2> ends{};
        EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends.data()), 0);
        asker = Fd(ends[0]);
        connection.emplace(Fd(ends[1]));
    }
    void say(std::string_view text) const {
        ASSERT_EQ(::send(asker.get(), text.data(), text.size(), MSG_NOSIGNAL),
                  static_cast<ssize_t>(text.size()));
    }
    std::string hear() const {
        std::string all(1 << 20, '\0');
        const ssize_t got = ::recv(asker.get(), all.data(), all.size(), 0);
        all.resize(got > 0 ? static_cast<size_t>(got) : 0);
        return all;
    }

    Fd asker;
    std::optional<HttpConnection> connection;
};

TEST_F(Conversation, ARequestMayComeInParts) {
    EXPECT_EQ(connection->events(), POLLIN);
    EXPECT_TRUE(connection->go_on(page));  // nothing there yet
    say("GET /met");
    EXPECT_TRUE(connection->go_on(page));
    say("rics HTTP/1.1\r\n\r\n");
    EXPECT_FALSE(connection->go_on(page));
    EXPECT_TRUE(hear().ends_with("the page\n"));
}

TEST_F(Conversation, WhoHangsUpIsForgotten) {
    asker.reset();
    EXPECT_FALSE(connection->go_on(page));
}

TEST_F(Conversation, AHeaderWithoutAnEndIsCutOff) {
    const std::string much(1024, 'x');
    bool goes_on = true;
    int rounds = 0;
    for (; goes_on && rounds < 100; ++rounds) {
        say(much);
        goes_on = connection->go_on(page);
    }
    EXPECT_FALSE(goes_on);
    EXPECT_EQ(rounds, 8);
}

TEST_F(Conversation, ALongPageGoesOutAsTheOtherSideReads) {
    const std::string longest(8 << 20, 'x');
    const auto long_page = [&] { return longest; };
    say("GET /metrics HTTP/1.1\r\n\r\n");
    size_t heard = 0;
    while (connection->go_on(long_page)) {
        EXPECT_EQ(connection->events(), POLLOUT);
        heard += hear().size();
    }
    for (size_t more = hear().size(); more != 0; more = hear().size()) {
        heard += more;
    }
    EXPECT_GT(heard, longest.size());
}

}  // namespace
}  // namespace memfabric::observe
