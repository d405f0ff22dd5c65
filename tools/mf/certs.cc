// SPDX-License-Identifier: Apache-2.0
#include <fmt/core.h>

#include <fstream>
#include <memory>

#include "capi/private_api.h"
#include "commands.h"
#include "library.h"

namespace mf {
namespace {

struct CertsArguments {
    std::string folder;
    std::string hosts = "localhost,127.0.0.1,::1";
    std::string password;
    std::string password_file;
    std::string add;
    std::string revoke;
    uint32_t days = 365;
    bool rsa = false;
    bool force = false;

    uint32_t flags() const {
        return (rsa ? MF_CERTIFICATES_RSA : 0U) | (force ? MF_CERTIFICATES_REPLACE : 0U);
    }
};

/// The password file's first line, like `openssl -passin file:` reads it.
bool read_password(CertsArguments& arguments) {
    if (arguments.password_file.empty()) {
        return true;
    }
    std::ifstream file(arguments.password_file);
    if (!std::getline(file, arguments.password) || arguments.password.empty()) {
        fmt::print(stderr, "mf certs: error: password file '{}' cannot be read, or its first line is empty\n",
                   arguments.password_file);
        return false;
    }
    return true;
}

bool print_tls_info(const CertsArguments& arguments, const std::string& name, std::string_view where) {
    const LibraryText info(
        mf_private_tls_info(arguments.folder.c_str(), name.c_str(), arguments.password.empty() ? 0 : 1));
    if (info.ok) {
        fmt::print("\n# {}\nexport SMEM_CONF_STORE_TLS_INFO={}\n", where, shell_word(info.text));
    }
    return info.ok;
}

int revoke(const CertsArguments& arguments) {
    const auto& [folder, password, certificate] =
        std::tie(arguments.folder, arguments.password, arguments.revoke);
    if (mf_private_revoke_certificate(folder.c_str(), certificate.c_str(), password.c_str()) != 0) {
        return 1;
    }
    fmt::print(
        "{} is revoked, as {}/ca.crl says now: copy that file to every host; processes read it when they "
        "start\n",
        certificate, folder);
    return 0;
}

int add(const CertsArguments& arguments) {
    const auto& [folder, name, hosts, password] =
        std::tie(arguments.folder, arguments.add, arguments.hosts, arguments.password);
    if (mf_private_issue_certificate(folder.c_str(), name.c_str(), hosts.c_str(), password.c_str(),
                                     arguments.days, arguments.flags()) != 0) {
        return 1;
    }
    fmt::print("made {0}/{1}.crt and {0}/{1}.key\n", folder, name);
    return print_tls_info(arguments, name, "for processes that use this certificate") ? 0 : 1;
}

int make_all(const CertsArguments& arguments) {
    const auto& [folder, hosts, password] = std::tie(arguments.folder, arguments.hosts, arguments.password);
    if (mf_private_make_certificates(folder.c_str(), hosts.c_str(), password.c_str(), arguments.days,
                                     arguments.flags()) != 0) {
        return 1;
    }
    fmt::print("made an authority and certificates in {}; keep ca.key where no other host reads it\n",
               folder);
    const bool printed = print_tls_info(arguments, "server",
                                        "for processes that serve a config store, and may be clients too") &&
                         print_tls_info(arguments, "client", "for processes that are clients only");
    return printed ? 0 : 1;
}

int run(CertsArguments& arguments) {
    if (!read_password(arguments)) {
        return 1;
    }
    if (!arguments.revoke.empty()) {
        return revoke(arguments);
    }
    return arguments.add.empty() ? make_all(arguments) : add(arguments);
}

}  // namespace

void register_certs(CLI::App& app, Session& session) {
    CLI::App* command = app.add_subcommand(
        "certs", "Make an authority and certificates for the config store's TLS, or revoke one");
    const auto arguments = std::make_shared<CertsArguments>();
    command->add_option("--out", arguments->folder, "Folder of the authority and its certificates")
        ->required();
    command
        ->add_option("--host", arguments->hosts, "Names and addresses of the store's host, comma-separated")
        ->capture_default_str();
    command->add_option("--days", arguments->days, "How long the certificates are valid")
        ->capture_default_str();
    CLI::Option* password = command->add_option(
        "--password", arguments->password, "Encrypt the private keys (others see it in the process list)");
    command->add_option("--password-file", arguments->password_file, "The same, from a file's first line")
        ->excludes(password);
    CLI::Option* revoked = command->add_option(
        "--revoke", arguments->revoke, "Revoke this certificate of the authority, and do nothing else");
    command
        ->add_option("--add", arguments->add,
                     "Make one more certificate of this name with the authority that is there")
        ->excludes(revoked);
    command->add_flag("--rsa", arguments->rsa, "RSA keys of 3072 bits instead of EC keys on P-256");
    command->add_flag("--force", arguments->force, "Replace an authority that is there already");
    command->callback([&session, arguments] { session.exit_code = run(*arguments); });
}

}  // namespace mf
