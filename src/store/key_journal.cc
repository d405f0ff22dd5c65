// SPDX-License-Identifier: Apache-2.0
#include "store/key_journal.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <sstream>

#include "base/log.h"
#include "store/private_file.h"
#include "store/wire.h"

namespace memfabric::store {
namespace {

constexpr std::string_view kMagic = "MFSKEYS1";
constexpr size_t kHeadBytes = 16;   // the magic and the identity
constexpr size_t kFrameBytes = 16;  // in front of every record: its length and its sum
constexpr uint64_t kSlack = uint64_t{1} << 20;

/// FNV-1a: tells a record that was written from one that was not, or not whole.
uint64_t sum_of(std::string_view bytes) {
    uint64_t sum = 0xcbf29ce484222325;
    for (const char byte : bytes) {
        sum = (sum ^ static_cast<unsigned char>(byte)) * 0x100000001b3;
    }
    return sum;
}

std::string head(uint64_t instance) {
    Writer writer;
    writer.put(instance);
    return std::string(kMagic) + writer.take();
}

std::string framed(KeyJournal::Change change, const std::string& key, const std::string& value) {
    Writer record;
    record.put(static_cast<uint8_t>(change));
    record.put(key);
    record.put(value);
    const std::string bytes = record.take();
    Writer frame;
    frame.put(static_cast<uint64_t>(bytes.size()));
    frame.put(sum_of(bytes));
    return frame.take() + bytes;
}

bool is_blank(std::string_view bytes) {
    // Zeros are what a file system may leave of a write that it had not finished.
    return bytes.find_first_not_of('\0') == std::string_view::npos;
}

/// Whether `bytes` may be the beginning of a record of `length` bytes: a record says itself how long its
/// parts are, and where it says something else, not its end is missing but its length is damaged.
bool may_begin(std::string_view bytes, uint64_t length) {
    Reader reader(bytes);
    uint8_t change = 0;
    std::string_view key;
    uint32_t value_size = 0;
    reader.get(change);
    reader.get(key);
    const std::string_view rest = reader.rest();
    reader.get(value_size);
    return reader.failed() || change == 0 || is_blank(rest) ||
           length == sizeof change + sizeof(uint32_t) + key.size() + sizeof value_size + value_size;
}

Status write_all(int file, std::string_view bytes, uint64_t offset) {
    while (!bytes.empty()) {
        const ssize_t written = ::pwrite(file, bytes.data(), bytes.size(), static_cast<off_t>(offset));
        if (written < 0 && errno != EINTR) {
            return {Code::kError, errno_text(errno)};
        }
        bytes.remove_prefix(static_cast<size_t>(written < 0 ? 0 : written));
        offset += static_cast<uint64_t>(written < 0 ? 0 : written);
    }
    return ::fdatasync(file) == 0 ? Status() : Status(Code::kError, errno_text(errno));
}

Result<Fd> lock_folder(const std::string& folder) {
    if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) {
        return failure(Code::kError, "config store: making its data folder '{}' failed: {}", folder,
                       errno_text(errno));
    }
    Fd lock(::open((folder + "/lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!lock.is_open()) {
        return failure(Code::kError, "config store: its data folder '{}' cannot be written: {}", folder,
                       errno_text(errno));
    }
    if (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
        return failure(Code::kResourceInUse,
                       "config store: its data folder '{}' is in use by another config store", folder);
    }
    return lock;
}

/// A new file's name is on the disk only then.
Status sync_folder(const std::string& folder) {
    const Fd opened(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!opened.is_open() || ::fsync(opened.get()) != 0) {
        return failure(Code::kError, "config store: its data folder '{}' cannot be written: {}", folder,
                       errno_text(errno));
    }
    return {};
}

}  // namespace

Result<std::unique_ptr<KeyJournal>> KeyJournal::open(const std::string& folder, uint64_t instance) {
    MF_ASSIGN_OR_RETURN(Fd lock, lock_folder(folder));
    auto journal = std::make_unique<KeyJournal>(folder + "/keys", std::move(lock));
    journal->instance_ = instance;
    journal->was_there_ = ::access(journal->path_.c_str(), F_OK) == 0;
    if (journal->was_there_) {
        MF_RETURN_IF_ERROR(journal->read());
    } else {
        MF_RETURN_IF_ERROR(journal->compact({}));
    }
    return journal;
}

Status KeyJournal::read() {
    file_ = Fd(::open(path_.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW));
    std::ostringstream content;
    content << std::ifstream(path_).rdbuf();
    const std::string bytes = content.str();
    if (!file_.is_open() || bytes.size() < kHeadBytes || !bytes.starts_with(kMagic)) {
        return failure(Code::kError,
                       "config store: '{}' is no file of a config store's keys, or of another version",
                       path_);
    }
    Reader identity(std::string_view(bytes).substr(kMagic.size(), kHeadBytes - kMagic.size()));
    identity.get(instance_);
    size_ = kHeadBytes;
    while (size_ < bytes.size()) {
        const std::string_view rest = std::string_view(bytes).substr(size_);
        Reader frame(rest.substr(0, kFrameBytes));
        uint64_t length = 0;
        uint64_t sum = 0;
        frame.get(length);
        frame.get(sum);
        const bool is_whole = !frame.failed() && length <= rest.size() - kFrameBytes;
        if (is_whole && sum_of(rest.substr(kFrameBytes, length)) == sum) {
            MF_RETURN_IF_ERROR(replay(rest.substr(kFrameBytes, length)));
            size_ += kFrameBytes + length;
            continue;
        }
        const bool is_last = is_whole ? length == rest.size() - kFrameBytes
                                      : frame.failed() || may_begin(rest.substr(kFrameBytes), length);
        if (!is_last && !is_blank(rest)) {
            return failure(
                Code::kError,
                "config store: '{}' is damaged at byte {} of {}: restore it, or begin with an empty folder",
                path_, size_, bytes.size());
        }
        log_warn(
            "config store: the last record of '{}' was cut short and is dropped: nobody was told that it was "
            "done",
            path_);
        break;
    }
    if (::ftruncate(file_.get(), static_cast<off_t>(size_)) != 0) {
        return failure(Code::kError, "config store: '{}' cannot be written: {}", path_, errno_text(errno));
    }
    return {};
}

Status KeyJournal::replay(std::string_view record) {
    Reader reader(record);
    uint8_t change = 0;
    std::string key;
    std::string value;
    reader.get(change);
    reader.get(key);
    reader.get(value);
    MF_RETURN_IF_ERROR(
        reader.finish().with_context(fmt::format("config store: '{}' at byte {}", path_, size_)));
    switch (static_cast<Change>(change)) {
        case Change::kSet:
            values_[key] = std::move(value);
            return {};
        case Change::kAppend:
            values_[key] += value;
            return {};
        case Change::kRemove:
            values_.erase(key);
            return {};
    }
    return failure(Code::kError, "config store: '{}' at byte {}: change {} is unknown", path_, size_, change);
}

Status KeyJournal::record(Change change, const std::string& key, const std::string& value) {
    const std::string bytes = framed(change, key, value);
    const Status written = write_all(file_.get(), bytes, size_);
    if (!written.is_ok()) {
        // Best effort: what is left of the record is no whole one, and the next one overwrites it.
        static_cast<void>(::ftruncate(file_.get(), static_cast<off_t>(size_)));
        return written.with_context(
            fmt::format("key '{}': the store cannot keep it in '{}', so nothing was changed; make room there",
                        key, path_));
    }
    size_ += bytes.size();
    return {};
}

bool KeyJournal::wants_compacting(uint64_t live_bytes) const {
    return size_ > 2 * live_bytes + kSlack;
}

Status KeyJournal::compact(const Values& values) {
    std::string content = head(instance_);
    for (const auto& [key, value] : values) {
        content += framed(Change::kSet, key, value);
    }
    MF_RETURN_IF_ERROR(replace_file(path_, content, 0600));
    MF_RETURN_IF_ERROR(sync_folder(path_.substr(0, path_.rfind('/'))));
    file_ = Fd(::open(path_.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW));
    size_ = content.size();
    return file_.is_open()
               ? Status()
               : failure(Code::kError, "config store: '{}' cannot be opened: {}", path_, errno_text(errno));
}

Status KeyJournal::keep_instance(uint64_t instance, const Values& values) {
    instance_ = instance;
    return compact(values);
}

}  // namespace memfabric::store
