// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <CLI/CLI.hpp>
#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "background_store.h"
#include "helper_process.h"

namespace mf {

/// Which hosts the user named, and how they are reached.
struct HostChoice {
    std::vector<std::string> hosts;
    std::string host_file;
    std::string remote_shell = "ssh -o BatchMode=yes";
    std::string address;
    std::vector<std::string> environment;

    bool any() const { return !hosts.empty() || !host_file.empty(); }
};

void add_host_options(CLI::App& command, HostChoice& choice);

/// A helper `mf` on each host, at a config store of ours. They print "ready ID" once they are in the fabric.
class HostWorkers {
 public:
    struct Worker {
        std::string host;                        // as the user named it
        std::string id;                          // of its process, as Probe::look() has it
        std::unique_ptr<HelperProcess> process;  // null where it did not come up
        std::string problem;                     // then
    };

    /// Returns when all are ready or have failed. `arguments` of `mf`; "--store URL" is appended.
    HostWorkers(const HostChoice& choice, const std::vector<std::string>& arguments,
                std::chrono::milliseconds patience);

    const std::string& url() const { return store_->url(); }
    std::vector<Worker>& workers() { return workers_; }
    /// As the user named its host; empty where no worker has that id.
    std::string host_of(const std::string& id) const;

 private:
    std::unique_ptr<BackgroundStore> store_;
    std::vector<Worker> workers_;
};

/// A worker's "ready ID".
void say_ready(const std::string& id);

}  // namespace mf
