// SPDX-License-Identifier: Apache-2.0
#include "transport/fabric/own_sockets.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

namespace memfabric::transport {
namespace {

Fd open_socket() {
    return Fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
}

ino_t inode_of(const Fd& descriptor) {
    struct stat status {};
    EXPECT_EQ(::fstat(descriptor.get(), &status), 0);
    return status.st_ino;
}

bool is_listed(const Fd& descriptor) {
    const ino_t inode = inode_of(descriptor);
    return std::ranges::any_of(own_sockets(), [&](const OwnSocket& socket) {
        return socket.descriptor == descriptor.get() && socket.inode == inode;
    });
}

TEST(OwnSockets, AreThoseThatAreOpenAndNothingElse) {
    Fd socket = open_socket();
    const Fd file(::open("/proc/self/status", O_RDONLY | O_CLOEXEC));
    EXPECT_TRUE(is_listed(socket));
    EXPECT_FALSE(is_listed(file));
    const ino_t inode = inode_of(socket);
    socket.reset();
    EXPECT_TRUE(std::ranges::none_of(own_sockets(), [&](auto& other) { return other.inode == inode; }));
}

TEST(OwnSockets, AreHeldUnderANumberThatOutlivesTheOtherOne) {
    Fd socket = open_socket();
    const OwnSocket named{socket.get(), inode_of(socket)};
    const Fd held = hold(named);
    ASSERT_TRUE(held.is_open());
    EXPECT_NE(held.get(), named.descriptor);
    EXPECT_NE(::fcntl(held.get(), F_GETFD) & FD_CLOEXEC, 0);
    socket.reset();
    EXPECT_EQ(inode_of(held), named.inode);
    EXPECT_FALSE(hold(named).is_open());
}

TEST(OwnSockets, AreNotTakenForWhatHasTheirNumberNow) {
    Fd socket = open_socket();
    const OwnSocket named{socket.get(), inode_of(socket)};
    const Fd other = open_socket();
    ASSERT_EQ(::dup3(other.get(), named.descriptor, O_CLOEXEC), named.descriptor);
    EXPECT_FALSE(hold(named).is_open());
}

}  // namespace
}  // namespace memfabric::transport
