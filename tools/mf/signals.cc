// SPDX-License-Identifier: Apache-2.0
#include "signals.h"

#include <sys/signalfd.h>
#include <unistd.h>

namespace mf {
namespace {

sigset_t handled_signals() {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    struct sigaction hang_up {};
    // Whoever started us by nohup wants us to stay; blocked, an ignored signal would reach the descriptor all
    // the same.
    if (::sigaction(SIGHUP, nullptr, &hang_up) == 0 && hang_up.sa_handler != SIG_IGN) {
        sigaddset(&set, SIGHUP);
    }
    return set;
}

}  // namespace

Descriptor take_over_signals() {
    const sigset_t set = handled_signals();
    if (::pthread_sigmask(SIG_BLOCK, &set, nullptr) != 0 || ::signal(SIGPIPE, SIG_IGN) == SIG_ERR) {
        return {};
    }
    return Descriptor(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
}

int next_signal(const Descriptor& signals) {
    signalfd_siginfo information{};
    const ssize_t size = ::read(signals.get(), &information, sizeof information);
    return size == static_cast<ssize_t>(sizeof information) ? static_cast<int>(information.ssi_signo) : 0;
}

void give_back_signals() {
    const sigset_t set = handled_signals();
    ::signal(SIGPIPE, SIG_DFL);
    ::pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
}

}  // namespace mf
