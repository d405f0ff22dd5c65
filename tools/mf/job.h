// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "line_relay.h"
#include "rank_process.h"
#include "signals.h"

namespace mf {

/// The ranks of one `mf run`, from start to end. Its destructor leaves no process behind.
class Job {
 public:
    /// `control`: where a launcher of several hosts writes numbers of signals, a line each; its end is that
    /// of the launcher, and stops the ranks, at once after a signal. Closed: there is none.
    Job(LaunchPlan plan, std::chrono::milliseconds grace, Descriptor signals, Descriptor control = {});
    ~Job();
    Job(const Job&) = delete;
    Job& operator=(const Job&) = delete;

    void start(uint32_t rank, const RankProcess::Environment& variables);
    /// All ranks of one host, as a program that relays their output itself; `name` is for messages.
    void start_host(const std::string& name, uint32_t first_rank, std::vector<std::string> program);

    /// Until every rank has exited and all of their output has been passed on. Returns the first failing
    /// rank's code, else 0.
    int run();

 private:
    using Clock = std::chrono::steady_clock;

    void step();
    int poll_timeout() const;
    void handle_signal(int signal);
    void handle_control();
    void add(const LaunchPlan& plan, uint32_t rank, const RankProcess::Environment& variables,
             const std::string& prefix, std::string name);
    void handle_exits();
    void pump(LineRelay& relay);
    void stop_all(int signal);
    void send_all(int signal) const;
    void end_leftovers();
    void drain();

    LaunchPlan plan_;
    std::chrono::milliseconds grace_;
    Descriptor signals_;
    Descriptor control_;
    std::vector<RankProcess> ranks_;
    std::vector<std::string> names_;  // in the order of ranks_, as the next
    std::vector<bool> exited_;
    std::vector<LineRelay> relays_;
    std::optional<int> first_failure_;
    std::optional<Clock::time_point> kill_at_;  // set while stopping
    bool is_told_ = false;                      // to stop, by `control_`
};

}  // namespace mf
