// SPDX-License-Identifier: Apache-2.0
// Start and end of this process as a PE. The region of each PE: sync area, static data, heap, mail.
#include "shmem/startup.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <bit>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "base/environment.h"
#include "base/version.h"
#include "capi/private_api.h"
#include "shmem/announce.h"
#include "shmem/heap.h"
#include "shmem/hosts.h"
#include "shmem/lookout.h"
#include "shmem/loss.h"
#include "shmem/mail.h"
#include "shmem/remote.h"
#include "shmem/state.h"
#include "shmem/static_data.h"
#include "shmem/sync.h"
#include "shmem/team.h"
#include "shmem/threads.h"
#include "shmem/waiting.h"
#include "smem.h"
#include "smem_shm.h"

namespace memfabric::shmem {

State the_state;

namespace {

constexpr uint32_t kObjectId = 63;  // SHM programs begin with 0
constexpr uint64_t kGranularity = 2 << 20;
constexpr uint64_t kFinestShare = 64;       // of a region's size, that rounding may add
constexpr uint64_t kDefaultHeap = 1 << 30;  // address space; it takes memory as it is used

smem_shm_t object = nullptr;

std::string own_build() {
    return fmt::format("{}/{}", kVersion, MF_PRIVATE_INTERFACE);
}

bool is_of_one_build() {
    return own_build() == mf_private_build_id();
}

uint64_t rounded(uint64_t size, uint64_t granularity) {
    return (size + granularity - 1) / granularity * granularity;
}

/// Bytes of a region in front of its heap; these have memory from the start.
uint64_t before_heap(const StaticData& statics) {
    return kSyncAreaSize + rounded(statics.size, 4096);
}

/// What is no multiple of the granularity, or too large for any machine, is found here or by the library.
uint64_t region_size(const StaticData& statics, uint64_t heap, int pes) {
    constexpr uint64_t kLargest = uint64_t{1} << 46;
    const uint64_t size = before_heap(statics) + std::min(heap, kLargest) + mail_area_size(pes);
    // What divides it is the largest alignment of a block. It is address space.
    return rounded(size, std::max(kGranularity, std::bit_floor(size / kFinestShare)));
}

/// "512M", "1.5G", "65536".
uint64_t size_of_text(const char* variable, const char* text) {
    char* end = nullptr;
    const double value = std::strtod(text, &end);
    double unit = 1;
    switch (*end | 0x20) {
        case 'k':
            unit = 0x1p10;
            break;
        case 'm':
            unit = 0x1p20;
            break;
        case 'g':
            unit = 0x1p30;
            break;
        case 't':
            unit = 0x1p40;
            break;
        default:
            break;
    }
    const bool has_unit = unit > 1;
    if (end == text || !(value > 0) || std::strlen(end) != (has_unit ? 1U : 0U)) {
        fail("shmem_init", "{}={} is no size; write a number with K, M, G or T, such as 512M", variable,
             text);
    }
    return static_cast<uint64_t>(std::min(value * unit, 0x1p62));  // too much is refused later on
}

uint64_t heap_size_of_environment() {
    for (const char* name : {"SHMEM_SYMMETRIC_SIZE", "SMA_SYMMETRIC_SIZE"}) {
        if (const char* text = environment_variable(name); text != nullptr && *text != '\0') {
            return size_of_text(name, text);
        }
    }
    return kDefaultHeap;
}

/// For a PE that is alone: nobody else has to find it.
std::string own_store_url() {
    sockaddr_in place{};
    place.sin_family = AF_INET;
    place.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof place;
    const int probe = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const bool found = probe >= 0 && bind(probe, reinterpret_cast<sockaddr*>(&place), sizeof place) == 0 &&
                       getsockname(probe, reinterpret_cast<sockaddr*>(&place), &length) == 0;
    if (probe >= 0) {
        close(probe);
    }
    return found ? fmt::format("tcp://127.0.0.1:{}", ntohs(place.sin_port)) : "tcp://127.0.0.1:29711";
}

/// Empty where nobody names a store. `served`: not by PE 0.
std::string store_url_of_environment(bool alone, bool& served) {
    int32_t runs = 0;
    const std::unique_ptr<char, decltype(&mf_private_free_text)> url(mf_private_store_of_environment(&runs),
                                                                     &mf_private_free_text);
    served = runs != 0;
    // At an address of the whole job's, several programs of one PE would meet.
    if (alone && !served) {
        return own_store_url();
    }
    return url == nullptr ? "" : url.get();
}

std::string last_error(int32_t& code, int32_t given) {
    code = given;
    const char* text = smem_get_last_err_msg();
    return text == nullptr ? "" : text;
}

/// The job's own exit, called by the library where another PE has called for it.
void end_by_notice(int status) {
    leave_with(status);
}

/// A PE that ends the job hears its own word as well, on another thread, and may find others gone meanwhile.
/// The first thread that leaves ends the process once the files, the counters and the output are done; it is
/// not to be overtaken halfway. The patience is for one that is stuck at that.
void wait_for_another_leaver() {
    constexpr auto kPatience = std::chrono::seconds(5);
    static std::atomic<pid_t> first{0};
    pid_t leaver = 0;
    // Nor does a signal's handler wait that leaves once more, on the thread that is about it.
    if (!first.compare_exchange_strong(leaver, gettid()) && leaver != gettid()) {
        std::this_thread::sleep_for(kPatience);
    }
}

void at_exit(int status, void*) {
    // With another status the launcher ends the others; waiting for them might be for ever.
    if (state().is_up && status == 0) {
        the_state.watches_threads = false;  // any thread may end the program
        stop();
    }
}

void lay_out(uint64_t base, uint64_t stride, const StartRequest& request, const StaticData& statics) {
    State& now = the_state;
    now.me = request.me;
    now.pes = request.pes;
    now.stride = stride;
    const uint64_t own = base + static_cast<uint64_t>(request.me) * stride;
    now.all_statics = {statics.begin, statics.size, base + kSyncAreaSize};
    now.whole_region = {own, stride, base};
    now.before_heap = {own, before_heap(statics), base};
    now.heap_begin = own + before_heap(statics);
    now.heap_size = stride - (now.heap_begin - own) - mail_area_size(request.pes);
    const char* checks = environment_variable("MF_SHMEM_CHECK");
    now.checks = checks != nullptr && std::strcmp(checks, "0") != 0 && *checks != '\0';
    now.watches_threads = now.checks && request.thread_level < SHMEM_THREAD_MULTIPLE;
    now.region = {own, now.checks ? 0 : stride, base};
    now.statics = now.checks ? SymmetricRange{} : now.all_statics;
}

void learn_hosts() {
    std::vector<int> first(static_cast<size_t>(state().pes));
    for (size_t pe = 0; pe < first.size(); ++pe) {
        first[pe] = mf_private_shm_host(object, static_cast<uint32_t>(pe));
    }
    set_hosts(first);
}

}  // namespace

/// The program's functions for its exit do not run.
void leave_with(int status) {
    wait_for_another_leaver();
    mf_private_make_exit_calls();
    if (ftrylockfile(stdout) == 0) {
        funlockfile(stdout);
        std::fflush(stdout);
    }
    _exit(status);
}

smem_shm_t heap_object() {
    return object;
}

StartRequest request_of_environment() {
    StartRequest request;
    mf_private_launch_t launch;
    if (is_of_one_build() && mf_private_detect_launch(&launch) != 0 &&
        std::in_range<int>(launch.world_size)) {
        request.me = static_cast<int>(launch.rank);
        request.pes = static_cast<int>(launch.world_size);
    }
    return request;
}

std::string start(const StartRequest& request, int32_t& code) {
    follow_debug_variable();
    if (!is_of_one_build()) {
        code = -1;
        return fmt::format("libmf_shmem is of build {}, the libmemfabric that was found of {}", own_build(),
                           mf_private_build_id());
    }
    const uint64_t heap = request.heap_size != 0 ? request.heap_size : heap_size_of_environment();
    const StaticData statics = find_static_data();
    const uint64_t region = region_size(statics, heap, request.pes);
    smem_shm_config_t config;
    smem_shm_config_init(&config);
    config.shmInitTimeout = request.init_timeout;
    config.shmCreateTimeout = request.create_timeout;
    config.controlOperationTimeout = request.control_timeout;
    std::string url = request.store_url;
    if (url.empty()) {
        bool served = false;
        url = store_url_of_environment(request.pes == 1, served);
        config.startConfigStore = !served;
    }
    if (url.empty()) {
        code = -1;
        return "no config store is known: start the program with oshrun or mf run; or set SHMEM_MASTER_ADDR "
               "and SHMEM_MASTER_PORT, or MASTER_ADDR and MASTER_PORT, to where PE 0 can serve one, or "
               "MF_STORE_URL to one that runs";
    }
    if (const int32_t failed = smem_shm_init(url.c_str(), static_cast<uint32_t>(request.pes),
                                             static_cast<uint32_t>(request.me), 0, &config);
        failed != 0) {
        return last_error(code, failed);
    }
    void* base = nullptr;
    object = mf_private_shm_create(kObjectId, static_cast<uint32_t>(request.pes),
                                   static_cast<uint32_t>(request.me), region, before_heap(statics), &base);
    if (object == nullptr) {
        const std::string why = last_error(code, mf_private_last_error_code());
        smem_shm_uninit(0);
        return why + fmt::format(" (each PE: {} bytes of heap, SHMEM_SYMMETRIC_SIZE, and {} of static data)",
                                 heap, statics.size);
    }
    smem_shm_register_exit(object, end_by_notice);
    mf_private_shm_register_loss(object, [](uint32_t pe) { end_by_loss(pe); });
    watch_remote_changes();
    const auto window = reinterpret_cast<uint64_t>(base);
    const uint64_t own_statics = window + static_cast<uint64_t>(request.me) * region + kSyncAreaSize;
    if (const int error = share_static_data(statics, own_statics); error != 0) {
        code = -1;
        return fmt::format("static data cannot be shared: {}", strerrordesc_np(error));
    }
    lay_out(window, region, request, statics);
    learn_hosts();
    open_mail();
    open_heap();
    open_teams();
    set_thread_level(request.thread_level);
    the_state.is_up = true;
    the_state.is_free = !the_state.watches_threads;
    care_for_losses();
    the_state.is_over = false;
    static const int registered = on_exit(at_exit, nullptr);
    static_cast<void>(registered);
    announce();
    start_lookout(config.startConfigStore && request.pes > 1);
    barrier_of_world();
    return {};
}

void stop() {
    finish_begun("shmem_finalize");
    expect_ends();
    barrier_of_world();
    if (hosts() > 1) {
        confirm_mail("shmem_finalize");
        // Nobody goes while another host's last operation waits for its answer.
        static_cast<void>(smem_shm_control_barrier(object));
    }
    care_no_more();
    end_lookout();
    unshare_static_data();
    close_teams();
    close_mail();
    the_state = {};
    the_state.is_over = true;
    smem_shm_destroy(object, 0);
    object = nullptr;
    smem_shm_uninit(0);
}

void fail_text(const char* call, const std::string& text) {
    int me = state().me;
    if (mf_private_launch_t launch; me < 0 && mf_private_detect_launch(&launch) != 0) {
        me = static_cast<int>(launch.rank);  // before init and after finalize the launcher knows
    }
    std::fprintf(stderr, "SHMEM PE %d: %s: %s\n", me, call, text.c_str());
    end_job(EXIT_FAILURE);
}

void end_job(int status) {
    if (object != nullptr && !state().is_over) {
        smem_shm_global_exit(object, status);
    }
    leave_with(status);
    __builtin_unreachable();
}

}  // namespace memfabric::shmem
