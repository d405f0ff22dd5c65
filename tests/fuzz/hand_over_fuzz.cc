// SPDX-License-Identifier: Apache-2.0
// Both ends of the socket over which processes of one host hand segments on: an asker that says anything, and
// a holder that answers anything.
#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <filesystem>
#include <mutex>

#include "base/thread.h"
#include "memory/segment.h"
#include "tests/fuzz/fuzz.h"
#include "transport/mapped/hand_over.h"

using namespace memfabric;
using namespace memfabric::transport;
using fuzz::require;

namespace {

constexpr const char* kObject = "bm/1";
constexpr const char* kToken = "t0ken";
constexpr size_t kField = 128;

struct Wire {
    Wire(char* data, size_t size) : part{data, size} {
        message.msg_iov = &part;
        message.msg_iovlen = 1;
    }
    void make_room_for_descriptor() {
        message.msg_control = control;
        message.msg_controllen = sizeof control;
    }
    void attach(int descriptor) {
        make_room_for_descriptor();
        cmsghdr* const header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof descriptor);
        std::memcpy(CMSG_DATA(header), &descriptor, sizeof descriptor);
    }
    iovec part;
    msghdr message{};
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
};

/// A folder of sockets with a server that has one object, and a holder that answers what it is told to.
class Folder {
 public:
    static Folder& instance() {
        static Folder folder;
        return folder;
    }
    ~Folder() {
        holder_.request_stop();
        std::filesystem::remove_all(path_);
    }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;

    /// Says the bytes to the server; returns whether a descriptor came back.
    bool ask(std::string_view bytes) const {
        const Fd connection = folder_->connect(server_->address()).value();
        if (::send(connection.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL) < 0) {
            return false;
        }
        ::shutdown(connection.get(), SHUT_WR);
        pollfd wanted{connection.get(), POLLIN, 0};
        ::poll(&wanted, 1, 10000);
        char answer[1024];
        Wire wire(answer, sizeof answer);
        wire.make_room_for_descriptor();
        const ssize_t received = ::recvmsg(connection.get(), &wire.message, MSG_CMSG_CLOEXEC);
        const cmsghdr* const header = received > 0 ? CMSG_FIRSTHDR(&wire.message) : nullptr;
        if (header == nullptr) {
            return false;
        }
        int descriptor = -1;
        std::memcpy(&descriptor, CMSG_DATA(header), sizeof descriptor);
        ::close(descriptor);
        return true;
    }

    /// Asks the holder, which answers the bytes.
    Result<Fd> fetch(std::string answer, int descriptor) {
        {
            const std::lock_guard lock(mutex_);
            answer_ = std::move(answer);
            descriptor_ = descriptor;
        }
        return fetch_segment(*folder_, "holder", kObject, kToken, Deadline::after_seconds(10));
    }

 private:
    Folder() {
        require(listener_.is_ok());
        holder_ = start_thread("holder", [this](const std::stop_token& stop) { serve(stop); });
    }
    static std::string make_path() {
        std::string path = (std::filesystem::temp_directory_path() / "mf-fuzz-XXXXXX").string();
        require(::mkdtemp(path.data()) != nullptr);
        return path;
    }
    Options options() const {
        Options options;
        require(options.set(OptionId::kRuntimeDir, path_).is_ok());
        return options;
    }
    void look_up(const std::string& object, const HandOverServer::Use& use) const {
        if (object == kObject) {
            use(segment_.descriptor(), kToken);
        }
    }
    void serve(const std::stop_token& stop) {
        while (!stop.stop_requested()) {
            pollfd wanted{listener_->get(), POLLIN, 0};
            if (::poll(&wanted, 1, 100) <= 0) {
                continue;
            }
            const Fd connection(::accept4(listener_->get(), nullptr, nullptr, SOCK_CLOEXEC));
            char request[1024];
            static_cast<void>(::recv(connection.get(), request, sizeof request, 0));
            const std::lock_guard lock(mutex_);
            Wire wire(answer_.data(), answer_.size());
            if (descriptor_ >= 0) {
                wire.attach(descriptor_);
            }
            static_cast<void>(::sendmsg(connection.get(), &wire.message, MSG_NOSIGNAL));
        }
    }

    const std::string path_ = make_path();
    const Result<RuntimeFolder> folder_ = RuntimeFolder::open(options());
    const memory::Segment segment_ = memory::Segment::create("segment", 4096, Options(), 4096).value();
    const std::unique_ptr<HandOverServer> server_ =
        HandOverServer::start(*folder_, [this](const auto& object, const auto& use) {
            look_up(object, use);
        }).value();
    const Result<Fd> listener_ = folder_->listen("holder");
    std::mutex mutex_;
    std::string answer_;   // guarded by mutex_
    int descriptor_ = -1;  // likewise
    std::jthread holder_;
};

/// Whether the request is the one that the server must grant.
bool is_right(std::string_view bytes) {
    std::string right("mf-seg1\0", 8);
    const auto has = [&](size_t at, std::string_view text) {
        return bytes.substr(at).starts_with(text) && bytes[at + text.size()] == '\0';
    };
    return bytes.size() == 8 + 2 * kField && bytes.starts_with(right) && has(8, kObject) &&
           has(8 + kField, kToken);
}

void check_asker(std::string_view bytes) {
    require(Folder::instance().ask(bytes) == is_right(bytes));
}

/// What is handed over is a descriptor of anything, and is a segment only where it is sealed and of the size.
void check_holder(std::string_view bytes, uint8_t kind) {
    static const int sealed = [] {
        const int made = ::memfd_create("sealed", MFD_CLOEXEC | MFD_ALLOW_SEALING);
        require(::ftruncate(made, 4096) == 0 && ::fcntl(made, F_ADD_SEALS, F_SEAL_SHRINK) == 0);
        return made;
    }();
    static const int open_one = ::memfd_create("open", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    static const int other = ::open("/dev/null", O_RDWR | O_CLOEXEC);
    const int choices[] = {-1, sealed, open_one, other};
    const int chosen = choices[kind % 4];
    Result<Fd> fetched = Folder::instance().fetch(std::string(bytes), chosen);
    fuzz::require_reason(fetched.status());
    require(!fetched.is_ok() || chosen >= 0);
    if (fetched.is_ok()) {
        const auto adopted = memory::Segment::adopt(std::move(*fetched), 4096);
        fuzz::require_reason(adopted.status());
        require(adopted.is_ok() == (chosen == sealed));
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    set_log_level(LogLevel::kFatal);
    fuzz::Input input(fuzz::as_text(data, size));
    const auto kind = input.take<uint8_t>();
    if (kind < 128) {
        check_asker(input.rest());
    } else {
        check_holder(input.rest(), kind);
    }
    return 0;
}
