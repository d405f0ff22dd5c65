// SPDX-License-Identifier: Apache-2.0
#include "store/tls_files.h"

#include <openssl/err.h>
#include <openssl/pem.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include "base/folder.h"
#include "store/tls_secret.h"

namespace memfabric::store {
namespace {

namespace fs = std::filesystem;

Result<BioPtr> open_file(const std::string& path) {
    ERR_clear_error();
    std::error_code error;
    if (fs::is_directory(path, error)) {
        return failure(Code::kInvalidParam, "'{}' is a folder where a file is expected", path);
    }
    errno = 0;
    BioPtr file(BIO_new_file(path.c_str(), "rb"));
    if (!file) {
        const int reason = errno;
        ERR_clear_error();
        return failure(Code::kInvalidParam, "file '{}' cannot be opened: {}", path, errno_text(reason));
    }
    return file;
}

/// Reads objects until the file ends. OpenSSL tells the end of a PEM file by "no start line".
template <typename Handle, typename Reader>
Result<std::vector<FromFile<Handle>>> load_all(const std::string& path, std::string_view what, Reader read) {
    MF_ASSIGN_OR_RETURN(const BioPtr file, open_file(path));
    std::vector<FromFile<Handle>> objects;
    while (auto* object = read(file.get())) {
        objects.push_back({Handle(object), path});
    }
    const unsigned long last = ERR_peek_last_error();
    const bool at_end = ERR_GET_LIB(last) == ERR_LIB_PEM && ERR_GET_REASON(last) == PEM_R_NO_START_LINE;
    if (!at_end || objects.empty()) {
        return failure(Code::kInvalidParam, "file '{}' is no readable PEM file of {}: {}", path, what,
                       openssl_error_text());
    }
    ERR_clear_error();
    return objects;
}

Result<std::vector<LoadedCrl>> load_crl_file(const std::string& path) {
    return load_all<CrlPtr>(path, "revocation lists",
                            [](BIO* file) { return PEM_read_bio_X509_CRL(file, nullptr, nullptr, nullptr); });
}

/// A name in `folder`, or a path of its own.
std::string resolve(const std::string& folder, const std::string& name) {
    const fs::path inside = fs::path(folder) / name;  // an absolute name stands alone
    std::error_code error;
    return folder.empty() || (!fs::exists(inside, error) && fs::exists(name, error)) ? name : inside.string();
}

Result<std::vector<std::string>> files_of(const std::string& folder) {
    std::error_code error;
    if (fs::is_regular_file(folder, error)) {
        return std::vector<std::string>{folder};
    }
    errno = 0;
    const std::vector<std::string> names = names_in(folder);
    if (const int reason = errno; names.empty() && reason != 0) {
        return failure(Code::kInvalidParam, "folder '{}' cannot be read: {}", folder, errno_text(reason));
    }
    std::vector<std::string> files;
    for (const std::string& name : names) {
        const fs::path file = fs::path(folder) / name;
        if (fs::is_regular_file(file, error)) {
            files.push_back(file.string());
        }
    }
    std::sort(files.begin(), files.end());
    return files;
}

/// The named files, all of which must be good; or whatever of the right kind lies in the folder.
template <typename Handle, typename Loader>
Result<std::vector<FromFile<Handle>>> load_named_or_all(const std::string& folder,
                                                        const std::vector<std::string>& names, Loader load) {
    std::vector<FromFile<Handle>> all;
    const auto append = [&all](std::vector<FromFile<Handle>> more) {
        std::move(more.begin(), more.end(), std::back_inserter(all));
    };
    for (const std::string& name : names) {
        MF_ASSIGN_OR_RETURN(std::vector<FromFile<Handle>> objects, load(resolve(folder, name)));
        append(std::move(objects));
    }
    if (!names.empty()) {
        return all;
    }
    MF_ASSIGN_OR_RETURN(const std::vector<std::string> files, files_of(folder));
    for (const std::string& file : files) {
        if (Result<std::vector<FromFile<Handle>>> objects = load(file); objects.is_ok()) {
            append(std::move(objects).value());
        }
    }
    if (all.empty()) {
        return failure(Code::kInvalidParam, "'{}' holds none, in {} files", folder, files.size());
    }
    return all;
}

struct PasswordRequest {
    std::string_view password;
    bool asked = false;
};

int give_password(char* buffer, int size, int /*writing*/, void* context) {
    auto* request = static_cast<PasswordRequest*>(context);
    request->asked = true;
    if (request->password.empty() || request->password.size() > static_cast<size_t>(size)) {
        return -1;
    }
    std::memcpy(buffer, request->password.data(), request->password.size());
    return static_cast<int>(request->password.size());
}

}  // namespace

Result<std::vector<LoadedCertificate>> load_certificates(const std::string& path) {
    return load_all<X509Ptr>(path, "certificates",
                             [](BIO* file) { return PEM_read_bio_X509(file, nullptr, nullptr, nullptr); });
}

Result<std::vector<LoadedCertificate>> load_ca_certificates(const TlsSettings& settings) {
    auto loaded = load_named_or_all<X509Ptr>(settings.ca_path, settings.ca_files, load_certificates);
    if (!loaded.is_ok()) {
        return loaded.status().with_context("CA certificates (tlsCaPath, tlsCaFile)");
    }
    return loaded;
}

Result<std::vector<LoadedCrl>> load_crls(const TlsSettings& settings) {
    if (settings.crl_path.empty() && settings.crl_files.empty()) {
        return std::vector<LoadedCrl>{};
    }
    auto loaded = load_named_or_all<CrlPtr>(settings.crl_path, settings.crl_files, load_crl_file);
    if (!loaded.is_ok()) {
        return loaded.status().with_context("revocation lists (tlsCrlPath, tlsCrlFile)");
    }
    return loaded;
}

Result<PkeyPtr> load_private_key(const TlsSettings& settings) {
    const std::string& password_file = settings.private_key_password;
    SecretText password;
    std::string source = "tlsPkPwd";
    if (!password_file.empty()) {
        MF_ASSIGN_OR_RETURN(password, read_key_password(settings));
        source = fmt::format("'{}', tlsPkPwd{}", password_file,
                             settings.decrypt ? ", through the decrypt handler" : "");
    }
    Result<PkeyPtr> key = read_key_file(settings.private_key, password.view(), source);
    if (!key.is_ok()) {
        return key.status().with_context("private key (tlsPk)");
    }
    return key;
}

Result<PkeyPtr> read_key_file(const std::string& path, std::string_view password,
                              std::string_view password_source) {
    MF_ASSIGN_OR_RETURN(const BioPtr file, open_file(path));
    PasswordRequest request{password};
    PkeyPtr key(PEM_read_bio_PrivateKey(file.get(), nullptr, give_password, &request));
    if (key) {
        return key;
    }
    const std::string reason = openssl_error_text();
    if (request.asked && password.empty()) {
        return failure(Code::kInvalidParam,
                       "key file '{}' is encrypted, and there is no password for it: give it by {}", path,
                       password_source);
    }
    if (request.asked) {
        return failure(Code::kInvalidParam,
                       "key file '{}' cannot be decrypted, the password ({}) is wrong: {}", path,
                       password_source, reason);
    }
    return failure(Code::kInvalidParam, "file '{}' is no readable PEM private key: {}", path, reason);
}

std::string name_text(const X509_NAME* name) {
    const BioPtr buffer(BIO_new(BIO_s_mem()));
    X509_NAME_print_ex(buffer.get(), name, 0, XN_FLAG_ONELINE & ~ASN1_STRFLGS_ESC_MSB);
    char* text = nullptr;
    const long size = BIO_get_mem_data(buffer.get(), &text);
    return size > 0 ? std::string(text, static_cast<size_t>(size)) : "no name";
}

}  // namespace memfabric::store
