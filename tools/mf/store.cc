// SPDX-License-Identifier: Apache-2.0
#include <fmt/core.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <optional>
#include <system_error>

#include "capi/private_api.h"
#include "commands.h"
#include "library.h"
#include "open_files.h"
#include "signals.h"
#include "smem.h"

namespace mf {
namespace {

struct StoreArguments {
    std::string url;
    std::optional<std::string> tls_info;
    std::optional<std::string> metrics;
    std::optional<std::string> data;
    bool url_alone = false;
    std::string answering;  // where the metrics are; empty: nowhere
};

void print_bound(const char* url, void* context) {
    const auto* arguments = static_cast<const StoreArguments*>(context);
    if (!arguments->answering.empty()) {
        fmt::print(stderr, "mf store: metrics at http://{}/metrics\n", arguments->answering);
    }
    fmt::print("{}{}\n", arguments->url_alone ? "" : "config store at ", url);
    std::fflush(stdout);  // who started us may wait for the line on a pipe
}

int serve(StoreArguments& arguments) {
    raise_open_files();
    const Descriptor signals = take_over_signals();
    if (!signals.is_open()) {
        fmt::print(stderr, "mf store: error: cannot wait for signals: {}\n",
                   std::generic_category().message(errno));
        return 1;
    }
    if (arguments.data) {
        // NOLINTNEXTLINE(concurrency-mt-unsafe): there is no other thread yet
        ::setenv("MF_STORE_DATA", arguments.data->c_str(), 1);
    }
    const std::optional<std::string>& tls = arguments.tls_info;
    if (tls && smem_set_conf_store_tls(true, tls->c_str(), static_cast<uint32_t>(tls->size())) != 0) {
        return 1;
    }
    if (arguments.metrics) {
        const LibraryText address(mf_private_start_metrics(arguments.metrics->c_str()));
        if (!address.ok) {
            return 1;
        }
        arguments.answering = address.text;
    }
    return mf_private_serve_store(arguments.url.c_str(), signals.get(), print_bound, &arguments) == 0 ? 0 : 1;
}

}  // namespace

void register_store(CLI::App& app, Session& session) {
    CLI::App* command = app.add_subcommand(
        "store", "Serve a config store until SIGINT or SIGTERM; prints its URL on one line");
    const auto arguments = std::make_shared<StoreArguments>();
    command->add_option("url", arguments->url, "tcp://host:port; port 0: any free one")->required();
    command->add_option("--tls-info", arguments->tls_info,
                        "TLS string, as `mf certs` prints it (or in SMEM_CONF_STORE_TLS_INFO)");
    command->add_option("--metrics", arguments->metrics,
                        "host:port at which Prometheus is answered; port 0: any free one");
    command->add_option("--data", arguments->data,
                        "Folder for what is to outlive the store (default: MF_STORE_DATA, else none)");
    command->add_flag("--print-url", arguments->url_alone,
                      "Print the URL and nothing else on that line, for scripts");
    command->callback([&session, arguments] { session.exit_code = serve(*arguments); });
}

}  // namespace mf
