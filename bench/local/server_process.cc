// SPDX-License-Identifier: Apache-2.0
#include "local/server_process.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <exception>
#include <stdexcept>
#include <system_error>

#include "local/placement.h"

namespace memfabric::bench {

ServerProcess::ServerProcess(const std::function<void(const Announce&)>& serve) {
    std::array<int, 2> pipe{};
    if (pipe2(pipe.data(), O_CLOEXEC) != 0) {
        throw std::system_error(errno, std::generic_category(), "pipe2");
    }
    child_ = fork();
    if (child_ < 0) {
        throw std::system_error(errno, std::generic_category(), "fork");
    }
    if (child_ == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        close(pipe[0]);
        const OnCore placement(OnCore::kLast);
        try {
            serve([&](uint16_t port) {
                if (write(pipe[1], &port, sizeof(port)) != sizeof(port)) {
                    _exit(1);
                }
            });
        } catch (const std::exception& error) {
            std::fprintf(stderr, "server process: %s\n", error.what());
        }
        _exit(1);
    }
    close(pipe[1]);
    const bool announced = read(pipe[0], &port_, sizeof(port_)) == sizeof(port_);
    close(pipe[0]);
    if (!announced) {
        waitpid(child_, nullptr, 0);
        throw std::runtime_error("the server process ended before it listened");
    }
}

ServerProcess::~ServerProcess() {
    kill(child_, SIGKILL);
    waitpid(child_, nullptr, 0);
}

}  // namespace memfabric::bench
