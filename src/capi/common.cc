// SPDX-License-Identifier: Apache-2.0
// The functions of smem.h, but for those about TLS (security.cc).
#include "base/last_error.h"
#include "base/log.h"
#include "capi/process.h"
#include "capi/report.h"
#include "smem.h"

using memfabric::Code;
using memfabric::Status;
using memfabric::capi::guarded;
using memfabric::capi::Process;

extern "C" {

int32_t smem_init(uint32_t) {
    return guarded([] {
        Process::instance();
        return Status();
    });
}

void smem_uninit(void) {
    static_cast<void>(guarded([] {
        Process::instance().release_stores();
        return Status();
    }));
}

int32_t smem_create_config_store(const char* storeUrl) {
    return guarded([&] {
        if (storeUrl == nullptr) {
            return Status(Code::kInvalidParam,
                          "creating a config store: the URL is null, write tcp://host:port");
        }
        return Process::instance().create_store(storeUrl).with_context(
            fmt::format("creating a config store at '{}'", storeUrl));
    });
}

int32_t smem_set_extern_logger(void (*func)(int level, const char* msg)) {
    return guarded([&] {
        if (func == nullptr) {
            return Status(Code::kInvalidParam, "setting an external logger: the function is null");
        }
        memfabric::set_external_logger(func);
        return Status();
    });
}

int32_t smem_set_log_level(int level) {
    return guarded([&] {
        if (level < static_cast<int>(memfabric::LogLevel::kDebug) ||
            level > static_cast<int>(memfabric::LogLevel::kFatal)) {
            return memfabric::failure(Code::kInvalidParam,
                                      "setting the log level: {} is outside 0 (debug) to 4 (fatal)", level);
        }
        memfabric::set_log_level(static_cast<memfabric::LogLevel>(level));
        return Status();
    });
}

const char* smem_get_last_err_msg(void) {
    return memfabric::last_error();
}

const char* smem_get_and_clear_last_err_msg(void) {
    return memfabric::take_last_error();
}

}  // extern "C"
